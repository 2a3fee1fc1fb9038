/**
 * `sallyport explain`: says which route a client takes and why it does not take those before, which rule of the configuration set
 * each value of the policy that holds for it, and which limits count for it. Starts no gateway and reaches no backend.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { RouteConfig } from '../config/routes.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
import { type Place, readSource } from '../config/source.ts';
import { reasonOf } from '../errors/system-error.ts';
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
import { type ExplainedCommand, explainCommand } from './explain-command.ts';
import { explainLimits } from './explain-limits.ts';
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
  readonly command?: string;
  readonly directory: string;
  readonly backend?: string;
  readonly group: readonly string[];
  readonly at?: string;
  readonly renames?: string;
  readonly json?: true;
}

/** Adds the command. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .summary('say which route a client takes, and what becomes of a command, and why')
    .description(
      'Says which route a client takes, why not those before it, and which policy and which limits hold. With --command also which access rule decides about it. Exit code 1 when no route is for it, or the command is refused.',
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
    .option('--command <line>', 'a command of it, as in "STOR /in/x": says which access rule decides about it')
    .option('--directory <path>', 'folder in which it is then, as it sees it', '/')
    .option('--backend <name>', 'backend that it is led to then (default: the first of its route)')
    .option('--group <name...>', 'groups of the user, as decisionHook would tell them', [])
    .option('--at <time>', 'when it says the command, as in 2026-01-31T08:00:00Z (default: now)')
    .option('--renames <path>', 'with RNTO: the path of its RNFR')
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
  const source = readSource(await readFile(file, 'utf8'), process.env);
  const facts = { ...factsOf(options, listener.name), clientCertificate };
  const taken = new RouteTable(config).find(facts);
  const explanation: Explanation = {
    listener: listener.name,
    ...explainRoutes(config, facts),
    command: commandOf(config, taken?.config, facts, options),
    decision: explainDecision(config.decisionHook),
    policy: explainPolicy(listener, index, source.places),
    limits: explainLimits(config, taken?.index, source),
  };
  process.stdout.write(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : explanationText(explanation));
  const refused = explanation.target === undefined || explanation.command?.effect === 'deny';
  process.exitCode = refused ? EXIT.failed : EXIT.fine;
}

/** Undefined where no command was asked about, or no route is for the client. */
function commandOf(
  config: Config,
  route: RouteConfig | undefined,
  facts: RouteFacts,
  options: ExplainOptions,
): ExplainedCommand | undefined {
  const { command: line, directory, group: groups, at, renames } = options;
  if (line === undefined || route === undefined) return undefined;
  const now = at === undefined ? new Date() : new Date(at);
  const usage = (message: string) => new CommandFailure(message, EXIT.usage);
  if (Number.isNaN(now.getTime()))
    throw usage(`--at: found ${JSON.stringify(at)}, expected a time such as 2026-01-31T08:00:00Z`);
  const { backend = route.backends[0] ?? '' } = options;
  if (!config.backends.some(({ name }) => name === backend)) {
    const names = config.backends.map(({ name }) => name).join(', ');
    throw usage(`--backend: found ${JSON.stringify(backend)}, expected one of ${names}`);
  }
  try {
    return explainCommand(config, route, { ...facts, backend, groups }, { line, directory, now, renames });
  } catch (error) {
    throw error instanceof RangeError ? usage(error.message) : error;
  }
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
    const expected = 'expected a PEM file with a certificate, or a subject such as CN=plant1,O=Example';
    throw new CommandFailure(
      `--certificate: found ${JSON.stringify(given)} (${reasonOf(error)}), ${expected}`,
      EXIT.usage,
    );
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
    root: route.root,
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
