/**
 * How a session can fail before and on its control connections: admission, the client, the backend. One part of the table in `errors.ts`, which says what the columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const SESSION_ERRORS = {
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
  'too-many-sessions-of-user': {
    reply: [421, 'Too many sessions of this user, try again later.'],
    meaning:
      'A user logged in who has as many sessions as it may: by perUser.sessions of limits or of a route, or by the answer of decisionHook (limits.sessions).',
    remedy: 'A partner that does not close its sessions, or a limit that is too low for it: `detail` names it.',
  },
  'too-many-sessions-of-route': {
    reply: [421, 'Too many sessions, try again later.'],
    meaning: 'A user logged in on a route that has as many sessions as routes[].limits.sessions allows.',
    remedy: 'Raise the limit, or find out who holds the sessions.',
  },
  'too-many-logins-of-address': {
    reply: [421, 'Too many logins from your address, try again later.'],
    meaning: 'A client said USER more often than limits.perAddress.loginRate allows.',
    remedy:
      'A script that logs in for each file, or somebody who guesses. Raise the rate if many partners share that address.',
  },
  'too-many-logins-of-user': {
    reply: [421, 'Too many logins of this user, try again later.'],
    meaning: 'A user logged in more often than limits.perUser.loginRate allows.',
    remedy: 'A script that logs in for each file: one session can move many.',
  },
  'address-banned': {
    reply: [421, 'Too many failed logins from your address, try again later.'],
    meaning:
      'A client came from an address that is banned, or went on to log in there: limits.ban.failures logins failed within limits.ban.within.',
    remedy:
      'Somebody guesses passwords, or a partner has a wrong one: GET /bans on the side port tells who. Partners who must never be banned belong into limits.ban.except.',
  },
  draining: {
    reply: [421, 'Service is going down, try again later.'],
    meaning: 'The gateway takes no more sessions and ends those without a running transfer.',
    remedy:
      'None: it was told to (SIGTERM, or POST /-/drain). Clients connect again, to another instance where there is one.',
  },
  'ended-by-operator': {
    reply: [421, 'Session ended by the operator.'],
    meaning: 'An operator ended the session on the side port; a transfer of it was cut as aborted.',
    remedy: 'None: the log line `operator-order` says who it was.',
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
    meaning:
      'The client failed to log in as often as limits.failedLogins allows in one session, or said as often USER in place of the password.',
    remedy: 'Wrong credentials, or somebody who guesses names or passwords.',
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
  'bytes-behind-ccc': {
    reply: null,
    meaning: 'Bytes followed CCC, inside TLS or in clear, before TLS had ended (command injection).',
    remedy: 'Someone tampers with the connection, or a client that does not wait for the reply to CCC.',
  },
  'tls-shutdown-failed': {
    reply: null,
    meaning: 'Behind CCC came neither the close_notify of the client nor clear text.',
    remedy: 'See `detail`: someone tampers with the connection, or the client cannot do CCC; switch it off there.',
  },
  'tls-shutdown-timeout': {
    reply: null,
    meaning:
      'The end of TLS behind CCC could not be sent, or that of the client did not come whole, within timeouts.tlsHandshake.',
    remedy: 'See `detail`: the connection is stuck, or a firewall on the way holds back what it cannot read.',
  },
  'tls-handshake-failed': {
    reply: null,
    meaning: 'The TLS handshake of a control connection failed.',
    remedy: 'See `detail`: often an old TLS version, clear text on an implicit port, or an untrusted certificate.',
  },
  'tls-handshake-timeout': {
    reply: null,
    meaning: 'The TLS handshake of a control connection did not finish within timeouts.tlsHandshake.',
    remedy: 'A firewall that drops packets, or clear text FTP on an implicit port.',
  },
  'client-certificate-missing': {
    reply: [421, 'A client certificate is required here.'],
    meaning: 'A client showed no certificate, and clientCertificates.mode is require.',
    remedy: 'The partner must set up its client certificate and key.',
  },
  'client-certificate-expired': {
    reply: [421, 'Your client certificate has expired.'],
    meaning: 'The certificate of a client, or one above it, has expired.',
    remedy: 'See `detail`: the partner needs a new certificate; or the clock of this host is wrong.',
  },
  'client-certificate-revoked': {
    reply: [421, 'Your client certificate was revoked.'],
    meaning: 'The certificate of a client is on the list of its authority.',
    remedy: 'See `detail`; if it was not meant, the authority must issue another one.',
  },
  'client-certificate-untrusted': {
    reply: [421, 'Your client certificate is not trusted here.'],
    meaning:
      'The certificate of a client leads to none of the authorities in clientCertificates.ca; or, with clientCertificates.crl, to one without a list there.',
    remedy:
      'See `detail`: the word of OpenSSL for it. The client may also have left out the certificates between its own and the authority.',
  },
  'client-certificate-refused': {
    reply: [421, 'Your client certificate is not valid here.'],
    meaning:
      'The certificate of a client is not valid for another reason: not yet, not for clients, or the list of its authority has expired.',
    remedy: 'See `detail`: the word of OpenSSL for it. `sallyport check` looks at the lists.',
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
  'certificate-user-mismatch': {
    reply: [530, 'Your client certificate is not one of this user.'],
    meaning:
      'A client logged in under a name that its certificate does not have (clientCertificates.user); or without any where certificates stand for passwords.',
    remedy: 'The log line of the login has the subject. The partner must use the name of its certificate, or show one.',
  },
  'no-route': {
    reply: [530, 'Login incorrect.'],
    meaning: 'No route matches this client and user, so that there is no backend to log in to.',
    remedy: 'Somebody who guesses names, or a route that is missing: ask `sallyport explain`.',
  },
  'decision-hook-failed': {
    reply: [530, 'Login is not possible at the moment.'],
    meaning: 'The service of decisionHook gave no usable answer, and decisionHook.onFailure is deny.',
    remedy: 'Look at the service; the detail says whether it was silent, unreachable, or answered in a wrong form.',
  },
  'decision-hook-malformed': {
    reply: [530, 'Login is not possible at the moment.'],
    meaning: 'The service of decisionHook gave an answer that cannot be followed; nobody comes in by it.',
    remedy: 'See `detail`: mend the service. decisionHook.onFailure does not help here.',
  },
  'decision-hook-denied': {
    reply: [530, 'Login incorrect.'],
    meaning: 'The service of decisionHook refused the login.',
    remedy: 'Its reason is in the log of the service.',
  },
  // The backend's control connection.
  'no-backend-available': {
    reply: [421, 'Service not available, try again in a minute.'],
    meaning: 'Every backend of the route was tried for this login, and none could take it.',
    remedy: 'See the lines backend-failed of the same session, and backend_up.',
  },
  'backend-full': {
    reply: [421, 'Service is busy, try again in a minute.'],
    meaning: 'The backend has as many sessions as its maxSessions allows.',
    remedy: 'Raise maxSessions of the backend, or give its route another one.',
  },
  'backend-login-failed': {
    reply: null,
    meaning: 'The backend did not take the credentials of its login probe, or their file could not be read.',
    remedy: 'See `detail`: check health.user and health.password of the backend, and its own log.',
  },
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
    remedy: "See `detail`: the backend's own words.",
  },
  'backend-closed': {
    reply: [421, 'Service closed the connection.'],
    meaning: 'The backend closed its control connection.',
    remedy: "Look at the backend's own log: idle timeout, crash or restart.",
  },
  'backend-tls-refused': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The backend refused AUTH TLS; nothing is said to it in clear.',
    remedy:
      "See `detail`: the backend's own words. Switch TLS on there, or set backends[].tls to what it really speaks.",
  },
  'backend-tls-failed': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The TLS handshake with the backend failed on the control connection.',
    remedy: 'See `detail`: often no TLS on an implicit port, or no version or cipher in common (minVersion, ciphers).',
  },
  'backend-tls-timeout': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The TLS handshake with the backend did not finish within timeouts.tlsHandshake.',
    remedy: 'A firewall that drops packets, or a backend that speaks first in clear on an implicit port.',
  },
  'backend-certificate-invalid': {
    reply: [421, 'Service not available, try again later.'],
    meaning: 'The certificate of the backend is not the one that is expected; no name and no password was sent.',
    remedy:
      'See `detail`. Set backends[].ca or servername; for a self-signed certificate fingerprint, after comparing it with that on the backend.',
  },
  'backend-bytes-behind-auth': {
    reply: [421, 'Service not available, try again later.'],
    meaning: "Bytes in clear followed the backend's 234, where the TLS handshake has to come (response injection).",
    remedy: 'Somebody tampers with the connection to the backend, or a broken backend.',
  },
  'backend-protection-refused': {
    reply: [421, 'Service cannot protect data connections, closing.'],
    meaning: 'The backend refused PROT P after the login; no data is sent to it in clear.',
    remedy: "See `detail`: the backend's own words. Switch TLS on data connections on there.",
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
} as const satisfies Record<string, ErrorDescription>;
