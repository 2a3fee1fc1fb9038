/**
 * How data connections and transfers can fail. One part of the table in `errors.ts`, which says what the columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const DATA_ERRORS = {
  // Limits on transfers.
  'too-many-transfers': {
    reply: [450, 'Too many transfers at once, try again later.'],
    meaning: 'As many files are moved at once as a limit called transfers allows; see `detail`.',
    remedy: 'The partner should open fewer sessions at once; or raise the limit that `detail` names.',
  },
  'upload-too-large': {
    reply: [552, 'File is larger than is allowed here.'],
    meaning:
      'An upload was larger than uploadSize: refused before, or cut as soon as that was seen, and aborted at the backend.',
    remedy: 'Raise the limit that `detail` names, or ask the partner to split the file.',
  },
  'upload-quota-used-up': {
    reply: [452, 'Your quota for uploads is used up, try again later.'],
    meaning: 'An upload was refused before it began: a limit of perDay or perSession would not have held.',
    remedy: 'See `detail`: perDay counts anew at midnight of limits.timeZone, perSession in the next session.',
  },
  'upload-quota-exceeded': {
    reply: [552, 'Your quota for uploads is used up.'],
    meaning: 'An upload was cut, and aborted at the backend, because perDay or perSession was reached.',
    remedy: 'As upload-quota-used-up. Clients that say ALLO before are refused before the first byte.',
  },
  'download-quota-used-up': {
    reply: [450, 'Your quota for downloads is used up, try again later.'],
    meaning: 'A download was refused before it began: a limit of perDay or perSession would not have held.',
    remedy: 'See `detail`: perDay counts anew at midnight of limits.timeZone, perSession in the next session.',
  },
  'download-quota-exceeded': {
    reply: [426, 'Your quota for downloads is used up, transfer cut.'],
    meaning: 'A download was cut because perDay or perSession was reached.',
    remedy: 'As download-quota-used-up.',
  },
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
  'client-data-certificate-mismatch': {
    reply: [522, 'The data connection must show the client certificate of the control connection.'],
    meaning:
      'A client that came with a certificate showed none, or another one, on a data connection that did not resume its TLS session.',
    remedy: 'The client must use its certificate on data connections too, or resume; or somebody else connected.',
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
  'backend-data-tls-failed': {
    reply: [425, 'Cannot open a protected data connection.'],
    meaning: "The TLS handshake on the backend's data connection failed.",
    remedy: "See `detail` and the backend's own log.",
  },
  'backend-data-tls-timeout': {
    reply: [425, 'Cannot open a protected data connection.'],
    meaning: "The TLS handshake on the backend's data connection did not finish within timeouts.tlsHandshake.",
    remedy: 'A backend that sends data in clear, or a firewall that inspects FTP.',
  },
  'backend-data-certificate-differs': {
    reply: [425, 'Cannot open a protected data connection.'],
    meaning:
      "The backend's data connection did not resume the TLS session of the control connection and has another certificate.",
    remedy: 'Somebody else may answer on the data port; or a cluster whose members have certificates of their own.',
  },
  'backend-data-truncated': {
    reply: [451, 'The data ended without TLS close; the transfer is not complete.'],
    meaning: "The backend's data ended by FIN without TLS close_notify while policy.downloadEnd is strict.",
    remedy: 'A broken connection; or a backend that never sends close_notify: then policy.downloadEnd: tolerant.',
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
    meaning:
      "The backend refused or failed the transfer, or refused the login; the client was told the backend's own reply.",
    remedy:
      'See `reply`: permissions, missing file, disk full. 425 or 522, and not resumed by `detail`: sessions last longer there than what keeps TLS sessions (ProFTPD: TLSSessionCache).',
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
  'audit-unavailable': {
    reply: [451, 'This transfer cannot be recorded, try again later.'],
    meaning:
      'The audit log cannot be written, and audit.onFailure is refuse: the transfer was not begun, and the backend heard nothing of it.',
    remedy:
      'A full disk, or a program that reads the audit log and is gone: see audit-failing in the log, and /readyz.',
  },
  'restart-refused': {
    reply: [451, 'The service did not accept the restart position.'],
    meaning:
      'REST had to be said directly before the transfer, and the backend refused it: again, because another command came between, or with 0, because a transfer that was refused had left its position there.',
    remedy: "See `detail`: the backend's own words.",
  },
} as const satisfies Record<string, ErrorDescription>;
