/**
 * Keeps one worker alive: a process that dies is replaced by one with the same ports, at once if it had served for a
 * while, later and later if it dies again and again. Counts and logs each death. Knows nothing of sessions.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { portsText } from '../config/worker-slices.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import type { WorkerConfiguration } from './channel.ts';
import { type WorkerEnd, WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

/** A worker that has served for this long is replaced at once (milliseconds). */
const STEADY = 10_000;
/** How long the replacement waits after the first and after many early deaths (milliseconds); it doubles in between. */
const SHORTEST_DELAY = 250;
const LONGEST_DELAY = 30_000;

export interface WorkerSlotOptions extends Omit<WorkerProcessOptions, 'onSessions'> {
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** A process has died, unless it was told to stop. */
  readonly onDeath: (process: WorkerProcess) => void;
}

/** A configuration that is ready in a worker; one of the two is called. */
export interface PreparedInWorker {
  /** Resolves when it is in force. */
  commit(): Promise<void>;
  abandon(): Promise<void>;
}

export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  #configuration: WorkerConfiguration;
  readonly #stopping = new AbortController();
  #process: WorkerProcess | undefined;
  #supervision: Promise<void> = Promise.resolve();

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
  }

  get number(): number {
    return this.#options.number;
  }

  /** The process; undefined before the first start, and while none runs. */
  get process(): WorkerProcess | undefined {
    return this.#process;
  }

  /** Starts the first process and resolves when it serves. Rejects when it cannot: then none follows. */
  async start(): Promise<void> {
    const first = this.#launch();
    if (!(await first.serving)) throw startFailure(await first.ended);
    this.#supervision = this.#supervise(first);
  }

  /** Makes a configuration ready; rejects with what stands against it. */
  async prepare(configuration: WorkerConfiguration): Promise<PreparedInWorker> {
    const serving = this.#process?.isServing === true ? this.#process : undefined;
    const abandon = async () => serving?.abandon();
    const problem = await serving?.prepare(configuration);
    if (problem !== undefined) {
      await abandon();
      throw problem;
    }
    const commit = async () => {
      this.#configuration = configuration;
      // Who does not serve yet, or has taken its place meanwhile, began with the configuration before: it may even be why it cannot start.
      if (serving !== undefined && this.#process === serving) await serving.commit();
      else this.#process?.restart();
    };
    return { commit, abandon };
  }

  /** Lets its sessions go as their transfers finish; a process that dies meanwhile has no successor. */
  async drain(deadline: number): Promise<void> {
    this.#stopping.abort();
    await this.#process?.drain(deadline);
  }

  /** Ends the process in good order; none follows. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop();
    await this.#supervision;
  }

  /** Ends the process at once; none follows. */
  kill(): void {
    this.#stopping.abort();
    this.#process?.kill();
  }

  #launch(): WorkerProcess {
    const { metrics, logger, number } = this.#options;
    const configuration = this.#configuration;
    metrics.workerUp(number, false);
    const launched = new WorkerProcess({
      ...this.#options,
      configuration,
      onSessions: (sessions) => metrics.workerSessions(number, sessions),
    });
    this.#process = launched;
    void launched.serving.then((serving) => {
      metrics.workerUp(number, serving);
      if (!serving) return;
      const ports = portsText(configuration.passivePorts);
      writeEvent(logger, 'worker-started', `worker ${number} serves`, { worker: number, pid: launched.pid, ports });
    });
    return launched;
  }

  async #supervise(first: WorkerProcess): Promise<void> {
    const { signal } = this.#stopping;
    let current: WorkerProcess | undefined = first;
    let earlyDeaths = 0;
    while (!signal.aborted) {
      const since = performance.now();
      const end: WorkerEnd = current === undefined ? NEVER_STARTED : await current.ended;
      if (signal.aborted) {
        if (current?.isDismissed === false) this.#died(current, end, 0);
        return;
      }
      earlyDeaths = performance.now() - since < STEADY ? earlyDeaths + 1 : 0;
      const delay = earlyDeaths === 0 ? 0 : Math.min(SHORTEST_DELAY * 2 ** (earlyDeaths - 1), LONGEST_DELAY);
      this.#died(current, end, delay);
      await sleep(delay, undefined, { signal }).catch(() => {});
      if (!signal.aborted) current = this.#relaunch();
    }
  }

  #relaunch(): WorkerProcess | undefined {
    this.#options.metrics.workerRestarted(this.number);
    try {
      return this.#launch();
    } catch {
      // The system has no room for a process; told and tried again like a death.
      return undefined;
    }
  }

  #died(dead: WorkerProcess | undefined, { code, signal, error, sessions }: WorkerEnd, delay: number): void {
    const { metrics, logger, number, onDeath } = this.#options;
    this.#process = undefined;
    metrics.workerUp(number, false);
    if (dead !== undefined) onDeath(dead);
    writeEvent(logger, 'worker-died', `worker ${number} died`, {
      worker: number,
      pid: dead?.pid,
      code: code ?? undefined,
      signal: signal ?? undefined,
      detail: error?.message,
      sessions,
      delay,
    });
  }
}

const NEVER_STARTED: WorkerEnd = {
  code: null,
  signal: null,
  error: new Error('the system could not start a process'),
  sessions: 0,
};

function startFailure({ code, signal, error }: WorkerEnd): Error {
  return error ?? new Error(`a worker ended while it started (${signal ?? `exit code ${code}`})`);
}
