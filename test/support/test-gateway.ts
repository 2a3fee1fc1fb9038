/**
 * A whole gateway for a test: the real one, configured through YAML (so with the real defaults), before a scripted backend,
 * on free loopback ports of both families. Whatever a test leaves open in the gateway fails that test.
 */
import { networkInterfaces } from 'node:os';
import { expect, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { Config, PortRange } from '../../src/config/schema.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Ledger } from '../../src/policy/ledger.ts';
import { testCertificate } from './certificates.ts';
import { freePorts } from './free-ports.ts';
import { LogLines } from './log-lines.ts';
import { type BackendOptions, ScriptedBackend } from './scripted-backend.ts';
import { BALANCER, type BalancerOptions, ScriptedBalancer } from './scripted-balancer.ts';
import { type ClientOptions, PASSWORD, ScriptedClient, type Target } from './scripted-client.ts';

/** The listeners of every test gateway. */
export const LISTENERS = {
  explicit: { address: '127.0.0.1', mode: 'explicit' },
  implicit: { address: '127.0.0.1', mode: 'implicit' },
  explicit6: { address: '::1', mode: 'explicit' },
  implicit6: { address: '::1', mode: 'implicit' },
} as const;

/** Whether this machine has the IPv6 loopback; without it the IPv6 cases are skipped. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

/** Name of a listener. */
export type Door = keyof typeof LISTENERS;

const BOTH_FAMILIES = [
  ['IPv4', { explicit: 'explicit', implicit: 'implicit' }],
  ['IPv6', { explicit: 'explicit6', implicit: 'implicit6' }],
] as const;

/** The address families of this machine with their doors, for `describe.each`. */
export const FAMILIES = BOTH_FAMILIES.filter(([family]) => family === 'IPv4' || HAS_IPV6);

type Section = Readonly<Record<string, unknown>>;

/** What a test changes in the configuration; everything else has its default. Keys are those of the YAML file. */
export interface Overrides {
  readonly policy?: Section;
  readonly limits?: Section;
  readonly timeouts?: Section;
  readonly tls?: Section;
  readonly advertise?: readonly Section[];
  /** Keys of `data` other than `passive`. */
  readonly data?: Section;
  /** Keys of the first backend, which is the scripted one of {@link withGateway}. */
  readonly backend?: Section;
  /** More backends, whole. */
  readonly moreBackends?: readonly Section[];
  readonly routes?: readonly Section[];
  readonly decisionHook?: Section;
  readonly access?: Section;
  readonly audit?: Section;
  /** Size of the passive range. */
  readonly passivePorts?: number;
  /** What single listeners have beside that. */
  readonly listeners?: Readonly<Partial<Record<Door, Section>>>;
  /** Key `proxyProtocol` of every listener. */
  readonly proxyProtocol?: Section;
  /** A balancer before the IPv4 doors and the passive range. */
  readonly balancer?: BalancerOptions;
}

/** A started gateway. `stop` releases everything. */
export interface TestGateway {
  readonly gateway: Gateway;
  readonly config: Config;
  readonly logs: LogLines;
  readonly metrics: Metrics;
  /** What is counted because it is limited. */
  readonly counts: Ledger;
  /** Where clients connect to: the gateway, or the balancer before it. */
  readonly doors: Readonly<Record<Door, Target>>;
  /** The doors of the gateway itself. */
  readonly ownDoors: Readonly<Record<Door, Target>>;
  readonly passivePorts: PortRange;
  /** Puts another configuration in force: that of these overrides, with the same doors; by default with the same backend and passive ports. */
  reload(overrides: Overrides, target?: Target, passivePorts?: PortRange): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a gateway in front of a backend at `target`. */
export async function startTestGateway(target: Target, overrides: Overrides = {}): Promise<TestGateway> {
  const addresses = [...new Set(listenersOf(overrides).map(({ address }) => address))];
  const ports = await freePorts(overrides.passivePorts ?? 6, addresses);
  const config = await configOf(target, overrides, ports);
  const logs = new LogLines();
  const metrics = new Metrics({ version: '0.0.0-test' });
  const logger = createLogger({ ...config.log, destination: logs });
  const counts = new Ledger(config.limits);
  const gateway = new Gateway({ config, logger, metrics, counts });
  try {
    await gateway.start();
  } catch (error) {
    await ports.release();
    throw error;
  }
  const ownDoors = Object.fromEntries(
    gateway.listeners.map(({ name, address, port }) => [name, { address, port }]),
  ) as Record<Door, Target>;
  const { doors, balancer } = await balance(ownDoors, ports, overrides.balancer);
  const stop = async (): Promise<void> => {
    await balancer?.stop();
    await gateway.stop();
    await ports.release();
  };
  const reload = async (changed: Overrides, changedTarget = target, range: PortRange = ports): Promise<void> => {
    (await gateway.prepare(await configOf(changedTarget, changed, range))).commit();
  };
  return { gateway, config, logs, metrics, counts, doors, ownDoors, passivePorts: ports, reload, stop };
}

function listenersOf({ proxyProtocol, listeners }: Overrides) {
  return Object.entries(LISTENERS)
    .filter(([, { address }]) => address === '127.0.0.1' || HAS_IPV6)
    .map(([name, listener]) => ({
      name,
      port: 0,
      ...listener,
      ...(proxyProtocol && { proxyProtocol }),
      ...listeners?.[name as Door],
    }));
}

async function configOf(target: Target, overrides: Overrides, ports: PortRange): Promise<Config> {
  const { cert, key } = await testCertificate();
  const passive = { ports: `${ports.first}-${ports.last}`, advertise: overrides.advertise ?? [] };
  // JSON is YAML.
  const yaml = JSON.stringify({
    listeners: listenersOf(overrides),
    tls: { certificates: [{ cert, key }], ...overrides.tls },
    policy: overrides.policy ?? {},
    data: { passive, ...overrides.data },
    backends: [
      { name: 'legacy', host: target.address, port: target.port, ...overrides.backend },
      ...(overrides.moreBackends ?? []),
    ],
    routes: overrides.routes ?? [],
    decisionHook: overrides.decisionHook ?? {},
    access: overrides.access ?? {},
    audit: overrides.audit ?? {},
    limits: overrides.limits ?? {},
    timeouts: overrides.timeouts ?? {},
    admin: { address: '127.0.0.1', port: 0 },
    log: { level: 'trace', format: 'json' },
  });
  return parseConfig(yaml, { env: {}, file: 'test.yaml' });
}

/** The doors, moved to a balancer where one is wanted; that has the ports of the passive range too. */
async function balance(
  ownDoors: Readonly<Record<Door, Target>>,
  { first, last }: { readonly first: number; readonly last: number },
  options: BalancerOptions | undefined,
): Promise<{ doors: Readonly<Record<Door, Target>>; balancer?: ScriptedBalancer }> {
  if (options === undefined) return { doors: ownDoors };
  const passive = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const balancer = await ScriptedBalancer.start([ownDoors.explicit.port, ownDoors.implicit.port, ...passive], options);
  const moved = ({ port }: Target): Target => ({ address: BALANCER, port });
  return {
    doors: { ...ownDoors, explicit: moved(ownDoors.explicit), implicit: moved(ownDoors.implicit) },
    balancer,
  };
}

/** Choices of {@link withGateway}. */
export interface HouseOptions extends Overrides {
  /** The scripted backend: address, files, features. */
  readonly legacy?: BackendOptions;
}

/** A gateway, its backend, and ways to enter. */
export interface House extends TestGateway {
  readonly backend: ScriptedBackend;
  /** A connection with nothing read yet; implicit doors have made their TLS handshake. */
  connect(door?: Door, options?: ClientOptions): Promise<ScriptedClient>;
  /** A connection that was greeted. */
  greeted(door?: Door, options?: ClientOptions): Promise<ScriptedClient>;
  /** Greeted and encrypted: AUTH TLS on explicit doors. */
  encrypted(door?: Door, options?: ClientOptions): Promise<ScriptedClient>;
  /** Encrypted, logged in, with PROT P. */
  loggedIn(door?: Door, options?: ClientOptions): Promise<ScriptedClient>;
}

/**
 * Runs `play` with a gateway before a scripted backend, then lets every client go and demands that the gateway has nothing
 * left open, that no handler threw, and that the password was not logged.
 */
export async function withGateway(options: HouseOptions, play: (house: House) => Promise<void>): Promise<void> {
  const { legacy, ...overrides } = options;
  const backend = await ScriptedBackend.start(legacy);
  const started = await startTestGateway(backend, overrides);
  await watchedOnce(started, backend);
  const clients: ScriptedClient[] = [];
  const house = enter(started, backend, clients);
  const leave = (): void => {
    for (const client of clients) client.destroy();
  };
  try {
    await play(house);
    leave();
    await expectNothingLeft(house);
  } catch (error) {
    throw withLog(error, started.logs);
  } finally {
    leave();
    await started.stop();
    await backend.stop();
  }
}

/** A gateway looks at its backend when it starts; that connection is none of a test's business. */
async function watchedOnce({ gateway, logs }: TestGateway, backend: ScriptedBackend): Promise<void> {
  await logs.until({ event: 'backend-availability', availability: 'up' });
  await expect.poll(() => gateway.openSockets, { interval: 2 }).toBe(0);
  backend.forgetSessions();
}

function enter(started: TestGateway, backend: ScriptedBackend, clients: ScriptedClient[]): House {
  const connect = async (door: Door = 'explicit', options: ClientOptions = {}): Promise<ScriptedClient> => {
    const implicit = LISTENERS[door].mode === 'implicit';
    const target = started.doors[door];
    const client = await (implicit
      ? ScriptedClient.connectImplicit(target, options)
      : ScriptedClient.connect(target, options));
    clients.push(client);
    return client;
  };
  const greeted = async (door?: Door, options?: ClientOptions): Promise<ScriptedClient> => {
    const client = await connect(door, options);
    await client.expect(220);
    return client;
  };
  const encrypted = async (door: Door = 'explicit', options?: ClientOptions): Promise<ScriptedClient> => {
    const client = await greeted(door, options);
    if (LISTENERS[door].mode === 'explicit') await client.auth();
    return client;
  };
  const loggedIn = async (door?: Door, options?: ClientOptions): Promise<ScriptedClient> => {
    const client = await encrypted(door, options);
    await client.login();
    await client.protect();
    return client;
  };
  return { ...started, backend, connect, greeted, encrypted, loggedIn };
}

/** Demands that no socket, session or expectation of a data connection is left, and that nothing was said that must not be. */
async function expectNothingLeft({ gateway, logs, backend, counts }: House): Promise<void> {
  const left = (): object => ({
    openSockets: gateway.openSockets,
    activeSessions: gateway.activeSessions,
    waiting: gateway.passivePorts.waiting,
    // Places and bandwidths that were not given back.
    drawing: gateway.bandwidth.usage.length,
    places: counts.usage.filter(({ limit }) => limit === 'sessions' || limit === 'transfers').length,
  });
  const nothing = { openSockets: 0, activeSessions: 0, waiting: 0, drawing: 0, places: 0 };
  await vi.waitFor(() => expect(left(), 'left open in the gateway').toEqual(nothing), { timeout: 4000, interval: 5 });
  expect(backend.faults, 'faults in the handlers of the scripted backend').toEqual([]);
  expect(logs.text, 'the password in the log').not.toContain(PASSWORD);
  expect(logs.text, 'a fault in the gateway').not.toContain('internal-error');
}

function withLog(error: unknown, logs: LogLines): unknown {
  if (error instanceof Error) error.message += `\n--- log of the gateway ---\n${logs.text.slice(-4000)}`;
  return error;
}

/** TLS choices of a client that speaks only this version. */
export function only(version: 'TLSv1.2' | 'TLSv1.3') {
  return { minVersion: version, maxVersion: version } as const;
}

/** Overrides under which clear-text FTP is allowed. */
export const CLEAR_ALLOWED = { policy: { requireTls: 'off', requireProtP: 'off' } } as const;
