/**
 * The primary process of a gateway with several workers: starts and replaces them, counts sessions for all, and answers on
 * the side port for all. Serves no client itself.
 */
import cluster from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Readiness, startAdmin } from '../admin/server.ts';
import type { Config } from '../config/schema.ts';
import { configOfWorker } from '../config/worker-slices.ts';
import { createLogger } from '../observe/logger.ts';
import { renderTogether, whatRemains } from '../observe/metric-sum.ts';
import { Metrics, type MetricsSnapshot } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { Admissions } from '../policy/admissions.ts';
import { BackendAdmissions } from '../policy/backend-admissions.ts';
import { VERSION } from '../service.ts';
import { WorkerSlot } from './worker-slot.ts';

/** The same gateway as a service of one process, in several. */
export interface WorkerService {
  /** Ends the sessions of all workers with 421, then the workers, then the side port. May be called again. */
  stop(): Promise<void>;
  /** Ends all workers at once, for a process that is about to exit. */
  abandon(): void;
}

/**
 * Starts `count` workers: all of them or none. Rejects with Node's own error where a port cannot be bound. Once in a
 * process: workers are a thing of the whole process.
 */
export async function startWorkers(config: Config, count: number): Promise<WorkerService> {
  prepareCluster();
  const primary = new Primary(config, count);
  await primary.start();
  return primary;
}

class Primary implements WorkerService {
  readonly #config: Config;
  readonly #logger;
  readonly #metrics = new Metrics({ version: VERSION });
  readonly #admissions: Admissions;
  readonly #slots: readonly WorkerSlot[];
  /** What the dead have counted. */
  #remains: Promise<MetricsSnapshot> = Promise.resolve([]);
  #admin: { close(): Promise<void> } | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: Config, count: number) {
    this.#config = config;
    this.#logger = createLogger(config.log);
    const admissions = new Admissions(config.limits);
    const backendPlaces = new BackendAdmissions(config.backends);
    this.#admissions = admissions;
    this.#slots = Array.from(
      { length: count },
      (_, index) =>
        new WorkerSlot({
          number: index + 1,
          config: configOfWorker(config, index + 1, count),
          admissions,
          backendPlaces,
          metrics: this.#metrics,
          logger: this.#logger,
          onDeath: ({ lastMetrics }) => {
            if (lastMetrics !== undefined) this.#remember(lastMetrics);
          },
        }),
    );
  }

  async start(): Promise<void> {
    const metrics = { render: () => this.#render(), contentType: this.#metrics.contentType };
    const readiness = () => this.#readiness();
    const bans = () => this.#admissions.bans;
    this.#admin = await startAdmin({ ...this.#config.admin, metrics, readiness, bans, logger: this.#logger });
    try {
      await Promise.all(this.#slots.map((slot) => slot.start()));
    } catch (error) {
      this.abandon();
      await Promise.all(this.#slots.map((slot) => slot.process?.ended));
      await this.#admin.close();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  abandon(): void {
    for (const slot of this.#slots) slot.kill();
  }

  async #stop(): Promise<void> {
    const sessions = this.#slots.reduce((sum, { process }) => sum + (process?.sessions ?? 0), 0);
    writeEvent(this.#logger, 'stopping', 'stopping', { sessions });
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    await this.#admin?.close();
    writeEvent(this.#logger, 'stopped', 'stopped', {});
  }

  /** Ready while at least one worker is: clients are given only to workers that serve. */
  async #readiness(): Promise<Readiness> {
    if (this.#stopped !== undefined) return { ready: false, reasons: ['stopping'] };
    const asked = this.#slots.map((slot) => this.#readinessOf(slot));
    const oneReady = Promise.any(
      asked.map(async (each) => (await each).ready || Promise.reject(new Error('not ready'))),
    );
    // One that hangs must not hold up the answer that another has given.
    if (await oneReady.catch(() => false)) return { ready: true, reasons: [] };
    return { ready: false, reasons: (await Promise.all(asked)).flatMap(({ reasons }) => reasons) };
  }

  async #readinessOf({ number, process }: WorkerSlot): Promise<Readiness> {
    const { ready, reasons } = (await process?.readiness()) ?? { ready: false, reasons: ['is replaced'] };
    return { ready, reasons: reasons.map((reason) => `worker ${number}: ${reason}`) };
  }

  async #render(): Promise<string> {
    // Taken before the living are asked: who dies meanwhile is counted once.
    const remains = this.#remains;
    const living = await Promise.all(this.#slots.map((slot) => slot.process?.metrics()));
    const known = living.filter((snapshot) => snapshot !== undefined);
    return renderTogether([await this.#metrics.snapshot(), await remains, ...known]);
  }

  #remember(snapshot: MetricsSnapshot): void {
    this.#remains = this.#remains.then((remains) => whatRemains([remains, snapshot]));
  }
}

/** What `cluster.fork` starts: the file beside this one, as TypeScript or as JavaScript like this one. */
function prepareCluster(): void {
  const extension = extname(fileURLToPath(import.meta.url));
  // In turn, so that sessions spread evenly however long they last.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(`./worker-main${extension}`, import.meta.url)),
    args: [],
    // Metrics have values that JSON has no words for.
    serialization: 'advanced',
  });
}
