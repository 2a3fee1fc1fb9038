/**
 * The configuration's schema: the single source of keys, defaults, units and meanings. The types are in `config.ts`.
 * Validation, `docs/configuration.md`, the commented sample and the JSON Schema all come from here.
 * Knows nothing of YAML, files, the environment, or rules that concern several keys (see `load.ts` and `check.ts`).
 */

import type { z } from 'zod';
import { ACCESS } from './access.ts';
import { ADMIN } from './admin.ts';
import { AUDIT } from './audit.ts';
import { BACKEND, type BackendConfig } from './backend.ts';
import { CLIENT_CERTIFICATES, CLIENT_CERTIFICATES_OVERRIDE, resolveClientCertificates } from './client-certificates.ts';
import type { Config } from './config.ts';
import { DECISION_HOOK } from './decision-hook.ts';
import type { PortRange } from './fields.ts';
import * as field from './fields.ts';
import { LIMITS } from './limits.ts';
import { PROXY_PROTOCOL, resolveProxyProtocol } from './proxy-protocol.ts';
import { RELOAD } from './reload.ts';
import { REPLICATION } from './replication.ts';
import { ROUTES } from './routes.ts';
import { WORKERS } from './workers.ts';

export type * from './config.ts';
export type { BackendConfig, PortRange };

const MODES = ['enforce', 'report', 'off'] as const;
const DATA_ENDS = ['strict', 'tolerant'] as const;
const SESSION_REUSES = ['require', 'prefer', 'off'] as const;
const CCC_MODES = ['deny', 'allow'] as const;
const PEERS = ['match', 'any'] as const;
const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const REQUIRE_TLS = 'No USER or PASS in clear. `report` lets them through, logs and counts them.';
const REQUIRE_PROT_P = 'No data connection in clear. `report` lets it through, logs and counts it.';
const UPLOAD_END =
  'An upload that ends without TLS close_notify: `strict` aborts it, `tolerant` takes it as complete and counts it.';

const DOWNLOAD_END =
  'A download from an FTPS backend that ends without TLS close_notify: `strict` fails it, `tolerant` takes it as complete when the backend says so, and counts it.';

const SESSION_REUSE =
  'TLS session of the control connection on data connections: `require` refuses data connections that do not resume it (522), `prefer` lets clients choose, `off` lets none resume.';

const CCC =
  'CCC, with which a client gives TLS up on its control connection when it is logged in: `deny` answers 534; `allow` answers 200 under `PROT P`, and the session goes on in clear (docs/security.md says what is lost).';

const AS_GLOBAL = 'as in `policy`';

const LISTENER = field.item('One port on which clients are welcome.', {
  name: field.label({ meaning: 'Label in logs and metrics; unique.', example: 'public' }),
  address: field.address({ meaning: 'Address to listen on; `::` is every address of both families.', default: '::' }),
  port: field.port({ meaning: 'Port to listen on; 0 is any free port.', example: 21, anyFree: true }),
  mode: field.choice(['explicit', 'implicit'], {
    meaning: '`explicit`: clear until AUTH TLS (RFC 4217). `implicit`: TLS from the first byte.',
    default: 'explicit',
  }),
  proxyProtocol: PROXY_PROTOCOL,
  clientCertificates: CLIENT_CERTIFICATES_OVERRIDE,
  policy: field.section('What differs from the global `policy` on this listener; the same keys.', {
    requireTls: field.override(MODES, REQUIRE_TLS, AS_GLOBAL),
    requireProtP: field.override(MODES, REQUIRE_PROT_P, AS_GLOBAL),
    uploadEnd: field.override(DATA_ENDS, UPLOAD_END, AS_GLOBAL),
    downloadEnd: field.override(DATA_ENDS, DOWNLOAD_END, AS_GLOBAL),
    sessionReuse: field.override(SESSION_REUSES, SESSION_REUSE, AS_GLOBAL),
    ccc: field.override(CCC_MODES, CCC, AS_GLOBAL),
  }),
});

const CERTIFICATE = field.item('One certificate with its key.', {
  cert: field.path({
    meaning: 'PEM file: the certificate, then its intermediates. Relative to the folder of this configuration.',
    example: '/etc/sallyport/tls/tls.crt',
  }),
  key: field.path({
    meaning: 'PEM file: the private key, not encrypted. Relative to the folder of this configuration.',
    example: '/etc/sallyport/tls/tls.key',
  }),
});

const ADVERTISE_RULE = field.item('One rule.', {
  clients: field.networkOrNull({ meaning: 'Network of the clients it is for; null is every client.', default: null }),
  address: field.host({
    meaning: 'What they are told in the reply to PASV; a name is resolved when it is needed.',
    example: 'ftp.example.com',
  }),
});

