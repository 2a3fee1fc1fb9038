/**
 * What can go wrong, in one table. Every code appears unchanged in log lines, metric labels and `docs/errors.md`.
 * An error carries two texts: `reply` is what a client may see, `detail` and `cause` are for the operator's log.
 * Knows nothing of sockets and of FTP grammar.
 */

/** One row of the table. `reply` is what the client is told: code and text; null where the client is told nothing. */
export interface ErrorDescription {
  readonly reply: readonly [code: number, text: string] | null;
  /** What happened, for an operator. */
  readonly meaning: string;
  /** What an operator can do about it. */
  readonly remedy: string;
}

/** Every way in which a session, a login or a transfer can fail or end early. */
export const ERRORS = {
  // The PROXY header of a control or data connection.
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

  // Sessions: admission and the control connection of the client.
  'too-many-sessions': {
    reply: [421, 'Too many sessions, try again later.'],
    meaning: 'limits.sessions was reached.',
    remedy: 'Raise limits.sessions, or find out who holds the sessions.',
  },
  'too-many-sessions-per-address': {
    reply: [421, 'Too many sessions from your address, try again later.'],
    meaning: 'limits.sessionsPerAddress was reached by one client address.',
    remedy: 'Raise limits.sessionsPerAddress if many partners share that address.',
  },
  'shutting-down': {
    reply: [421, 'Service is shutting down.'],
    meaning: 'The gateway was told to stop.',
    remedy: 'None: clients connect again.',
  },
  'login-timeout': {
    reply: [421, 'Login took too long.'],
    meaning: 'timeouts.login ran out between the connection and a successful login.',
    remedy: 'A scanner, a stalled client, or a slow backend: see the log lines of the same session.',
  },
  'control-idle': {
    reply: [421, 'Idle for too long, closing.'],
    meaning: 'No command for timeouts.controlIdle while no transfer was running.',
    remedy: 'Raise timeouts.controlIdle if partners pause for longer.',
  },
  'too-many-unknown-commands': {
    reply: [421, 'Too many unknown commands.'],
    meaning: 'The client sent more unknown commands than limits.unknownCommands.',
    remedy: 'Usually a scanner.',
  },
  'too-many-failed-logins': {
    reply: [421, 'Too many failed logins.'],
    meaning: 'The client failed to log in more often than limits.failedLogins in one session.',
    remedy: 'Wrong credentials, or somebody who guesses passwords.',
  },
  'line-too-long': {
    reply: [500, 'Command line too long.'],
    meaning: 'A command line was longer than limits.commandLine.',
    remedy: 'Not an FTP client, or an attack.',
  },
  'http-command': {
    reply: [500, 'This is not an HTTP server.'],
    meaning: 'The client spoke HTTP.',
    remedy: 'A scanner, or a browser that was led here (cross-protocol attack).',
  },
  'tls-without-auth': {
    reply: null,
    meaning: 'A TLS handshake arrived on an explicit listener before AUTH TLS.',
    remedy: 'The partner configured implicit FTPS for an explicit port.',
  },
  'bytes-behind-auth': {
    reply: null,
    meaning: 'Bytes followed AUTH in clear before the TLS handshake (command injection).',
    remedy: 'Someone tampers with the connection, or a broken client.',
  },
  'tls-handshake-failed': {
    reply: null,
    meaning: 'The TLS handshake of a control connection failed.',
    remedy: 'See `reason`: often an old TLS version, clear text on an implicit port, or an untrusted certificate.',
  },
  'tls-handshake-timeout': {
    reply: null,
    meaning: 'The TLS handshake of a control connection did not finish within timeouts.tlsHandshake.',
    remedy: 'A firewall that drops packets, or clear text FTP on an implicit port.',
  },
  'client-closed': {
    reply: null,
    meaning: 'The client closed its control connection without QUIT.',
    remedy: 'Usually harmless; during a transfer the transfer counts as failed.',
  },
  'client-quit': { reply: null, meaning: 'The client said QUIT.', remedy: 'None: the normal end.' },
  'internal-error': {
    reply: [421, 'Internal error, closing.'],
    meaning: 'A fault in the gateway ended this session; the others go on.',
    remedy: 'Report it with the logged stack.',
  },
  'tls-required': {
    reply: [530, 'Encryption is required here: send AUTH TLS first.'],
    meaning: 'USER or PASS in clear while policy.requireTls is enforced.',
    remedy: 'The partner must choose explicit FTPS.',
  },
  'protection-required': {
    reply: [521, 'Protected data connections are required here: send PROT P first.'],
    meaning: 'A transfer without PROT P while policy.requireProtP is enforced.',
    remedy: 'The partner must switch on data channel encryption.',
  },

  // The backend's control connection.
  'backend-unreachable': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The TCP connection to the backend failed.',
    remedy: 'Check that the backend runs and that host, port and firewall are right.',
  },
  'backend-connect-timeout': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The TCP connection to the backend was not made within timeouts.backendConnect.',
    remedy: 'A firewall that drops packets, or a wrong address.',
  },
  'backend-greeting-timeout': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The backend accepted the connection and did not greet within timeouts.backendGreeting.',
    remedy: 'The backend is overloaded, or waits for name lookups; raise timeouts.backendGreeting.',
  },
  'backend-refused-service': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The backend greeted with an error, or said 421.',
    remedy: "See `reply`: the backend's own words.",
  },
  'backend-closed': {
    reply: [421, 'Service closed the connection.'],
    meaning: 'The backend closed its control connection.',
    remedy: "Look at the backend's own log: idle timeout, crash or restart.",
  },
  'backend-reply-malformed': {
    reply: [421, 'Service answered nonsense, closing.'],
    meaning: 'The backend sent something that is no FTP reply, so that replies can no longer be told apart.',
    remedy: 'Is the backend really an FTP server on that port? See `detail`.',
  },
  'backend-reply-too-long': {
    reply: [421, 'Service answered nonsense, closing.'],
    meaning: 'A reply of the backend was longer than limits.replyLine or limits.reply.',
    remedy: 'Raise the limit if the backend has a very long banner.',
  },
  'backend-reply-timeout': {
    reply: [421, 'Service did not answer in time.'],
    meaning: 'The backend did not answer a command within timeouts.finalReply.',
    remedy: 'The backend hangs; raise timeouts.finalReply if it is only slow.',
  },

  // Data connections and transfers.
  'no-data-setup': {
    reply: [425, 'Use PASV or EPSV first.'],
    meaning: 'A transfer command without PASV, EPSV, PORT or EPRT before it.',
    remedy: 'A client fault.',
  },
  'passive-ports-exhausted': {
    reply: [425, 'No data port is free, try again.'],
    meaning: 'Every port of data.passive.ports already waits for a connection from this client address.',
    remedy: 'Widen data.passive.ports: it needs as many ports as one address sets up data connections at once.',
  },
  'advertised-address-unknown': {
    reply: [425, 'Cannot open a data connection.'],
    meaning: 'The name of a data.passive.advertise rule could not be resolved.',
    remedy: 'Check the name and the resolver of this host.',
  },
  'active-mode-denied': {
    reply: [502, 'Active mode is not available here: use EPSV or PASV.'],
    meaning: 'PORT or EPRT, and data.active is deny.',
    remedy: 'Set the client to passive mode, or allow active mode.',
  },
  'active-target-refused': {
    reply: [504, 'Only your own address and a port from 1024 on can be connected to.'],
    meaning:
      'PORT or EPRT named an address other than that of the client, a port below 1024, or a port of the gateway itself.',
    remedy:
      'A client behind NAT that names its private address: set it to passive mode. Otherwise a bounce attack (RFC 2577).',
  },
  'client-data-timeout': {
    reply: [425, 'Your data connection did not arrive.'],
    meaning: 'Within timeouts.dataArrival the client did not connect to the data port, or did not accept on its own.',
    remedy:
      'A firewall between client and gateway: passive mode needs data.passive.ports and the right advertised address, active mode connections to the client.',
  },
  'client-data-refused': {
    reply: [425, 'Cannot connect to your data port.'],
    meaning: 'In active mode the client refused the connection to the port that it had named.',
    remedy: 'A firewall before the client, or NAT: set the client to passive mode.',
  },
  'client-data-tls-failed': {
    reply: [522, 'TLS on the data connection failed.'],
    meaning: "The TLS handshake of the client's data connection failed.",
    remedy: 'See `detail`; a client that speaks clear text on PROT P, or a middlebox.',
  },
  'client-data-tls-timeout': {
    reply: [522, 'TLS on the data connection did not start in time.'],
    meaning: "The TLS handshake of the client's data connection did not finish within timeouts.tlsHandshake.",
    remedy: 'A client that does not encrypt its data connection, or a middlebox.',
  },
  'tls-session-not-resumed': {
    reply: [522, 'TLS on the data connection must resume the session of the control connection.'],
    meaning:
      'A data connection did not resume the TLS session of its control connection, and had to: by policy.sessionReuse, or because nothing else tells whose it is.',
    remedy:
      'The client cannot resume: policy.sessionReuse: prefer, and data.passive.ports wide enough that nobody has to share a port.',
  },
  'client-data-truncated': {
    reply: [426, 'Your data connection ended without TLS close; the transfer is not complete.'],
    meaning: "The client's upload ended by FIN without TLS close_notify: it may have been cut.",
    remedy: 'A broken connection; or an old client that never sends close_notify: then policy.uploadEnd: tolerant.',
  },
  'client-data-reset': {
    reply: [426, 'Your data connection was reset; the transfer is not complete.'],
    meaning: "The client's data connection broke off.",
    remedy: 'A broken connection, or the user cancelled.',
  },
  'client-aborted': {
    reply: [426, 'Transfer aborted.'],
    meaning: 'The client sent ABOR.',
    remedy: 'None: the client wanted it.',
  },
  'client-control-lost': {
    reply: null,
    meaning: "The client's control connection ended during a transfer.",
    remedy: 'A broken connection, or the user closed the program.',
  },
  'backend-data-setup-failed': {
    reply: [425, 'Cannot open a data connection.'],
    meaning: 'The backend refused EPSV and PASV (in active mode PORT and EPRT), or answered something unusable.',
    remedy: "See `detail`: the backend's own words.",
  },
  'backend-data-refused': {
    reply: [425, 'Cannot open a data connection.'],
    meaning: "The TCP connection to the backend's data port failed.",
    remedy: "A firewall between gateway and backend blocks the backend's passive ports.",
  },
  'backend-data-timeout': {
    reply: [425, 'Cannot open a data connection.'],
    meaning:
      "Within timeouts.backendDataConnect the connection to the backend's data port was not made; in active mode, the backend did not connect.",
    remedy:
      "A firewall between gateway and backend drops packets: to the backend's passive ports, or to backends[].active.ports.",
  },
  'backend-data-ports-exhausted': {
    reply: [425, 'Cannot open a data connection.'],
    meaning: 'For a backend in active mode no port of backends[].active.ports could be bound.',
    remedy: 'Widen backends[].active.ports, or see `detail`: it must be free on this host.',
  },
  'backend-data-reset': {
    reply: [426, 'The data connection broke; the transfer is not complete.'],
    meaning: "The backend's data connection broke off during the transfer.",
    remedy: "Look at the backend's own log.",
  },
  'backend-data-closed': {
    reply: [426, 'The data connection was closed early; the transfer is not complete.'],
    meaning: 'The backend closed its data connection before the upload had ended.',
    remedy: "Look at the backend's own log: disk full, quota, crash.",
  },
  'backend-refused': {
    reply: null,
    meaning: "The backend refused or failed the transfer; the client was told the backend's own reply.",
    remedy: 'See `reply`: permissions, missing file, disk full.',
  },
  'backend-early-success': {
    reply: [451, 'The service reported success before the end of the data; the transfer is not complete.'],
    meaning: 'The backend said 2yz to an upload before the gateway had sent the end of the data.',
    remedy: 'A fault or a limit in the backend: look at its log and at the size of the file.',
  },
  'backend-control-lost': {
    reply: [421, 'Service closed the connection.'],
    meaning: "The backend's control connection ended during a transfer.",
    remedy: "Look at the backend's own log: crash or restart.",
  },
  'backend-final-reply-timeout': {
    reply: [451, 'The service did not confirm the transfer; it may not be complete.'],
    meaning: 'The data ended and the backend did not say within timeouts.finalReply whether all is well.',
    remedy: 'The backend hangs; raise timeouts.finalReply if it needs long to store a file.',
  },
  'data-stalled': {
    reply: [426, 'No data moved for too long; the transfer is not complete.'],
    meaning: 'No byte moved for timeouts.dataStall.',
    remedy: 'A broken connection, or a side that hangs.',
  },
  'restart-refused': {
    reply: [451, 'The service did not accept the restart position.'],
    meaning: 'REST had to be repeated directly before the transfer and the backend refused it.',
    remedy: "See `detail`: the backend's own words.",
  },
} as const satisfies Record<string, ErrorDescription>;

/** Stable code of an error: a key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** Extra facts of a {@link GatewayError}. */
export interface GatewayErrorOptions {
  /** What happened, for the log: never a secret. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** An error with a stable code. `reply` is safe to show to the client, `message` and `cause` are for the log. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    const { detail } = options;
    super(detail === undefined ? code : `${code}: ${detail}`, { cause: options.cause });
    this.code = code;
    this.detail = detail;
  }

  /** Code and text for the client, or null where it is told nothing. */
  get reply(): readonly [code: number, text: string] | null {
    return ERRORS[this.code].reply;
  }
}

/** The error as a {@link GatewayError}: itself, or wrapped under `code`. */
export function asGatewayError(error: unknown, code: ErrorCode): GatewayError {
  if (error instanceof GatewayError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new GatewayError(code, { detail, cause: error });
}
