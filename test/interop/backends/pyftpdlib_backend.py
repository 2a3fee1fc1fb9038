"""A plain FTP backend by pyftpdlib on 127.0.0.1: PORT FIRST-PASSIVE LAST-PASSIVE HOME USER PASSWORD."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

port, first, last = (int(word) for word in sys.argv[1:4])
home, user, password = sys.argv[4:7]

authorizer = DummyAuthorizer()
authorizer.add_user(user, password, home, perm="elradfmwMT")


class Handler(FTPHandler):
    """Everything as the library has it, but for the account and the ports."""


Handler.authorizer = authorizer
Handler.passive_ports = range(first, last + 1)
FTPServer(("127.0.0.1", port), Handler).serve_forever()