/** The shape of a configuration file. `z.input` is what a person writes; use {@link resolveSettings} on the output. */
export const SETTINGS = field.section('Configuration of Sallyport.', {
  listeners: field.list('Ports on which clients are welcome.', LISTENER, {
    required: { expected: 'a list of at least one listener' },
    examples: [
      { name: 'public', port: 21 },
      { name: 'public-implicit', port: 990, mode: 'implicit' },
    ],
  }),
  tls: field.section('TLS towards clients.', {
    certificates: field.list('Certificates; several for several names, or RSA and ECDSA side by side.', CERTIFICATE, {
      examples: [{ cert: '/etc/sallyport/tls/tls.crt', key: '/etc/sallyport/tls/tls.key' }],
    }),
    minVersion: field.choice(TLS_VERSIONS, { meaning: 'Oldest version that is accepted.', default: 'TLSv1.2' }),
    maxVersion: field.choice(TLS_VERSIONS, { meaning: 'Newest version that is offered.', default: 'TLSv1.3' }),
    ciphers: field.cipherList({
      meaning: 'Allowed ciphers, in the words of OpenSSL; null is the modern ones (forward secrecy and AEAD).',
      default: null,
    }),
    clientCertificates: CLIENT_CERTIFICATES,
  }),
  policy: field.section('What clients must do; each listener may differ.', {
    requireTls: field.choice(MODES, { meaning: REQUIRE_TLS, default: 'enforce' }),
    requireProtP: field.choice(MODES, { meaning: REQUIRE_PROT_P, default: 'enforce' }),
    uploadEnd: field.choice(DATA_ENDS, { meaning: UPLOAD_END, default: 'strict' }),
    downloadEnd: field.choice(DATA_ENDS, { meaning: DOWNLOAD_END, default: 'tolerant' }),
    sessionReuse: field.choice(SESSION_REUSES, { meaning: SESSION_REUSE, default: 'prefer' }),
    ccc: field.choice(CCC_MODES, { meaning: CCC, default: 'deny' }),
  }),
  data: field.section('Data connections.', {
    active: field.choice(['allow', 'deny'], {
      meaning:
        'Active mode of clients (PORT, EPRT): `allow` connects to their own address and ports from 1024 on, `deny` answers 502.',
      default: 'allow',
    }),
    peer: field.choice(PEERS, {
      meaning:
        'Who may connect to a data port. `match`: the address of the control connection, or the TLS session of it. `any`: addresses say nothing (a balancer hides them); only a resumed TLS session lets a data connection in.',
      default: 'match',
    }),
    passive: field.section('Ports that clients connect to.', {
      ports: field.portRange({
        meaning: 'As many as one client address sets up data connections at once; all clients share them.',
        default: '50000-50009',
      }),
      advertise: field.list(
        'Addresses told to clients. First match wins; without match the address they came to.',
        ADVERTISE_RULE,
        {
          examples: [{ clients: '10.0.0.0/8', address: '10.1.2.3' }, { address: 'ftp.example.com' }],
          commented: true,
        },
      ),
    }),
  }),
  backends: field.list('FTP servers behind the gateway.', BACKEND, {
    required: { expected: 'a list of at least one backend' },
    examples: [{ name: 'legacy', host: '10.0.5.20' }],
  }),
  routes: ROUTES,
  decisionHook: DECISION_HOOK,
  access: ACCESS,
  limits: LIMITS,
  timeouts: field.section('How long is waited.', {
    proxyHeader: field.duration({ meaning: 'For the whole PROXY header of a connection.', default: '5s' }),
    tlsHandshake: field.duration({ meaning: 'For a TLS handshake, with a client or with a backend.', default: '10s' }),
    backendConnect: field.duration({ meaning: 'For the TCP connection to the backend.', default: '10s' }),
    backendGreeting: field.duration({ meaning: 'For the greeting of the backend.', default: '30s' }),
    login: field.duration({ meaning: 'From the connection of a client until it is logged in.', default: '60s' }),
    controlIdle: field.duration({ meaning: 'For a command while no transfer runs.', default: '5m' }),
    dataArrival: field.duration({ meaning: 'For the data connection of a client.', default: '30s' }),
    passivePort: field.duration({
      meaning: 'That PASV and EPSV wait for a free port, where one client address holds them all; then 425.',
      default: '10s',
    }),
    backendDataConnect: field.duration({ meaning: 'For the data connection to the backend.', default: '10s' }),
    dataStall: field.duration({ meaning: 'For the next byte of a transfer.', default: '2m' }),
    finalReply: field.duration({ meaning: 'For the answer of the backend after the data has ended.', default: '60s' }),
    linger: field.duration({ meaning: 'For the client to close after a download.', default: '5s' }),
    drain: field.duration({
      meaning: 'For running transfers when the gateway is told to end (SIGTERM, `POST /-/drain`); then they are cut.',
      default: '5m',
    }),
    keepalive: field.duration({
      meaning: 'Idle time before TCP keepalive probes, on every connection.',
      default: '60s',
    }),
  }),
  admin: ADMIN,
  log: field.section('Log lines.', {
    level: field.choice(['trace', 'debug', 'info', 'warn', 'error'], {
      meaning: 'Least level that is written.',
      default: 'info',
    }),
    format: field.choice(['json', 'pretty'], { meaning: '`json` for programs, `pretty` for people.', default: 'json' }),
  }),
  audit: AUDIT,
  reload: RELOAD,
  workers: WORKERS,
  replication: REPLICATION,
});

/** What the schema makes of a file. */
export type Settings = z.output<typeof SETTINGS>;

/** The configuration that settings mean: the global policy is merged into each listener. */
export function resolveSettings({ policy, listeners, ...rest }: Settings): Config {
  return {
    ...rest,
    listeners: listeners.map((listener) => ({
      ...listener,
      proxyProtocol: resolveProxyProtocol(listener.proxyProtocol),
      clientCertificates: resolveClientCertificates(rest.tls.clientCertificates, listener.clientCertificates),
      policy: {
        requireTls: listener.policy.requireTls ?? policy.requireTls,
        requireProtP: listener.policy.requireProtP ?? policy.requireProtP,
        uploadEnd: listener.policy.uploadEnd ?? policy.uploadEnd,
        downloadEnd: listener.policy.downloadEnd ?? policy.downloadEnd,
        sessionReuse: listener.policy.sessionReuse ?? policy.sessionReuse,
        ccc: listener.policy.ccc ?? policy.ccc,
      },
    })),
  };
}
