/**
 * Several gateways of one process as replicas behind one address: each on a loopback address of its own, all with the same ports, before
 * one scripted backend. No balancer: a test says which replica a data connection comes to.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Running } from '../cli/run.ts';
import { testCertificate } from './certificates.ts';
import type { ClientData } from './client-data.ts';
import { freePorts, type PortBlock } from './free-ports.ts';
import { LogLines } from './log-lines.ts';
import { type BackendOptions, ScriptedBackend } from './scripted-backend.ts';
import { type ClientOptions, PASSWORD, ScriptedClient, type Target } from './scripted-client.ts';

/** The key of all of them. */
export const KEY = 'a key that only replicas of the tests know';
/** Whom their clients come from, unless a test says otherwise. */
export const CLIENT = '127.0.0.50';

type Section = Readonly<Record<string, unknown>>;

/** What a test wants of the replicas. */
export interface ReplicasOptions {
  /** Default: 3. */
  readonly count?: number;
  /** Size of the passive range; default: 6. */
  readonly passivePorts?: number;
  /** The part of it that is configured, first and last port counted from 0; default: all. */
  readonly ranges?: readonly [number, number];
  readonly legacy?: BackendOptions;
  readonly policy?: Section;
  readonly timeouts?: Section;
  readonly data?: Section;
  /** Of one replica: keys of `replication` beside the common ones, and whether it is started. */
  readonly replication?: (index: number) => Section;
  readonly starts?: (index: number) => boolean;
}

/** One of them. */
export interface Replica {
  readonly index: number;
  readonly address: string;
  readonly port: number;
  readonly gateway: Gateway;
  readonly logs: LogLines;
  readonly metrics: Metrics;
  /** The sum of all its series of a metric whose labels contain this text. */
  metric(name: string, labels?: string): Promise<number>;
}

/** One of them in a process of its own. */
export interface SpawnedReplica {
  loggedIn(options?: ClientOptions): Promise<ScriptedClient>;
  /** Ends it without a word. */
  kill(): Promise<void>;
  /** Stops it where it stands, with all its connections open; or lets it go on. */
  halt(): void;
  resume(): void;
}

/** What a test plays with. */
export interface ReplicasHouse {
  readonly replicas: readonly Replica[];
  readonly backend: ScriptedBackend;
  /** The first and the last port that clients may be told. */
  readonly passive: PortBlock;
  /** Where replicas listen for each other. */
  readonly linkPort: number;
  /** One of those that were started. */
  replica(index: number): Replica;
  /** Starts one more, or one anew; with another part of the range. */
  start(index: number, more?: Section, ranges?: readonly [number, number]): Promise<Replica>;
  /** Puts another part of the range in force in one of them. */
  reload(index: number, ranges: readonly [number, number]): Promise<void>;
  /** Starts one as a process of its own, that can be killed; resolves when it and all others can ask each other. */
  spawn(index: number): Promise<SpawnedReplica>;
  /** A client of one replica: encrypted, logged in, with PROT P. */
  loggedIn(index: number, options?: ClientOptions): Promise<ScriptedClient>;
  /** Resolves when each of these can ask each other one; default: all. */
  linked(...indices: readonly number[]): Promise<void>;
}

/** Address of a replica. */
export function addressOf(index: number): string {
  return `127.0.0.${index + 1}`;
}

/** Runs `play` with replicas that know each other, and demands that nothing is left open. */
export async function withReplicas(
  options: ReplicasOptions,
  play: (house: ReplicasHouse) => Promise<void>,
): Promise<void> {
  const count = options.count ?? 3;
  const addresses = Array.from({ length: count }, (_, index) => addressOf(index));
  const passive = await freePorts(options.passivePorts ?? 6, addresses);
  // Beside the passive range: the last ones of a block of 25 are free with it.
  const links = await freePorts(2, addresses);
  const backend = await ScriptedBackend.start(options.legacy);
  const replicas: Replica[] = [];
  const clients: ScriptedClient[] = [];
  const spawned: Running[] = [];
  const start: ReplicasHouse['start'] = async (index, more, ranges) => {
    const changed = { ...options, ...(ranges && { ranges }) };
    const replica = await startReplica({ ...changed, count, index, passive, links, backend, more });
    replicas.push(replica);
    return replica;
  };
  const replica = (index: number): Replica => {
    const found = replicas.findLast((each) => each.index === index);
    if (found === undefined) throw new Error(`no replica ${index}`);
    return found;
  };
  const logIn = async (target: Target, clientOptions: ClientOptions = {}): Promise<ScriptedClient> => {
    const client = await ScriptedClient.connect(target, { localAddress: CLIENT, ...clientOptions });
    clients.push(client);
    await client.expect(220);
    await client.auth();
    await client.login();
    await client.protect();
    return client;
  };
  const house: ReplicasHouse = {
    ...{ replicas, backend, passive, linkPort: links.first, replica, start },
    async reload(index, ranges) {
      const common = { count, index, passive, links, backend, more: undefined };
      const yaml = await configurationOf({ ...options, ...common, ranges });
      (await replica(index).gateway.prepare(parseConfig(yaml, { env: {}, file: 'test.yaml' }))).commit();
    },
    loggedIn: (index, clientOptions) => logIn(replica(index), clientOptions),
    async spawn(index) {
      const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-replica-'));
      const file = join(folder, 'replica.yaml');
      await writeFile(
        file,
        await configurationOf({ ...options, count, index, passive, links, backend, more: undefined }),
      );
      const process = new Running(['serve', '--config', file]);
      spawned.push(process);
      const [, port] = await process.until(/"listening".*?"port":(\d+)/);
      await rm(folder, { recursive: true });
      await process.until(/"availability":"up"/);
      await expect
        .poll(
          () =>
            replicas.every(({ gateway }) =>
              gateway.replication?.others.some((each) => each.index === index && each.up),
            ),
          {
            timeout: 8000,
          },
        )
        .toBe(true);
      for (const each of replicas) await process.until(new RegExp(`"replica-up","replica":${each.index}`));
      return {
        kill: () => process.kill(),
        halt: () => void process.child.kill('SIGSTOP'),
        resume: () => void process.child.kill('SIGCONT'),
        loggedIn: (clientOptions) => logIn({ address: addressOf(index), port: Number(port) }, clientOptions),
      };
    },
    async linked(...indices) {
      const wanted = indices.length > 0 ? indices : replicas.map(({ index }) => index);
      await expect
        .poll(
          () =>
            wanted.map(
              (each) =>
                replica(each).gateway.replication?.others.filter(({ index, up }) => up && wanted.includes(index))
                  .length,
            ),
          {
            interval: 10,
            timeout: 8000,
          },
        )
        .toEqual(wanted.map(() => wanted.length - 1));
    },
  };
  const leave = () => {
    for (const client of clients) client.destroy();
  };
  try {
    for (let index = 0; index < count; index += 1) if (options.starts?.(index) !== false) await start(index);
    if (options.starts === undefined) await house.linked();
    await play(house);
    leave();
    for (const each of replicas) await expectNothingLeft(each);
  } catch (error) {
    if (error instanceof Error) {
      for (const { index, logs } of replicas) error.message += `\n--- replica ${index} ---\n${logs.text.slice(-3000)}`;
    }
    throw error;
  } finally {
    leave();
    await Promise.all([...replicas.map(({ gateway }) => gateway.stop()), ...spawned.map((process) => process.kill())]);
    await backend.stop();
    await Promise.all([passive.release(), links.release()]);
  }
}

