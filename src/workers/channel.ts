/**
 * Everything that the primary process and a worker say to each other, and the two ends of the channel between them. The
 * only place that sends to another process. Knows nothing of what follows from a message.
 */
import type { Worker } from 'node:cluster';
import type { OperationName } from '../admin/joint-operations.ts';
import type { Config } from '../config/schema.ts';
import type { ErrorCode } from '../errors/errors.ts';
import type { Readiness } from '../gateway.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Claim, Exceeded, Held, RateClaim, Spending, Spent } from '../policy/claims.ts';
import type { LoginFailure } from '../policy/failed-logins.ts';

/** What the primary says to a worker. `id` is that of the message it answers, or that the answer must have. */
export type ToWorker =
  /** The answer to `loaded`: serve with this configuration. `worker` is its number, from 1; `drained` has the names of backends that get no new sessions. */
  | ({ readonly kind: 'start'; readonly worker: number; readonly drained: readonly string[] } & WorkerConfiguration)
  /** Make this configuration ready; answered with `prepared`. */
  | ({ readonly kind: 'prepare'; readonly id: number } & WorkerConfiguration)
  /** Put in force what was prepared, answered with `committed`; or give it back. */
  | { readonly kind: 'commit'; readonly id: number }
  | { readonly kind: 'abandon' }
  /** Open the log files anew. */
  | { readonly kind: 'reopen' }
  /** Take no more sessions; answered with `drained` when none is left, after `deadline` milliseconds at the latest. */
  | { readonly kind: 'drain'; readonly id: number; readonly deadline: number }
  /** The answer to `enter`: a place for the session, or the limit that stands against it. */
  | { readonly kind: 'place'; readonly id: number; readonly refused: ErrorCode | undefined }
  /** The answer to `count`. */
  | { readonly kind: 'counted'; readonly id: number; readonly answer: CountAnswer }
  /** Which part of a bandwidth is the worker's, from 0 to 1. */
  | { readonly kind: 'share'; readonly bucket: string; readonly part: number }
  /** The answer to `is-banned`. */
  | { readonly kind: 'banned'; readonly id: number; readonly banned: boolean }
  /** The answer to `login-failed`. */
  | { readonly kind: 'login-failure'; readonly id: number; readonly failure: LoginFailure }
  | { readonly kind: 'question'; readonly id: number; readonly about: 'readiness' | 'metrics' }
  /** A question or an order of the side port, with the parameters that it has there. */
  | {
      readonly kind: 'operation';
      readonly id: number;
      readonly name: OperationName;
      readonly parameters: readonly unknown[];
    }
  /** End all sessions, then the process. */
  | { readonly kind: 'stop' };

/** What a worker serves: the configuration of all, and its own ports of the passive range. */
export interface WorkerConfiguration {
  readonly config: Config;
  readonly passivePorts: readonly number[];
}

/** What is asked about limits, as `Counts` has it. */
export type CountQuestion =
  | { readonly about: 'enter'; readonly claims: readonly Claim<Held>[] }
  | {
      readonly about: 'spend';
      readonly claims: readonly Claim<Spent>[];
      readonly wanted: number;
      readonly need: number;
    }
  | { readonly about: 'attempt'; readonly claims: readonly RateClaim[] };

/** What stands against it, or what was spent; neither where it is done. */
export interface CountAnswer {
  readonly exceeded?: Exceeded;
  readonly spending?: Exclude<Spending, Exceeded>;
}

/** An answer to a `question`, or to what else is answered. */
export type Answer =
  | { readonly kind: 'prepared'; readonly id: number; readonly error: PortableError | undefined }
  | { readonly kind: 'committed'; readonly id: number }
  | { readonly kind: 'drained'; readonly id: number }
  | { readonly kind: 'operation'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'readiness'; readonly id: number; readonly readiness: Readiness }
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: MetricsSnapshot };

/** What a worker says to the primary. */
export type ToPrimary =
  /** The program of the worker runs and listens to messages. */
  | { readonly kind: 'loaded' }
  /** Every port is bound. */
  | { readonly kind: 'serving' }
  /** It cannot serve; the process ends. */
  | { readonly kind: 'failed'; readonly error: PortableError }
  /** Asks for a place for one more session of this address. */
  | { readonly kind: 'enter'; readonly id: number; readonly address: string }
  /** Asks for a place for one more session of this backend; answered and given back as one of `enter`. */
  | { readonly kind: 'enter-backend'; readonly id: number; readonly backend: string }
  /** Asks who counts what is limited; answered with `counted`. Places that it gave are given back with `uncount`. */
  | { readonly kind: 'count'; readonly id: number; readonly question: CountQuestion }
  | { readonly kind: 'uncount'; readonly id: number }
  /** Gives back what it had spent. */
  | {
      readonly kind: 'give-back';
      readonly claims: readonly Claim<Spent>[];
      readonly amount: number;
      readonly day: string;
    }
  /** So many transfers draw from a bandwidth now; answered with `share`, and again when that changes. */
  | { readonly kind: 'drawing'; readonly bucket: string; readonly transfers: number }
  /** Asks whether this address is turned away. */
  | { readonly kind: 'is-banned'; readonly id: number; readonly address: string }
  /** A login from this address failed. */
  | { readonly kind: 'login-failed'; readonly id: number; readonly address: string; readonly user: string }
  /** Gives back the place that was asked for under this id. */
  | { readonly kind: 'leave'; readonly id: number }
  | Answer;

/** An error of Node as plain data. */
export interface PortableError {
  readonly message: string;
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
}

/** One end of a channel. */
export interface Channel<In, Out> {
  /** Resolves when the message was handed over, or the other process is gone. */
  send(message: Out): Promise<void>;
  onMessage(listener: (message: In) => void): void;
}

/** The end of a worker process. Throws where this process is none. */
export function channelToPrimary(): Channel<ToWorker, ToPrimary> {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error('not started as a worker');
  return {
    send: (message) => new Promise((resolve) => send(wrap(message), undefined, undefined, () => resolve())),
    onMessage: (listener) => process.on('message', (data) => unwrap(data, listener)),
  };
}

/** The primary's end of the channel to this worker. */
export function channelToWorker(worker: Worker): Channel<ToPrimary, ToWorker> {
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (!worker.isConnected()) return resolve();
        worker.send(wrap(message), () => resolve());
      }),
    onMessage: (listener) => worker.on('message', (data: unknown) => unwrap(data, listener)),
  };
}

/** The error as data. */
export function portable(error: unknown): PortableError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, address, port, path } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  return {
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path }),
  };
}

/** An error with the same facts. */
export function revived({ message, ...facts }: PortableError): Error {
  return Object.assign(new Error(message), facts);
}

/** Libraries may use the same channel: ours are marked. */
const MARK = 'sallyport';

function wrap(message: ToWorker | ToPrimary): { readonly [MARK]: ToWorker | ToPrimary } {
  return { [MARK]: message };
}

function unwrap<In>(data: unknown, listener: (message: In) => void): void {
  if (typeof data === 'object' && data !== null && MARK in data) listener(data[MARK] as In);
}
