/**
 * Rules about several keys, which a schema cannot say: unique names, ports that do not collide, policies that can be kept.
 * `checkRules` is pure; `checkFiles` reads the certificate files. Whether OpenSSL accepts `tls.ciphers` is found out where contexts are made.
 */

import { canonicalAddress, familyOf, isNetwork, parseNetwork } from '../net/address.ts';
import { accessErrors } from './access.ts';
import { accessWarnings } from './access-warnings.ts';
import { adminErrors, adminWarnings } from './admin.ts';
import { auditErrors, checkAuditFiles } from './audit.ts';
import { backendErrors, backendWarnings, type TakenPorts } from './backend.ts';
import { backendHealthErrors, backendHealthWarnings, checkBackendHealthFiles } from './backend-health.ts';
import { backendTlsErrors, backendTlsWarnings } from './backend-tls.ts';
import { checkAdminFiles } from './check-admin-files.ts';
import { checkBackendFiles } from './check-backend-files.ts';
import { checkCertificate } from './check-certificate.ts';
import { checkClientCertificates } from './check-client-certificates.ts';
import { checkReplicationFiles } from './check-replication-files.ts';
import { clientCertificatesErrors, clientCertificatesWarnings } from './client-certificates.ts';
import { checkDecisionHookFile, decisionHookErrors, decisionHookWarnings } from './decision-hook.ts';
import { limitsWarnings } from './limits.ts';
import { loginLimitsErrors } from './login-limits.ts';
import type { ConfigProblem } from './problem.ts';
import { proxyProtocolErrors, proxyProtocolWarnings } from './proxy-protocol.ts';
import { replicationErrors } from './replication.ts';
import { rootErrors } from './root-folder.ts';
import { checkRouteFiles, routeErrors, routeWarnings } from './routes.ts';
import type { Config, ListenerConfig, Policy, PortRange } from './schema.ts';
import { nearest } from './suggestion.ts';
import { workersErrors } from './worker-slices.ts';

