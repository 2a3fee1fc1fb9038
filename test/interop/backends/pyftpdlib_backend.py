"""An FTP backend by pyftpdlib on 127.0.0.1: PORT FIRST-PASSIVE LAST-PASSIVE HOME USER PASSWORD [explicit|implicit CERT KEY [newest-ticket]]."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

port, first, last = (int(word) for word in sys.argv[1:4])
home, user, password = sys.argv[4:7]

authorizer = DummyAuthorizer()
authorizer.add_user(user, password, home, perm="elradfmwMT")

if len(sys.argv) > 7:
    from pyftpdlib.handlers import TLS_FTPHandler

    class Handler(TLS_FTPHandler):
        """TLS on every connection; `implicit` from the first byte, which the library does not know by itself."""

        certfile, keyfile = sys.argv[8:10]
        tls_control_required = True
        tls_data_required = True

        if sys.argv[7] == "implicit":

            def handle(self):
                self.secure_connection(self.ssl_context)

            def handle_ssl_established(self):
                super().handle()

    if sys.argv[10:] == ["newest-ticket"]:
        from pyftpdlib_newest_ticket import demand_newest_ticket

        Handler = demand_newest_ticket(Handler)

else:

    class Handler(FTPHandler):
        """Everything as the library has it, but for the account and the ports."""


Handler.authorizer = authorizer
Handler.passive_ports = range(first, last + 1)
FTPServer(("127.0.0.1", port), Handler).serve_forever()
