/**
 * Reads a leg no faster, and no further, than a meter allows: what may not go on yet is held, in parts of a chunk if need be, and
 * nothing more is read meanwhile, so that TCP holds the sender back. Knows nothing of why.
 */
import { GatewayError } from '../errors/errors.ts';
import type { ChunkSink, DataLeg, Reading } from './leg.ts';

/** Says how many bytes may go on. */
export interface ByteMeter {
  /** How many of so many bytes may go on now; 0 where it must be waited for. Raises GatewayError where none may any more. */
  allow(bytes: number): number;
  /** Calls back when it is worth asking again. */
  wait(onChange: () => void): void;
}

/** A chunk on its way. */
interface Held {
  chunk: Buffer;
  readonly done: (() => void) | undefined;
}

export class MeteredReading implements Reading {
  readonly #sink: ChunkSink;
  readonly #meter: ByteMeter;
  readonly #onRefused: (reason: GatewayError) => void;
  readonly #held: Held[] = [];
  readonly #inner: Reading;
  #state: 'flows' | 'waits' | 'stopped' = 'flows';
  #paused = false;
  #turns = 0;
  #onEmpty: (() => void) | undefined;

  /** Begins at once. `onRefused` is called once, when no more may go on: then nothing does. */
  constructor(source: DataLeg, meter: ByteMeter, onRefused: (reason: GatewayError) => void, sink: ChunkSink) {
    this.#sink = sink;
    this.#meter = meter;
    this.#onRefused = onRefused;
    this.#inner = source.read((chunk, done) => this.#receive(chunk, done));
    // Some may have come before there was anything to pause.
    if (this.#state === 'waits') this.#inner.pause();
  }

  /** A number that is another one each time it is asked for while chunks are held: nothing has stalled then. */
  get turns(): number {
    if (this.#state === 'waits') this.#turns += 1;
    return this.#turns;
  }

  /** Calls back when nothing is held any more. The end of a stream may come while its last bytes are: Node tells of it all the same. */
  whenEmpty(onEmpty: () => void): void {
    if (this.#held.length === 0) return onEmpty();
    this.#onEmpty = onEmpty;
  }

  pause(): void {
    this.#paused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state === 'flows') this.#inner.resume();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#held.length = 0;
    this.#inner.stop();
  }

  #receive(chunk: Buffer, done?: () => void): void {
    this.#held.push({ chunk, done });
    if (this.#state === 'flows') this.#handOn();
  }

  #handOn(): void {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      const { chunk, done } = first;
      const bytes = this.#allowed(chunk.length);
      if (bytes === 0) return;
      if (bytes < chunk.length) {
        first.chunk = chunk.subarray(bytes);
        this.#sink(chunk.subarray(0, bytes));
      } else {
        this.#held.shift();
        this.#sink(chunk, done);
      }
    }
    this.#onEmpty?.();
  }

  /** 0 where nothing may go on: not yet, or not any more. */
  #allowed(length: number): number {
    try {
      const bytes = this.#meter.allow(length);
      if (bytes === 0) this.#wait();
      return bytes;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#state = 'stopped';
      this.#inner?.pause();
      this.#onRefused(error);
      return 0;
    }
  }

  #wait(): void {
    this.#state = 'waits';
    this.#inner?.pause();
    this.#meter.wait(() => {
      if (this.#state !== 'waits') return;
      this.#state = 'flows';
      this.#handOn();
      // It may have begun to wait again.
      if (this.#mayRead) this.#inner.resume();
    });
  }

  get #mayRead(): boolean {
    return this.#state === 'flows' && !this.#paused;
  }
}
