"""Does what JSON lines on standard input say, with ftplib or over bare TLS; answers each line with one line of JSON.

Times are seconds. One session at a time; large files move in the same blocks whether FTP is spoken or not.
"""
import ftplib
import json
import os
import ssl
import socket
import sys
import time

BLOCK = 65536
TIMEOUT = 60


class Session(ftplib.FTP_TLS):
    """FTP over explicit TLS that can resume the TLS session of the control connection on data connections (ftplib never does)."""

    resume = False
    resumed = None

    def ntransfercmd(self, cmd, rest=None):
        if not self.resume:
            connection, size = super().ntransfercmd(cmd, rest)
        else:
            plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
            connection = self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session)
        self.resumed = connection.session_reused if isinstance(connection, ssl.SSLSocket) else None
        return connection, size


ftp = None


def tls_context(step):
    context = ssl.create_default_context(cafile=step["authority"])
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    return context


def connect(step):
    """Connects and logs in; with TLS the last step is PROT P."""
    global ftp
    secure = step["security"] == "explicit"
    ftp = Session(context=tls_context(step), timeout=TIMEOUT) if secure else ftplib.FTP(timeout=TIMEOUT)
    start = time.perf_counter()
    ftp.connect(step["host"], step["port"])
    ftp.login(step["user"], step["password"])
    if secure:
        ftp.prot_p()
    seconds = time.perf_counter() - start
    ftp.resume = step.get("resume", False)
    return {"seconds": seconds}


def close(_step):
    ftp.quit()
    return {}


def logins(step):
    seconds = []
    for _ in range(step["count"]):
        seconds.append(connect(step)["seconds"])
        close(step)
    return {"seconds": seconds}


def commands(step):
    seconds = []
    for _ in range(step["count"]):
        start = time.perf_counter()
        ftp.sendcmd(step["line"])
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds}


def drain(connection):
    """Reads to the end; tells how many bytes came."""
    block = bytearray(BLOCK)
    received = 0
    while True:
        count = connection.recv_into(block)
        if count == 0:
            return received
        received += count


def send_file(connection, path):
    block = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            connection.sendall(block[:count])


def download(step):
    ftp.voidcmd("TYPE I")
    start = time.perf_counter()
    connection = ftp.transfercmd("RETR " + step["name"])
    received = drain(connection)
    connection.unwrap()
    connection.close()
    ftp.voidresp()
    return {"seconds": time.perf_counter() - start, "bytes": received, "cipher": connection.cipher()}


def upload(step):
    ftp.voidcmd("TYPE I")
    start = time.perf_counter()
    connection = ftp.transfercmd("STOR " + step["name"])
    send_file(connection, step["local"])
    connection.unwrap()
    connection.close()
    ftp.voidresp()
    return {"seconds": time.perf_counter() - start, "bytes": os.path.getsize(step["local"])}


def raw_connection(step):
    plain = socket.create_connection((step["host"], step["port"]), TIMEOUT)
    return tls_context(step).wrap_socket(plain, server_hostname=step["host"])


def raw_download(step):
    start = time.perf_counter()
    with raw_connection(step) as connection:
        received = drain(connection)
    return {"seconds": time.perf_counter() - start, "bytes": received}


def raw_upload(step):
    start = time.perf_counter()
    connection = raw_connection(step)
    send_file(connection, step["local"])
    plain = connection.unwrap()
    plain.shutdown(socket.SHUT_WR)
    drain(plain)
    plain.close()
    return {"seconds": time.perf_counter() - start, "bytes": os.path.getsize(step["local"])}


def small_files(step):
    """Uploads and downloads files one by one, as ftplib does it; the content that comes back is compared."""
    content = os.urandom(step["bytes"])
    with open(step["local"], "wb") as file:
        file.write(content)
    up, down, resumed = [], [], 0
    for number in range(step["count"]):
        with open(step["local"], "rb") as file:
            start = time.perf_counter()
            ftp.storbinary("STOR small-%d" % number, file)
            up.append(time.perf_counter() - start)
        resumed += bool(ftp.resumed)
    for number in range(step["count"]):
        parts = []
        start = time.perf_counter()
        ftp.retrbinary("RETR small-%d" % number, parts.append)
        down.append(time.perf_counter() - start)
        resumed += bool(ftp.resumed)
        if b"".join(parts) != content:
            raise ValueError("file %d came back changed" % number)
    return {"up": up, "down": down, "resumed": resumed}


ACTIONS = {
    action.__name__: action
    for action in (connect, close, logins, commands, download, upload, raw_download, raw_upload, small_files)
}

for line in sys.stdin:
    step = json.loads(line)
    try:
        answer = ACTIONS[step["do"]](step)
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer), flush=True)