interface Start extends ReplicasOptions {
  readonly count: number;
  readonly index: number;
  readonly passive: PortBlock;
  readonly links: PortBlock;
  readonly backend: ScriptedBackend;
  readonly more: Section | undefined;
}

async function configurationOf({ count, index, passive, links, backend, more, ...options }: Start): Promise<string> {
  const { cert, key } = await testCertificate();
  const address = addressOf(index);
  const [first, last] = options.ranges ?? [0, passive.last - passive.first];
  return JSON.stringify({
    listeners: [{ name: 'public', address, port: 0 }],
    tls: { certificates: [{ cert, key }] },
    policy: options.policy ?? {},
    data: { passive: { ports: `${passive.first + first}-${passive.first + last}` }, ...options.data },
    backends: [{ name: 'legacy', host: backend.address, port: backend.port }],
    timeouts: options.timeouts ?? {},
    replication: {
      ...{ index, count, key: KEY, listen: { address, port: links.first } },
      peers: Array.from({ length: count }, (_, each) => `${addressOf(each)}:${links.first}`),
      ...options.replication?.(index),
      ...more,
    },
    admin: { address: '127.0.0.1', port: 0 },
    log: { level: 'trace' },
  });
}

async function startReplica(start: Start): Promise<Replica> {
  const { index } = start;
  const address = addressOf(index);
  const config = parseConfig(await configurationOf(start), { env: {}, file: 'test.yaml' });
  const logs = new LogLines();
  const metrics = new Metrics({ version: '0.0.0-test' });
  const logger = createLogger({ ...config.log, destination: logs });
  const gateway = new Gateway({ config, logger, metrics });
  await gateway.start();
  await logs.until({ event: 'backend-availability', availability: 'up' });
  const [listener] = gateway.listeners;
  if (listener === undefined) throw new Error('no listener');
  return {
    ...{ index, address, port: listener.port, gateway, logs, metrics },
    async metric(name, labels = '') {
      const lines = (await metrics.render())
        .split('\n')
        .filter((line) => /^\w+/.exec(line)?.[0] === `sallyport_${name}`);
      return lines
        .filter((line) => line.includes(labels))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
  };
}

async function expectNothingLeft({ index, gateway, logs }: Replica): Promise<void> {
  const left = () => ({
    openSockets: gateway.openSockets,
    activeSessions: gateway.activeSessions,
    waiting: gateway.passivePorts.waiting,
  });
  const nothing = { openSockets: 0, activeSessions: 0, waiting: 0 };
  await vi.waitFor(() => expect(left(), `left open in replica ${index}`).toEqual(nothing), {
    timeout: 4000,
    interval: 5,
  });
  expect(logs.text, 'the password in the log').not.toContain(PASSWORD);
  expect(logs.text, 'the key in the log').not.toContain(KEY);
  expect(logs.text, 'a fault in the gateway').not.toContain('internal-error');
}

/** A download whose data connection comes to this replica. */
export async function downloadThrough(
  client: ScriptedClient,
  { address }: Pick<Replica, 'address'>,
  command: string,
  options: Parameters<ClientData['startTls']>[0] = {},
): Promise<{ readonly bytes: Buffer; readonly data: ClientData }> {
  const data = await client.openData({ port: await client.epsv(), host: address });
  await client.command(command, 125, 150);
  await data.startTls({ session: client.session, ...options });
  const { bytes } = await data.readToEnd();
  await client.expect(226);
  return { bytes, data };
}

/** An upload whose data connection comes to this replica. */
export async function uploadThrough(
  client: ScriptedClient,
  { address }: Pick<Replica, 'address'>,
  command: string,
  bytes: Uint8Array | string,
  options: Parameters<ClientData['startTls']>[0] = {},
): Promise<void> {
  const data = await client.openData({ port: await client.epsv(), host: address });
  await client.command(command, 125, 150);
  await data.startTls({ session: client.session, ...options });
  await data.write(bytes);
  data.end();
  await client.expect(226);
}
