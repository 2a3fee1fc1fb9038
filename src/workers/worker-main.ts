/**
 * The program of a worker process: a gateway with the configuration that the primary sends, without a side port. It ends
 * when the primary says so or is gone. Decides nothing about its fellow workers.
 */

import { tuneGarbageCollection } from '../garbage-collection.ts';
import { Gateway } from '../gateway.ts';
import { createLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { VERSION } from '../service.ts';
import { AskedPlaces } from './asked-places.ts';
import { channelToPrimary, portable, type ToWorker } from './channel.ts';

const channel = channelToPrimary();
const places = new AskedPlaces(channel);
const metrics = new Metrics({ version: VERSION });
let starting: Promise<Gateway> | undefined;
let gateway: Gateway | undefined;

async function take(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start':
      starting ??= start(message);
      return;
    case 'place':
      return places.answered(message);
    case 'login-failure':
      return places.counted(message);
    case 'question':
      return answer(message);
    case 'stop':
      await (await starting)?.stop();
      process.exit(0);
  }
}

async function start({ worker, config }: ToWorker & { kind: 'start' }): Promise<Gateway> {
  const logger = createLogger(config.log).child({ worker });
  const made = new Gateway({ config, logger, metrics, places, backendPlaces: places.backends });
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

async function answer({ id, about }: ToWorker & { kind: 'question' }): Promise<void> {
  if (about === 'metrics') return channel.send({ kind: 'metrics', id, metrics: await metrics.snapshot() });
  const readiness = gateway?.readiness() ?? { ready: false, reasons: ['starting'] };
  return channel.send({ kind: 'readiness', id, readiness });
}

// Terminals and service managers send them to every process; the primary says what follows.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {});
tuneGarbageCollection();
channel.onMessage((message) => void take(message));
await channel.send({ kind: 'loaded' });