/** What is wrong, and what is allowed but doubtful. */
export interface Findings {
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** Applies every rule, files included. Problems have no lines: no text is known here. Never rejects. */
export async function checkConfig(config: Config): Promise<Findings> {
  const rules = checkRules(config);
  const files = await checkFiles(config);
  return { errors: [...rules.errors, ...files.errors], warnings: [...rules.warnings, ...files.warnings] };
}

/** The rules that need nothing but the configuration itself. */
export function checkRules(config: Config): Findings {
  return {
    errors: [
      ...repeatedNames('listeners', config.listeners),
      ...repeatedNames('backends', config.backends),
      ...collidingListeners(config),
      ...collidingAdmin(config),
      ...portsInPassiveRange(config),
      ...versionsInverted(config),
      ...missingCertificates(config),
      ...replyBounds(config),
      ...unusableAddresses(config),
      ...workersErrors(config),
      ...replicationErrors(config),
      ...collidingReplication(config),
      ...proxyProtocolErrors(config.listeners),
      ...loginLimitsErrors(config.limits),
      ...clientCertificatesErrors(config.listeners, config.routes),
      ...backendErrors(config.backends, takenPorts(config)),
      ...backendTlsErrors(config.backends),
      ...backendHealthErrors(config.backends),
      ...routeErrors(config, nearest),
      ...rootErrors(config),
      ...decisionHookErrors(config.decisionHook),
      ...accessErrors(config, nearest),
      ...auditErrors(config),
      ...adminErrors(config.admin),
    ],
    warnings: [
      ...clearText(config),
      ...advertiseNeverMatches(config),
      ...advertiseIpv6(config),
      ...proxyProtocolWarnings(config.listeners),
      ...clientCertificatesWarnings(config.listeners, config.routes),
      ...backendWarnings(config.backends),
      ...backendTlsWarnings(config.backends),
      ...backendHealthWarnings(config.backends),
      ...routeWarnings(config),
      ...limitsWarnings(config),
      ...decisionHookWarnings(config.decisionHook),
      ...accessWarnings(config),
      ...adminWarnings(config.admin),
    ],
  };
}

/** The rules about the certificate files. Never rejects: a file that cannot be read is an error found. */
export async function checkFiles(config: Config): Promise<Findings> {
  const now = new Date();
  const found = await Promise.all([
    ...config.tls.certificates.map((files, index) => checkCertificate(files, `tls.certificates[${index}]`, now)),
    ...config.backends.map((backend, index) => checkBackendFiles(backend, `backends[${index}]`, now)),
    checkClientCertificates(config, now),
    checkBackendHealthFiles(config.backends).then((errors) => ({ errors, warnings: [] })),
    checkRouteFiles(config.routes).then((errors) => ({ errors, warnings: [] })),
    checkDecisionHookFile(config.decisionHook).then((errors) => ({ errors, warnings: [] })),
    checkAuditFiles(config.audit).then((errors) => ({ errors, warnings: [] })),
    checkAdminFiles(config.admin, now),
    checkReplicationFiles(config.replication, now),
  ]);
  return { errors: found.flatMap(({ errors }) => errors), warnings: found.flatMap(({ warnings }) => warnings) };
}

function repeatedNames(section: string, items: readonly { readonly name: string }[]): ConfigProblem[] {
  return items.flatMap(({ name }, index) => {
    const first = items.findIndex((other) => other.name === name);
    if (first === index) return [];
    const message = `found ${JSON.stringify(name)}, expected a name that ${section}[${first}] does not have already`;
    return [{ path: `${section}[${index}].name`, message, related: [`${section}[${first}].name`] }];
  });
}

/** Whether one address is the other, or a wildcard that covers it. `::` covers both families. */
function addressesOverlap(a: string, b: string): boolean {
  const [one, other] = [canonicalAddress(a), canonicalAddress(b)];
  const covers = (wildcard: string, address: string) =>
    isAnyIpv6(wildcard) || (wildcard === '0.0.0.0' && familyOf(address) === 1);
  return one === other || covers(one, other) || covers(other, one);
}

/** `::` in any spelling, such as `0:0:0:0:0:0:0:0`. */
function isAnyIpv6(address: string): boolean {
  return familyOf(address) === 2 && /^[0:]+$/.test(address);
}

type Bound = Pick<ListenerConfig, 'address' | 'port'>;

function collide(a: Bound, b: Bound): boolean {
  return a.port !== 0 && a.port === b.port && addressesOverlap(a.address, b.address);
}

function collidingListeners({ listeners }: Config): ConfigProblem[] {
  return listeners.flatMap((listener, index) => {
    const first = listeners.slice(0, index).findIndex((other) => collide(listener, other));
    if (first === -1) return [];
    const message = `found ${listener.port}, expected a port that listeners[${first}] does not have on the same address`;
    const related = [`listeners[${index}].address`, `listeners[${first}].port`, `listeners[${first}].address`];
    return [{ path: `listeners[${index}].port`, message, related }];
  });
}

function collidingAdmin({ admin, listeners }: Config): ConfigProblem[] {
  return listeners.flatMap((listener, index) => {
    if (!collide(admin, listener)) return [];
    const message = `found ${admin.port}, expected a port that listeners[${index}] does not have on the same address`;
    const related = ['admin.address', `listeners[${index}].port`, `listeners[${index}].address`];
    return [{ path: 'admin.port', message, related }];
  });
}

/** Replicas listen for each other beside everything else. */
function collidingReplication({ replication, admin, listeners, data }: Config): ConfigProblem[] {
  if (replication.count === 1) return [];
  const { listen } = replication;
  const path = 'replication.listen.port';
  const taken = [
    ...listeners.map((listener, index) => [`listeners[${index}]`, listener] as const),
    ['admin', admin] as const,
  ].filter(([, bound]) => collide(listen, bound));
  const { first, last }: PortRange = data.passive.ports;
  const inRange = listen.port >= first && listen.port <= last;
  const shared = inRange && listeners.some(({ address }) => addressesOverlap(address, listen.address));
  const keys = [...taken.map(([key]) => `${key}.port`), ...(shared ? ['data.passive.ports'] : [])];
  return keys.map((key) => ({
    path,
    message: `found ${listen.port}, expected a port that ${key} does not have on the same address`,
    related: [key, 'replication.listen.address'],
  }));
}

/** The passive range is open on the addresses of all listeners. */
function portsInPassiveRange({ admin, listeners, data }: Config): ConfigProblem[] {
  const { first, last }: PortRange = data.passive.ports;
  const inside = (port: number) => port >= first && port <= last;
  const related = ['data.passive.ports'];
  const message = (port: number) => `found ${port}, expected a port outside data.passive.ports (${first}-${last})`;
  const found = listeners.flatMap(({ port }, index) =>
    inside(port) ? [{ path: `listeners[${index}].port`, message: message(port), related }] : [],
  );
  const shared = listeners.some(({ address }) => addressesOverlap(address, admin.address));
  if (!inside(admin.port) || !shared) return found;
  return [
    ...found,
    { path: 'admin.port', message: message(admin.port), related: [...related, 'admin.address', 'listeners'] },
  ];
}

/** The ports that the gateway listens on, whatever the backends are. */
function takenPorts({ admin, listeners, data }: Config): readonly TakenPorts[] {
  return [
    { key: 'data.passive.ports', ...data.passive.ports },
    { key: 'admin.port', first: admin.port, last: admin.port },
    ...listeners.map(({ port }, index) => ({ key: `listeners[${index}].port`, first: port, last: port })),
  ];
}

function versionsInverted({ tls }: Config): ConfigProblem[] {
  if (tls.minVersion <= tls.maxVersion) return [];
  const message = `found ${tls.minVersion}, expected a version not newer than tls.maxVersion (${tls.maxVersion})`;
  return [{ path: 'tls.minVersion', message, related: ['tls.maxVersion'] }];
}

function missingCertificates({ tls, listeners }: Config): ConfigProblem[] {
  if (tls.certificates.length > 0) return [];
  return listeners.flatMap(({ mode, policy }, index) => {
    const reasons = [
      ...(mode === 'implicit' ? ['its mode is implicit'] : []),
      ...(policy.requireTls === 'enforce' ? ['policy.requireTls is enforce'] : []),
      ...(policy.requireProtP === 'enforce' ? ['policy.requireProtP is enforce'] : []),
    ];
    if (reasons.length === 0) return [];
    const message = `no certificate, but listeners[${index}] needs one (${reasons.join(', ')}); expected at least one pair of cert and key`;
    const related = [`listeners[${index}].mode`, `listeners[${index}].policy`, 'policy'];
    return [{ path: 'tls.certificates', message, related }];
  });
}

function replyBounds({ limits }: Config): ConfigProblem[] {
  if (limits.reply >= limits.replyLine) return [];
  const message = `found ${limits.reply} bytes, expected at least limits.replyLine (${limits.replyLine} bytes)`;
  return [{ path: 'limits.reply', message, related: ['limits.replyLine'] }];
}

function unusableAddresses({ data }: Config): ConfigProblem[] {
  return data.passive.advertise.flatMap(({ address }, index) =>
    address === '0.0.0.0' || isAnyIpv6(address)
      ? [
          {
            path: `data.passive.advertise[${index}].address`,
            message: `found "${address}", expected an address that clients can connect to`,
          },
        ]
      : [],
  );
}

function clearText({ listeners }: Config): ConfigProblem[] {
  return listeners.flatMap(({ name, mode, policy }, index) => {
    const path = `listeners[${index}].policy`;
    const warn = (key: string, found: string, what: string) => ({
      path: `${path}.${key}`,
      message: `${key} is ${found} on listener ${name}: ${what} may travel in clear`,
    });
    return [
      ...(mode === 'explicit' && policy.requireTls !== 'enforce'
        ? [warn('requireTls', policy.requireTls, 'user names and passwords')]
        : []),
      ...(policy.requireProtP !== 'enforce' ? [warn('requireProtP', policy.requireProtP, 'files and listings')] : []),
      ...(policy.ccc === 'allow' ? [cleared(name, path, policy)] : []),
    ];
  });
}

/** With `requireTls: enforce` it is no contradiction: names and passwords come before CCC. */
function cleared(listener: string, path: string, { sessionReuse }: Policy): ConfigProblem {
  const lost = 'whoever can change the connection reads and gives commands in the name of a client that has said CCC';
  const files = sessionReuse === 'require' ? '' : ', and gets at files unless sessionReuse is require';
  return { path: `${path}.ccc`, message: `ccc is allow on listener ${listener}: ${lost}${files}` };
}

/** Whether every address of network `inner` is in network `outer`; null is every address. */
function covers(outer: string | null, inner: string | null): boolean {
  if (outer === null) return true;
  if (inner === null || !isNetwork(outer) || !isNetwork(inner)) return false;
  const bits = (network: string) => Number(network.split('/')[1] ?? 128);
  const [base = ''] = inner.split('/');
  return bits(outer) <= bits(inner) && parseNetwork(outer).contains(base);
}

function advertiseNeverMatches({ data }: Config): ConfigProblem[] {
  const rules = data.passive.advertise;
  return rules.flatMap(({ clients }, index) => {
    const first = rules.slice(0, index).findIndex((earlier) => covers(earlier.clients, clients));
    if (first === -1) return [];
    const message = `this rule never matches: data.passive.advertise[${first}] takes all of its clients; put it first`;
    return [{ path: `data.passive.advertise[${index}]`, message }];
  });
}

/** RFC 959 §4.1.2: the reply to PASV has room for an IPv4 address only. EPSV tells no address (RFC 2428). */
function advertiseIpv6({ data }: Config): ConfigProblem[] {
  return data.passive.advertise.flatMap(({ address }, index) => {
    if (!isNetwork(address) || familyOf(address) === 1) return [];
    const message = `found "${address}": the reply to PASV has room for an IPv4 address only, so that PASV will fail; EPSV tells no address`;
    return [{ path: `data.passive.advertise[${index}].address`, message }];
  });
}
