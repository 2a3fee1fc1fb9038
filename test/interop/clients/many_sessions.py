"""
Many sessions of ftplib at once, one thread each, that resume the TLS session of their control connection on data
connections, as ftplib does not by itself. Told as JSON on standard input: all log in, wait until the file `start` is
there, and then each uploads and downloads its own file. Fails with the tracebacks of all that failed.
"""
import ftplib
import json
import os
import ssl
import sys
import threading
import time
import traceback

TIMEOUT = 30


class ResumingTLS(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session), size


def open_session(target):
    context = ssl.create_default_context(cafile=target["authority"])
    version = ssl.TLSVersion.TLSv1_2 if target["tls"] == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = version
    ftp = ResumingTLS(context=context, timeout=TIMEOUT)
    ftp.connect(target["host"], target["port"])
    ftp.login(target["user"], target["password"])
    ftp.prot_p()
    return ftp


def run(target, errand, start, failures):
    try:
        ftp = open_session(target)
        while not os.path.exists(start):
            time.sleep(0.02)
        with open(errand["local"], "rb") as local:
            ftp.storbinary("STOR " + errand["remote"], local)
        with open(errand["back"], "wb") as back:
            ftp.retrbinary("RETR " + errand["remote"], back.write)
        ftp.quit()
    except Exception:
        failures.append(traceback.format_exc())


def main():
    order = json.load(sys.stdin)
    failures = []
    threads = [
        threading.Thread(target=run, args=(order["target"], errand, order["start"], failures))
        for errand in order["errands"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit("\n".join(failures) or 0)


main()
