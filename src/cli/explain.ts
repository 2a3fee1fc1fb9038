/**
 * `sallyport explain`: says which route a client takes and why it does not take those before, and which rule of the configuration set
 * each value of the policy that holds for it. Starts no gateway and reaches no backend.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Config, ListenerConfig } from '../config/schema.ts';
import { type Place, readSource } from '../config/source.ts';
import { isNetwork } from '../net/address.ts';
import {
  type CertificateFacts,
  type Mismatch,
  type Route,
  type RouteFacts,
  RouteTable,
} from '../routing/route-table.ts';
import { certificateFacts } from '../tls/client-certificate.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import { type ExplainedValue, type Explanation, explanationText } from './explanation-text.ts';
import { loadFile } from './load-file.ts';
import { CommandFailure, EXIT } from './outcome.ts';

interface ExplainOptions {
  readonly config: string;
  readonly address: string;
  readonly user: string;
  readonly listener?: string;
  readonly servername?: string;
  readonly host?: string;
  readonly certificate?: string;
  readonly json?: true;
}

/** Adds the command. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .summary('say which route a client takes, and why')
    .description(
      'Says which route a client takes, why not those before it, and which policy holds. Exit code 1 when no route is for it.',
    )
    .requiredOption('-c, --config <file>', 'configuration file')
    .requiredOption('--address <ip>', 'address of the client')
    .requiredOption('--user <name>', 'name that the client says with USER')
    .option('--listener <name>', 'listener that it comes to (default: the first)')
    .option('--servername <name>', 'name in its TLS handshake (SNI)')
    .option('--host <name>', 'name that it says with HOST')
    .option(
      '--certificate <file-or-subject>',
      'its certificate, taken for valid: a PEM file, or only the subject, as in "CN=plant1,O=Example"',
    )
    .option('--json', 'print JSON')
    .action(explain);
}

async function explain(options: ExplainOptions): Promise<void> {
  const { config: file, address, json } = options;
  if (!isNetwork(address) || address.includes('/')) {
    throw new CommandFailure(`--address: found ${JSON.stringify(address)}, expected an IP address`, EXIT.usage);
  }
  const clientCertificate = await certificateOf(options.certificate);
  const { config } = await loadFile(file);
  const index = listenerIndex(config, options.listener);
  const listener = config.listeners[index];
  if (listener === undefined) throw new Error('a configuration has a listener');
  const { places } = readSource(await readFile(file, 'utf8'), process.env);
  const explanation: Explanation = {
    listener: listener.name,
    ...explainRoutes(config, { ...factsOf(options, listener.name), clientCertificate }),
    decision: explainDecision(config.decisionHook),
    policy: explainPolicy(listener, index, places),
  };
  process.stdout.write(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation));
  process.exitCode = explanation.target === undefined ? EXIT.failed : EXIT.fine;
}

function explainDecision({ url, password, onFailure }: Config['decisionHook']): Explanation['decision'] {
  if (url === null) return undefined;
  return { asked: password === 'send' ? 'at PASS' : 'at USER', url, otherwise: onFailure };
}

function listenerIndex({ listeners }: Config, name: string | undefined): number {
  if (name === undefined) return 0;
  const index = listeners.findIndex((listener) => listener.name === name);
  if (index >= 0) return index;
  const names = listeners.map((listener) => listener.name).join(', ');
  throw new CommandFailure(`--listener: found ${JSON.stringify(name)}, expected one of ${names}`, EXIT.usage);
}

function factsOf(
  { address, user, servername, host }: ExplainOptions,
  listener: string,
): Omit<RouteFacts, 'clientCertificate'> {
  return { ...{ listener, address, servername, host }, user: bytesOf(user) };
}

/** How a subject begins, and a path does not: `CN=…`, `emailAddress=…`, `2.5.4.3=…`. */
const ATTRIBUTE = /^[A-Za-z\d][\w.-]*=/;

/** What is known of a certificate: everything where a file has it, else its subject. */
async function certificateOf(given: string | undefined): Promise<CertificateFacts | undefined> {
  if (given === undefined) return undefined;
  if (ATTRIBUTE.test(given)) return { subject: given, subjectAltNames: [], fingerprint256: '' };
  try {
    return certificateFacts(new X509Certificate(await readFile(given)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const expected = 'expected a PEM file with a certificate, or a subject such as CN=plant1,O=Example';
    throw new CommandFailure(`--certificate: found ${JSON.stringify(given)} (${reason}), ${expected}`, EXIT.usage);
  }
}

function explainRoutes(config: Config, facts: RouteFacts): Pick<Explanation, 'routes' | 'target'> {
  const { routes } = new RouteTable(config);
  const judged = routes.map((route) => ({ route, mismatches: route.mismatches(facts) }));
  const first = judged.findIndex(({ mismatches }) => mismatches.length === 0);
  const taken = routes[first];
  return {
    routes: judged.map(({ route, mismatches }, index) => ({
      route: config.routes.length === 0 ? 'default' : `routes[${route.index}]`,
      verdict: index === first ? 'matches' : first >= 0 && index > first ? 'not asked' : 'does not match',
      mismatches: (first >= 0 && index > first ? [] : mismatches).map(readable),
    })),
    target: taken && targetOf(taken, config, facts.user),
  };
}

function targetOf({ config: route }: Route, { backends }: Config, user: string): Explanation['target'] {
  const { credentials, userTemplate, balance } = route;
  const name = Buffer.from(user, 'latin1').toString('utf8');
  const ownPassword = credentials.password !== null || credentials.passwordFile !== null;
  return {
    balance,
    backends: backends
      .filter((backend) => route.backends.includes(backend.name))
      .map(({ name: backend, host, port, weight, maxSessions }) => ({
        name: backend,
        host,
        port,
        weight,
        maxSessions,
      })),
    user: credentials.user ?? userTemplate?.replaceAll('{user}', () => name) ?? name,
    password: ownPassword ? "the route's" : "the client's",
  };
}

/** Names of users are bytes where they are matched. */
function readable({ key, expected, found }: Mismatch): Mismatch {
  if (key !== 'user') return { key, expected, found };
  return { key, expected, found: found.map((text) => Buffer.from(text, 'latin1').toString('utf8')) };
}

function explainPolicy(
  { policy, clientCertificates }: ListenerConfig,
  index: number,
  places: ReadonlyMap<string, Place>,
): readonly ExplainedValue[] {
  const origin = (ofListener: string, global: string): Pick<ExplainedValue, 'from' | 'line'> => {
    const own = places.get(`listeners[${index}].${ofListener}`);
    if (own !== undefined) return { from: 'listener', line: own.line };
    const shared = places.get(global);
    return shared === undefined ? { from: 'default' } : { from: 'global', line: shared.line };
  };
  const certificates = 'clientCertificates.mode';
  return [
    ...Object.entries(policy).map(([key, value]) => ({
      key,
      value: String(value),
      ...origin(`policy.${key}`, `policy.${key}`),
    })),
    { key: certificates, value: clientCertificates.mode, ...origin(certificates, `tls.${certificates}`) },
  ];
}
