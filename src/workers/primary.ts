/**
 * The primary process of a gateway with several workers: starts and replaces them, counts sessions for all, and answers on
 * the side port for all. Serves no client itself.
 */
import cluster from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Admin, startAdmin, type Readiness as WholeReadiness } from '../admin/server.ts';
import type { Config } from '../config/schema.ts';
import { configOfWorker, rangeText, sharePorts } from '../config/worker-slices.ts';
import type { Readiness } from '../gateway.ts';
import {
  type ReloadReport,
  type ReloadSource,
  Reloads,
  type ReloadTrigger,
  withRefusal,
} from '../lifecycle/reloads.ts';
import { createLogger } from '../observe/logger.ts';
import { renderTogether, whatRemains } from '../observe/metric-sum.ts';
import { Metrics, type MetricsSnapshot } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { Admissions } from '../policy/admissions.ts';
import { BackendAdmissions } from '../policy/backend-admissions.ts';
import { Ledger } from '../policy/ledger.ts';
import { VERSION } from '../service.ts';
import { wholeOperations } from '../whole-operations.ts';
import { BandwidthShares } from './bandwidth-shares.ts';
import { workerOperations } from './worker-operations.ts';
import { WorkerSlot } from './worker-slot.ts';

/** The same gateway as a service of one process, in several. */
export interface WorkerService {
  /** Reads the configuration file again and puts it in force in all workers, or in none. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadReport>;
  /** Takes no more sessions; resolves when none is left, within `timeouts.drain`. The side port goes on. May be called again. */
  drain(): Promise<void>;
  /** Ends the sessions of all workers with 421, then the workers, then the side port. May be called again. */
  stop(): Promise<void>;
  /** Ends all workers at once, for a process that is about to exit. */
  abandon(): void;
}

/**
 * Starts `count` workers: all of them or none. Rejects with Node's own error where a port cannot be bound. Once in a
 * process: workers are a thing of the whole process.
 */
export async function startWorkers(config: Config, count: number, source: ReloadSource = {}): Promise<WorkerService> {
  prepareCluster();
  const primary = new Primary(config, count, source);
  await primary.start();
  return primary;
}

class Primary implements WorkerService {
  readonly #config: Config;
  readonly #logger;
  readonly #reloads: Reloads;
  readonly #backendPlaces: BackendAdmissions;
  readonly #metrics = new Metrics({ version: VERSION });
  readonly #admissions: Admissions;
  readonly #ledger: Ledger;
  readonly #slots: readonly WorkerSlot[];
  /** What the dead have counted. */
  #remains: Promise<MetricsSnapshot> = Promise.resolve([]);
  #admin: Admin | undefined;
  /** Names of backends that get no new sessions. */
  readonly #drainedBackends = new Set<string>();
  #shares: readonly (readonly number[])[];
  #drained: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: Config, count: number, source: ReloadSource) {
    this.#config = config;
    this.#logger = createLogger(config.log);
    const admissions = new Admissions(config.limits);
    const backendPlaces = new BackendAdmissions(config.backends);
    const ledger = new Ledger(config.limits);
    const bandwidths = new BandwidthShares();
    this.#ledger = ledger;
    this.#admissions = admissions;
    this.#backendPlaces = backendPlaces;
    const shares = sharePorts(config.data.passive.ports, count);
    this.#shares = shares;
    this.#reloads = new Reloads({
      ...source,
      ...{ config, logger: this.#logger, metrics: this.#metrics },
      apply: (next) => this.#apply(next),
      reopen: () => {
        for (const { process } of this.#slots) process?.reopen();
      },
    });
    this.#slots = Array.from(
      { length: count },
      (_, index) =>
        new WorkerSlot({
          number: index + 1,
          configuration: { config: configOfWorker(config, index + 1, count), passivePorts: shares[index] ?? [] },
          admissions,
          backendPlaces,
          ...{ ledger, bandwidths },
          drained: this.#drainedBackends,
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
    const operations = workerOperations(
      this.#slots,
      this.#drainedBackends,
      wholeOperations({
        ...{ version: VERSION, workers: this.#slots.length, metrics, readiness },
        ...{ reloads: this.#reloads, admissions: this.#admissions, ledger: this.#ledger, drain: () => this.drain() },
      }),
    );
    const { admin: adminConfig } = this.#config;
    this.#admin = await startAdmin({ config: adminConfig, operations, logger: this.#logger, metrics: this.#metrics });
    try {
      await Promise.all(this.#slots.map((slot) => slot.start()));
    } catch (error) {
      this.abandon();
      await Promise.all(this.#slots.map((slot) => slot.process?.ended));
      await this.#admin.close();
      throw error;
    }
    void this.#reloads.watch();
  }

  reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    return this.#reloads.reload(trigger);
  }

  drain(): Promise<void> {
    if (this.#drained === undefined) {
      const { drain: deadline } = this.#reloads.config.timeouts;
      const sessions = this.#slots.reduce((sum, { process }) => sum + (process?.sessions ?? 0), 0);
      writeEvent(this.#logger, 'draining', 'draining', { sessions, deadline });
      this.#metrics.draining();
      this.#drained = Promise.all(this.#slots.map((slot) => slot.drain(deadline))).then(() => {});
    }
    return this.#drained;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  abandon(): void {
    for (const slot of this.#slots) slot.kill();
  }

  /** Puts a configuration in force in all workers, or rejects with nothing changed in any. */
  async #apply(config: Config): Promise<void> {
    const count = this.#slots.length;
    const shares = sharePorts(config.data.passive.ports, count, this.#shares);
    const without = shares.findIndex(({ length }) => length === 0);
    if (without !== -1) {
      const range = rangeText(config.data.passive.ports);
      throw new Error(
        `data.passive.ports: worker ${without + 1} would have no port of ${range}; this change needs a restart`,
      );
    }
    const prepared = await Promise.allSettled(
      this.#slots.map((slot, index) =>
        slot.prepare({ config: configOfWorker(config, index + 1, count), passivePorts: shares[index] ?? [] }),
      ),
    );
    const ready = prepared.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failure = prepared.find((each) => each.status === 'rejected');
    const abandon = () => Promise.all(ready.map((change) => change.abandon()));
    if (failure !== undefined) {
      await abandon();
      throw failure.reason;
    }
    await this.#admin?.replace(config.admin).catch(async (error: unknown) => {
      await abandon();
      throw error;
    });
    await Promise.all(ready.map((change) => change.commit()));
    this.#shares = shares;
    this.#admissions.change(config.limits);
    this.#ledger.change(config.limits);
    this.#backendPlaces.change(config.backends);
    this.#logger.level = config.log.level;
  }

  async #stop(): Promise<void> {
    await this.#reloads.stop();
    const sessions = this.#slots.reduce((sum, { process }) => sum + (process?.sessions ?? 0), 0);
    writeEvent(this.#logger, 'stopping', 'stopping', { sessions });
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    await this.#admin?.close();
    writeEvent(this.#logger, 'stopped', 'stopped', {});
  }

  /** Ready while at least one worker is: clients are given only to workers that serve. */
  async #readiness(): Promise<WholeReadiness> {
    const readiness = await this.#readinessOfWorkers();
    return withRefusal(readiness, this.#reloads.refusal);
  }

  async #readinessOfWorkers(): Promise<Readiness> {
    if (this.#stopped !== undefined) return { ready: false, reasons: ['stopping'] };
    if (this.#drained !== undefined) return { ready: false, reasons: ['draining'] };
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
