"""Carries out the steps of a JSON document on standard input with ftplib, in one session; fails with a traceback."""
import ftplib
import json
import socket
import ssl
import sys

CHARSET = "latin-1"
TIMEOUT = 15


class ImplicitTLS(ftplib.FTP_TLS):
    """FTP over TLS from the first byte, which ftplib does not know by itself."""

    def connect(self, host="", port=0, timeout=TIMEOUT, source_address=None):
        self.host, self.port, self.timeout = host, port, timeout
        plain = socket.create_connection((host, port), timeout)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class ResumingTLS(ftplib.FTP_TLS):
    """Resumes the TLS session of the control connection on data connections, which ftplib does not do by itself."""

    def ntransfercmd(self, cmd, rest=None):
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session), size


def open_session(target, resumes):
    options = {"timeout": TIMEOUT, "encoding": CHARSET}
    if target["security"] == "plain":
        ftp = ftplib.FTP(**options)
    else:
        context = ssl.create_default_context(cafile=target["authority"])
        if target.get("certificate"):
            context.load_cert_chain(target["certificate"]["cert"], target["certificate"]["key"])
        version = ssl.TLSVersion.TLSv1_2 if target["tls"] == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
        context.minimum_version = context.maximum_version = version
        kind = ResumingTLS if resumes else ftplib.FTP_TLS
        kind = ImplicitTLS if target["security"] == "implicit" else kind
        ftp = kind(context=context, **options)
    ftp.connect(target["host"], target["port"])
    ftp.login(target["user"], target["password"])
    if target["security"] != "plain":
        ftp.prot_p()
        if target.get("ccc"):
            ftp.ccc()
    ftp.set_pasv(not target.get("active", False))
    return ftp


def perform(ftp, step):
    action = step["do"]
    if action == "list":
        names = ftp.nlst(step["folder"])
        with open(step["into"], "wb") as into:
            into.write("\n".join(names).encode(CHARSET) + b"\n")
            ftp.retrlines("LIST " + step["folder"], lambda line: into.write(line.encode(CHARSET) + b"\n"))
    elif action == "upload":
        with open(step["local"], "rb") as local:
            ftp.storbinary("STOR " + step["remote"], local, blocksize=65536)
    elif action == "download":
        with open(step["local"], "wb") as local:
            ftp.retrbinary("RETR " + step["remote"], local.write, blocksize=65536)
    elif action == "rename":
        ftp.rename(step["from"], step["to"])
    elif action == "delete":
        ftp.delete(step["remote"])
    elif action == "make folder":
        ftp.mkd(step["folder"])
    elif action == "remove folder":
        ftp.rmd(step["folder"])
    else:
        raise ValueError(action)


def main():
    order = json.load(sys.stdin)
    ftp = open_session(order["target"], order["resumes"])
    for step in order["steps"]:
        try:
            perform(ftp, step)
        except Exception as error:
            raise RuntimeError(f"step {step}") from error
    ftp.quit()


main()
