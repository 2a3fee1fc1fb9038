/**
 * One worker process as the primary sees it: started, asked, stopped. Gives its sessions their places and takes them back
 * when it dies. Never starts a second one: see `worker-slot.ts`.
 */
import cluster, { type Worker } from 'node:cluster';
import type { OperationName } from '../admin/joint-operations.ts';
import type { Readiness } from '../gateway.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Admission, Admissions } from '../policy/admissions.ts';
import type { BackendAdmissions } from '../policy/backend-admissions.ts';
import type { Ledger } from '../policy/ledger.ts';
import type { BandwidthShares } from './bandwidth-shares.ts';
import {
  type Answer,
  type Channel,
  channelToWorker,
  revived,
  type ToPrimary,
  type ToWorker,
  type WorkerConfiguration,
} from './channel.ts';
import { WorkerCounts } from './worker-counts.ts';

/** How long a worker may take to answer a question (milliseconds). */
const PATIENCE = 2000;
/** How long it may take to end its sessions and itself (milliseconds). */
const STOP_PATIENCE = 8000;
/** How long it may take to read files and bind ports (milliseconds). */
const LONG_PATIENCE = 30_000;

export interface WorkerProcessOptions {
  /** From 1. */
  readonly number: number;
  /** What it serves. */
  readonly configuration: WorkerConfiguration;
  /** Places for the sessions of all workers. */
  readonly admissions: Admissions;
  /** Places at the backends, for the sessions of all workers. */
  readonly backendPlaces: BackendAdmissions;
  /** Counts what is limited, for all workers. */
  readonly ledger: Ledger;
  /** How they share bandwidths. */
  readonly bandwidths: BandwidthShares;
  /** Names of backends that get no new sessions. */
  readonly drained: ReadonlySet<string>;
  readonly onSessions: (sessions: number) => void;
}

/** How a process ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not serve, where it said so. */
  readonly error: Error | undefined;
  /** Sessions that ended with it. */
  readonly sessions: number;
}

export class WorkerProcess {
  /** Resolves with true when it serves clients, with false when it ends before. */
  readonly serving: Promise<boolean>;
  /** Resolves when it has ended and every message of it has arrived. */
  readonly ended: Promise<WorkerEnd>;
  readonly #options: WorkerProcessOptions;
  readonly #worker: Worker;
  readonly #channel: Channel<ToPrimary, ToWorker>;
  readonly #leaves = new Map<number, () => void>();
  /** Of places at backends. */
  readonly #otherLeaves = new Map<number, () => void>();
  readonly #counts: WorkerCounts;
  readonly #questions = new Map<number, (answer: Answer | undefined) => void>();
  readonly #served = Promise.withResolvers<boolean>();
  #state: 'starting' | 'serving' | 'ended' = 'starting';
  #dismissed = false;
  #lastQuestion = 0;
  #lastMetrics: MetricsSnapshot | undefined;
  #error: Error | undefined;

  /** Starts a process. Throws Node's own error where the system has no room for one more. */
  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#worker = cluster.fork();
    this.#channel = channelToWorker(this.#worker);
    this.#counts = new WorkerCounts(options.ledger, options.bandwidths, this.#channel);
    this.#channel.onMessage((message) => this.#take(message));
    this.serving = this.#served.promise;
    this.ended = this.#end();
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get sessions(): number {
    return this.#leaves.size;
  }

  /** The newest metrics that are known; undefined where it was never asked. */
  get lastMetrics(): MetricsSnapshot | undefined {
    return this.#lastMetrics;
  }

  /** Its metrics now; the last known ones where it does not answer. */
  async metrics(): Promise<MetricsSnapshot | undefined> {
    await this.#ask((id) => ({ kind: 'question', id, about: 'metrics' }));
    return this.#lastMetrics;
  }

