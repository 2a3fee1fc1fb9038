/**
 * A gateway that has served long is as small as one that has just begun: after many transfers it holds no more memory,
 * sockets, ports, timers and descriptors than before, and works no more for each transfer.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { testCertificate } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import type { Target } from '../support/scripted-client.ts';
import type { Order, Word } from './transfer-mill.ts';

const KIB = 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Rejects when the process ends instead. */
function nextWord(child: ChildProcess): Promise<Word> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the transfer mill ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (word: Word) => {
      child.off('exit', onExit);
      resolve(word);
    });
  });
}

/** The clients and the backend, in another process. */
class TransferMill {
  readonly #child: ChildProcess;
  readonly backend: Target;

  private constructor(child: ChildProcess, backend: Target) {
    this.#child = child;
    this.backend = backend;
  }

  static async start(): Promise<TransferMill> {
    const child = fork(join(import.meta.dirname, 'transfer-mill.ts'), { execArgv: [] });
    const word = await nextWord(child);
    if (word.kind !== 'listening') throw new Error(`the transfer mill ${word.kind}`);
    return new TransferMill(child, word.backend);
  }

  /** Rejects at the first transfer that does not succeed. */
  async run(order: Order): Promise<void> {
    this.#child.send(order);
    const word = await nextWord(this.#child);
    if (word.kind === 'failed') throw new Error(word.reason);
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}

interface Started {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly target: Target;
  stop(): Promise<void>;
}

/** A gateway whose log goes nowhere; clear text is allowed. */
async function start(backend: Target): Promise<Started> {
  const { cert, key } = await testCertificate();
  const ports = await freePorts(10, ['127.0.0.1']);
  const yaml = JSON.stringify({
    listeners: [{ name: 'explicit', address: '127.0.0.1', port: 0, mode: 'explicit' }],
    tls: { certificates: [{ cert, key }] },
    policy: { requireTls: 'off', requireProtP: 'off' },
    data: { passive: { ports: `${ports.first}-${ports.last}` } },
    backends: [{ name: 'legacy', host: backend.address, port: backend.port }],
    admin: { address: '127.0.0.1', port: 0 },
    log: { level: 'debug', format: 'json' },
  });
  const config = parseConfig(yaml, { env: {}, file: 'test.yaml' });
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const metrics = new Metrics({ version: '0.0.0-test' });
  const logger = createLogger({ ...config.log, destination: nowhere });
  const gateway = new Gateway({ config, logger, metrics });
  await gateway.start();
  const [listener] = gateway.listeners;
  return {
    gateway,
    metrics,
    target: { address: '127.0.0.1', port: listener?.port ?? 0 },
    stop: async () => {
      await gateway.stop();
      await ports.release();
    },
  };
}

/** What a process holds when nothing goes on. */
interface Holding {
  readonly heap: number;
  /** Outside of the heap: buffers. */
  readonly buffers: number;
  /** Counts by kind, such as TCPSocketWrap, TCPServerWrap and Timeout. */
  readonly resources: Readonly<Record<string, number>>;
  /** 0 where the system does not tell. */
  readonly descriptors: number;
}

async function holding(gateway: Gateway): Promise<Holding> {
  const open = () => ({ sockets: gateway.openSockets, sessions: gateway.activeSessions, ...gateway.passivePorts });
  await expect
    .poll(open, { interval: 5, timeout: 10_000 })
    .toMatchObject({ sockets: 0, sessions: 0, waiting: 0, free: 10 });
  for (let round = 0; round < 5; round += 1) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
  return { heap: heapUsed, buffers: arrayBuffers + external, resources, descriptors };
}

/** CPU time of this process while something goes on, milliseconds. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Plays with a gateway and the clients before it. */
async function withMill(play: (started: Started, mill: TransferMill) => Promise<void>): Promise<void> {
  const mill = await TransferMill.start();
  try {
    const started = await start(mill.backend);
    try {
      await play(started, mill);
    } finally {
      await started.stop();
    }
  } finally {
    await mill.stop();
  }
}

/** What is closing goes some turns later. */
async function expectNoGrowth(before: Holding, gateway: Gateway, maxGrowth: number): Promise<void> {
  const more = ({ resources, descriptors }: Holding) => ({
    resources: Object.entries(resources).filter(([kind, count]) => count > (before.resources[kind] ?? 0)),
    descriptors: Math.max(0, descriptors - before.descriptors),
  });
  let after = before;
  const settled = { resources: [], descriptors: 0 };
  await expect
    .poll(
      async () => {
        after = await holding(gateway);
        return more(after);
      },
      { timeout: 10_000 },
    )
    .toEqual(settled);
  expect(after.heap - before.heap, 'growth of the heap').toBeLessThan(maxGrowth);
  expect(after.buffers - before.buffers, 'growth of buffers').toBeLessThan(maxGrowth);
}

describe('T133: a gateway does not grow', () => {
  it('by 10,000 transfers in 200 sessions, a fifth of them over TLS; nor do they cost more one by one', async () => {
    await withMill(async ({ gateway, metrics, target }, mill) => {
      const run = async (): Promise<void> => {
        await mill.run({ gateway: target, work: 'clear', count: 1600 });
        await mill.run({ gateway: target, work: 'tls', count: 400 });
      };
      await run();
      const before = await holding(gateway);
      const costs: number[] = [];
      for (let time = 0; time < 4; time += 1) costs.push(await cpuOf(run));
      // Half a KiB for each of the 8,000 would be more.
      await expectNoGrowth(before, gateway, 4000 * KIB);
      expect(costs[3], `CPU time of each 2,000, milliseconds: ${costs}`).toBeLessThan(2 * (costs[0] ?? 0));
      const text = await metrics.render();
      for (const direction of ['upload', 'download']) {
        const series = `sallyport_transfers_total{direction="${direction}",backend="legacy",outcome="completed"} 5000`;
        expect(text).toContain(`${series}\n`);
      }
    });
  }, 120_000);

  it('by 1,200 sessions over TLS that end in every bad way', async () => {
    await withMill(async ({ gateway, target }, mill) => {
      await mill.run({ gateway: target, work: 'accidents', count: 400 });
      const before = await holding(gateway);
      await mill.run({ gateway: target, work: 'accidents', count: 800 });
      // One and a half KiB for each of the 800 would be more: what TLS keeps for a session takes two.
      await expectNoGrowth(before, gateway, 1200 * KIB);
    });
  }, 120_000);
});
