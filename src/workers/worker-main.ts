/**
 * The program of a worker process: a gateway with the configuration that the primary sends, without a side port. It ends
 * when the primary says so or is gone. Decides nothing about its fellow workers.
 */

import { call } from '../admin/joint-operations.ts';
import type { GatewayOperations } from '../admin/operations.ts';
import { tuneGarbageCollection } from '../garbage-collection.ts';
import { Gateway } from '../gateway.ts';
import { gatewayOperations } from '../gateway-operations.ts';
import type { PreparedChange } from '../net/prepared-change.ts';
import { createLogger, type Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { Bandwidth } from '../policy/bandwidth.ts';
import { VERSION } from '../service.ts';
import { AskedCounts } from './asked-counts.ts';
import { AskedPlaces } from './asked-places.ts';
import { channelToPrimary, portable, type ToWorker } from './channel.ts';

const channel = channelToPrimary();
const places = new AskedPlaces(channel);
const counts = new AskedCounts(channel);
const bandwidth = new Bandwidth((bucket, transfers) => void channel.send({ kind: 'drawing', bucket, transfers }));
const metrics = new Metrics({ version: VERSION });
let starting: Promise<Gateway> | undefined;
let gateway: Gateway | undefined;
let logger: Logger | undefined;
let prepared: PreparedChange | undefined;
/** Which preparation the primary waits for. */
let wanted: number | undefined;

async function take(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start':
      starting ??= start(message);
      return;
    case 'place':
      return places.answered(message);
    case 'counted':
      return counts.answered(message);
    case 'share':
      return bandwidth.share(message.bucket, message.part);
    case 'banned':
      return places.looked(message);
    case 'login-failure':
      return places.counted(message);
    case 'question':
      return answer(message);
    case 'operation':
      return operate(message);
    case 'prepare':
      return prepare(message);
    case 'commit':
      prepared?.commit();
      prepared = undefined;
      return channel.send({ kind: 'committed', id: message.id });
    case 'abandon':
      return abandon();
    case 'reopen':
      return gateway?.audit.reopen();
    case 'drain':
      await (await starting)?.drain(message.deadline);
      return channel.send({ kind: 'drained', id: message.id });
    case 'stop':
      await (await starting)?.stop();
      process.exit(0);
  }
}

async function start({ worker, config, passivePorts, drained }: ToWorker & { kind: 'start' }): Promise<Gateway> {
  logger = createLogger(config.log).child({ worker });
  const made = new Gateway({
    config,
    passivePorts,
    logger,
    metrics,
    places,
    backendPlaces: places.backends,
    counts,
    bandwidth,
    drained: new Set(drained),
  });
  try {
    await made.start();
  } catch (error) {
    await channel.send({ kind: 'failed', error: portable(error) });
    process.exit(1);
  }
  gateway = made;
  await channel.send({ kind: 'serving' });
  return made;
}

async function abandon(): Promise<void> {
  const given = prepared;
  prepared = undefined;
  wanted = undefined;
  await given?.abandon();
}

async function prepare({ id, config, passivePorts }: ToWorker & { kind: 'prepare' }): Promise<void> {
  // The primary has given up one that it did not take back.
  await abandon();
  wanted = id;
  try {
    const running = await starting;
    if (running === undefined) throw new Error('starting');
    const change = await running.prepare(config, passivePorts);
    const commit = () => {
      change.commit();
      if (logger !== undefined) logger.level = config.log.level;
    };
    if (wanted !== id) {
      await change.abandon();
      throw new Error('given up meanwhile');
    }
    prepared = { ...change, commit };
    await channel.send({ kind: 'prepared', id, error: undefined });
  } catch (error) {
    await channel.send({ kind: 'prepared', id, error: portable(error) });
  }
}

async function answer({ id, about }: ToWorker & { kind: 'question' }): Promise<void> {
  if (about === 'metrics') return channel.send({ kind: 'metrics', id, metrics: await metrics.snapshot() });
  const readiness = gateway?.readiness() ?? { ready: false, reasons: ['starting'] };
  return channel.send({ kind: 'readiness', id, readiness });
}

async function operate({ id, name, parameters }: ToWorker & { kind: 'operation' }): Promise<void> {
  // An order that comes while it starts must not be lost; one that comes before is in what it starts with.
  const running = await starting;
  if (running === undefined) return;
  const operations = gatewayOperations(running, metrics);
  const given = parameters as Parameters<GatewayOperations[typeof name]>;
  return channel.send({ kind: 'operation', id, answer: call(operations, name, given) });
}

// Terminals and service managers send them to every process; the primary says what follows.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
tuneGarbageCollection();
channel.onMessage((message) => void take(message));
await channel.send({ kind: 'loaded' });