  async readiness(): Promise<Readiness> {
    if (this.#state !== 'serving') return { ready: false, reasons: [this.#state] };
    const answer = await this.#ask((id) => ({ kind: 'question', id, about: 'readiness' }));
    return answer?.kind === 'readiness' ? answer.readiness : { ready: false, reasons: ['does not answer'] };
  }

  /** Its answer to a question or an order of the side port. */
  async operation(
    name: OperationName,
    parameters: readonly unknown[],
  ): Promise<{ readonly answer: unknown } | 'silent'> {
    const answer = await this.#ask((id) => ({ kind: 'operation', id, name, parameters }));
    return answer?.kind === 'operation' ? answer : 'silent';
  }

  /** Makes a configuration ready in it; resolves with what stands against it, or undefined. */
  async prepare(configuration: WorkerConfiguration): Promise<Error | undefined> {
    const answer = await this.#ask((id) => ({ kind: 'prepare', id, ...configuration }), LONG_PATIENCE);
    if (answer?.kind !== 'prepared') return new Error(`worker ${this.#options.number} does not answer`);
    return answer.error && revived(answer.error);
  }

  /** Puts in force what was prepared. Resolves when it is. */
  async commit(): Promise<void> {
    await this.#ask((id) => ({ kind: 'commit', id }));
  }

  /** Gives back what was prepared. */
  async abandon(): Promise<void> {
    await this.#channel.send({ kind: 'abandon' });
  }

  /** Opens its log files anew. */
  reopen(): void {
    void this.#channel.send({ kind: 'reopen' });
  }

  /** Lets its sessions go as their transfers finish; resolves when none is left or the process has ended. */
  async drain(deadline: number): Promise<void> {
    if (this.#state === 'starting') {
      this.kill();
      await this.ended;
    } else await this.#ask((id) => ({ kind: 'drain', id, deadline }), deadline + PATIENCE);
  }

  /** Says 421 to its sessions and ends it. One that does not serve yet is ended at once, one that hangs a little later. */
  async stop(): Promise<void> {
    if (this.#state === 'starting') this.kill();
    else void this.#channel.send({ kind: 'stop' });
    this.#dismissed = true;
    const timer = setTimeout(() => this.kill(), STOP_PATIENCE);
    await this.ended;
    clearTimeout(timer);
  }

  /** Whether it was told to end. */
  get isDismissed(): boolean {
    return this.#dismissed;
  }

  /** Whether it serves clients now. */
  get isServing(): boolean {
    return this.#state === 'serving';
  }

  /** Ends it at once, for a successor to take its place. */
  restart(): void {
    this.#worker.process.kill('SIGKILL');
  }

  /** Ends it at once. */
  kill(): void {
    this.#dismissed = true;
    this.#worker.process.kill('SIGKILL');
  }

  #take(message: ToPrimary): void {
    switch (message.kind) {
      case 'loaded': {
        const { number: worker, configuration, drained } = this.#options;
        return void this.#channel.send({ kind: 'start', worker, drained: [...drained], ...configuration });
      }
      case 'serving':
        this.#state = 'serving';
        return this.#served.resolve(true);
      case 'failed':
        this.#error = revived(message.error);
        return;
      case 'enter':
        return this.#enter(message.id, message.address);
      case 'enter-backend':
        return this.#enterOther(message.id, this.#options.backendPlaces.enter(message.backend));
      case 'count':
      case 'uncount':
      case 'give-back':
      case 'drawing':
        return this.#counts.take(message);
      case 'is-banned': {
        const banned = this.#options.admissions.isBanned(message.address);
        return void this.#channel.send({ kind: 'banned', id: message.id, banned });
      }
      case 'login-failed': {
        const { id, address, user } = message;
        const failure = this.#options.admissions.loginFailed(address, user);
        return void this.#channel.send({ kind: 'login-failure', id, failure });
      }
      case 'leave':
        return this.#leave(message.id);
      case 'metrics':
        this.#lastMetrics = message.metrics;
        return this.#answered(message);
      case 'readiness':
      case 'prepared':
      case 'committed':
      case 'drained':
      case 'operation':
        return this.#answered(message);
    }
  }

  #enter(id: number, address: string): void {
    const admission = this.#options.admissions.enter(address);
    const refused = 'refused' in admission ? admission.refused : undefined;
    if ('leave' in admission) this.#leaves.set(id, () => admission.leave());
    this.#options.onSessions(this.sessions);
    void this.#channel.send({ kind: 'place', id, refused });
  }

  #enterOther(id: number, admission: Admission): void {
    const refused = 'refused' in admission ? admission.refused : undefined;
    if ('leave' in admission) this.#otherLeaves.set(id, () => admission.leave());
    void this.#channel.send({ kind: 'place', id, refused });
  }

  #leave(id: number): void {
    this.#otherLeaves.get(id)?.();
    if (this.#otherLeaves.delete(id)) return;
    this.#leaves.get(id)?.();
    this.#leaves.delete(id);
    this.#options.onSessions(this.sessions);
  }

  #answered(answer: Answer): void {
    this.#questions.get(answer.id)?.(answer);
  }

  #ask(question: (id: number) => ToWorker, patience = PATIENCE): Promise<Answer | undefined> {
    if (this.#state === 'ended') return Promise.resolve(undefined);
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        this.#questions.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(settle, patience, undefined);
      this.#questions.set(id, settle);
      void this.#channel.send(question(id));
    });
  }

  async #end(): Promise<WorkerEnd> {
    const { code, signal } = await exitOf(this.#worker);
    this.#state = 'ended';
    const sessions = this.sessions;
    this.#counts.end();
    for (const id of [...this.#leaves.keys(), ...this.#otherLeaves.keys()]) this.#leave(id);
    for (const settle of [...this.#questions.values()]) settle(undefined);
    this.#served.resolve(false);
    return { code, signal, error: this.#error, sessions };
  }
}

/** Node tells of the exit and of the end of the channel in any order; a message may come between the two. */
function exitOf(worker: Worker): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => {
    // A process that could not be started, or not be signalled: the one has no exit, the other has one.
    worker.on('error', () => {
      if (worker.process.pid === undefined) resolve({ code: null, signal: null });
    });
    worker.once('exit', (code: number | null, signal: string | null) => {
      const over = (): void => resolve({ code, signal });
      if (worker.isConnected()) worker.once('disconnect', over);
      else over();
    });
  });
}
