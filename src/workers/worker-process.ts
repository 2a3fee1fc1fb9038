/**
 * One worker process as the primary sees it: started, asked, stopped. Gives its sessions their places and takes them back
 * when it dies. Never starts a second one: see `worker-slot.ts`.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Readiness } from '../admin/server.ts';
import type { Config } from '../config/schema.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Admissions } from '../policy/admissions.ts';
import type { BackendAdmissions } from '../policy/backend-admissions.ts';
import { type Answer, type Channel, channelToWorker, revived, type ToPrimary, type ToWorker } from './channel.ts';

/** How long a worker may take to answer a question (milliseconds). */
const PATIENCE = 2000;

export interface WorkerProcessOptions {
  /** From 1. */
  readonly number: number;
  /** What it serves: its own slice of the ports. */
  readonly config: Config;
  /** Places for the sessions of all workers. */
  readonly admissions: Admissions;
  /** Places at the backends, for the sessions of all workers. */
  readonly backendPlaces: BackendAdmissions;
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
  readonly #backendLeaves = new Map<number, () => void>();
  readonly #questions = new Map<number, (answer: Answer | undefined) => void>();
  readonly #served = Promise.withResolvers<boolean>();
  #state: 'starting' | 'serving' | 'ended' = 'starting';
  #lastQuestion = 0;
  #lastMetrics: MetricsSnapshot | undefined;
  #error: Error | undefined;

  /** Starts a process. Throws Node's own error where the system has no room for one more. */
  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#worker = cluster.fork();
    this.#channel = channelToWorker(this.#worker);
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
    await this.#ask('metrics');
    return this.#lastMetrics;
  }

  async readiness(): Promise<Readiness> {
    if (this.#state !== 'serving') return { ready: false, reasons: [this.#state] };
    const answer = await this.#ask('readiness');
    return answer?.kind === 'readiness' ? answer.readiness : { ready: false, reasons: ['does not answer'] };
  }

  /** Says 421 to its sessions and ends it. One that does not serve yet is ended at once. */
  async stop(): Promise<void> {
    if (this.#state === 'starting') this.kill();
    else await this.#channel.send({ kind: 'stop' });
    await this.ended;
  }

  /** Ends it at once. */
  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #take(message: ToPrimary): void {
    switch (message.kind) {
      case 'loaded': {
        const { number: worker, config } = this.#options;
        return void this.#channel.send({ kind: 'start', worker, config });
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
        return this.#enterBackend(message.id, message.backend);
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

  #enterBackend(id: number, backend: string): void {
    const admission = this.#options.backendPlaces.enter(backend);
    const refused = 'refused' in admission ? admission.refused : undefined;
    if ('leave' in admission) this.#backendLeaves.set(id, () => admission.leave());
    void this.#channel.send({ kind: 'place', id, refused });
  }

  #leave(id: number): void {
    this.#backendLeaves.get(id)?.();
    if (this.#backendLeaves.delete(id)) return;
    this.#leaves.get(id)?.();
    this.#leaves.delete(id);
    this.#options.onSessions(this.sessions);
  }

  #answered(answer: Answer): void {
    this.#questions.get(answer.id)?.(answer);
  }

  #ask(about: 'readiness' | 'metrics'): Promise<Answer | undefined> {
    if (this.#state === 'ended') return Promise.resolve(undefined);
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        this.#questions.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(settle, PATIENCE, undefined);
      this.#questions.set(id, settle);
      void this.#channel.send({ kind: 'question', id, about });
    });
  }

  async #end(): Promise<WorkerEnd> {
    const { code, signal } = await exitOf(this.#worker);
    this.#state = 'ended';
    const sessions = this.sessions;
    for (const id of [...this.#leaves.keys(), ...this.#backendLeaves.keys()]) this.#leave(id);
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
