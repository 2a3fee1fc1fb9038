"""Makes a pyftpdlib handler as strict as servers on GnuTLS can be: over TLS 1.3 the control connection brings no ticket but one new one
before each answer to PASV and EPSV, and a data connection must resume by the newest."""
import ctypes

from OpenSSL import SSL
from pyftpdlib.handlers import TLS_DTPHandler
from pyftpdlib.log import logger

# The library that the interpreter has loaded already.
openssl = ctypes.CDLL("libssl.so.3")
FOR_EVER = 2**62


def pointer(c_object):
    return ctypes.c_void_p(int(SSL._ffi.cast("uintptr_t", c_object)))


class ResumingData(TLS_DTPHandler):
    def handle_ssl_established(self):
        super().handle_ssl_established()
        if not openssl.SSL_session_reused(pointer(self.socket._ssl)):
            self._resp = ("522 The newest ticket must be used.", logger.debug)
            self.close()


def demand_newest_ticket(handler):
    """The class with what this file is about."""

    class NewestTicket(handler):
        dtp_handler = ResumingData
        # Tickets name sessions that are kept here, and can be forgotten here.
        ssl_options = handler.ssl_options | SSL.OP_NO_TICKET

        def issue_ticket(self):
            context = pointer(self.ssl_context._context)
            openssl.SSL_CTX_flush_sessions(context, ctypes.c_long(FOR_EVER))
            openssl.SSL_new_session_ticket(pointer(self.socket._ssl))

        def ftp_PASV(self, line):
            self.issue_ticket()
            return super().ftp_PASV(line)

        def ftp_EPSV(self, line):
            self.issue_ticket()
            return super().ftp_EPSV(line)

    NewestTicket.ssl_context = NewestTicket.get_ssl_context()
    openssl.SSL_CTX_set_num_tickets(pointer(NewestTicket.ssl_context._context), ctypes.c_size_t(0))
    return NewestTicket
