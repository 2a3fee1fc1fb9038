/**
 * What can be wrong with the PROXY header of a control or data connection. One part of the table in `errors.ts`, which says what the
 * columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const PROXY_ERRORS = {
  'proxy-header-untrusted': {
    reply: null,
    meaning: 'A connection came from none of the networks in proxyProtocol.trusted, while a PROXY header is required.',
    remedy: 'A client that goes round the balancer, or a balancer that is missing in proxyProtocol.trusted.',
  },
  'proxy-header-missing': {
    reply: null,
    meaning: 'A connection from a trusted network did not begin with a PROXY header.',
    remedy: 'Switch the PROXY protocol on in the balancer, for this port too, or off here.',
  },
  'proxy-header-malformed': {
    reply: null,
    meaning: 'The PROXY header of a connection is broken.',
    remedy: 'A fault in the balancer, or something else that speaks to this port.',
  },
  'proxy-header-too-long': {
    reply: null,
    meaning: 'The PROXY header is longer than 107 bytes in version 1, or than 4096 bytes in version 2.',
    remedy: 'Let the balancer send fewer fields (TLVs).',
  },
  'proxy-header-unsupported': {
    reply: null,
    meaning: 'The PROXY header tells of a client over UDP or a UNIX socket.',
    remedy: 'A wrong port in the balancer: FTP clients come over TCP.',
  },
  'proxy-header-without-address': {
    reply: null,
    meaning: 'The PROXY header does not tell the address of the client (UNKNOWN, UNSPEC).',
    remedy: 'The balancer does not know its client, or checks health with version 1: let it use version 2 (LOCAL).',
  },
  'proxy-header-incomplete': {
    reply: null,
    meaning: 'A connection ended before its PROXY header was whole.',
    remedy: 'Usually harmless: a balancer that checks the port by connecting and closing.',
  },
  'proxy-header-timeout': {
    reply: null,
    meaning: 'A PROXY header was not whole within timeouts.proxyHeader.',
    remedy: 'A balancer that does not send the header, or somebody who holds connections open.',
  },
} as const satisfies Record<string, ErrorDescription>;
