/**
 * Moves bytes from one leg to the other with backpressure, counts them, and reports how it ended. It neither closes a leg
 * nor decides what a client is told.
 */
import type { Writable } from 'node:stream';
import type { DataLeg, Reading, SourceEnd } from './leg.ts';
import { watchStall } from './stall.ts';

/** How a relay ended. `source`: the source leg ended, see `sourceEnd`; `sink`: the sink broke off; `stopped`: by the signal. */
export type RelayEnd =
  | { readonly kind: 'source'; readonly sourceEnd: SourceEnd }
  | { readonly kind: 'sink'; readonly reason: string }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'stopped' };

export interface RelayReport {
  /** Bytes that were read from the source and handed to the sink. */
  readonly bytes: number;
  readonly end: RelayEnd;
}

export interface RelayOptions {
  readonly source: DataLeg;
  readonly sink: DataLeg;
  /** Milliseconds in which at least one byte must move. */
  readonly stall: number;
  readonly signal: AbortSignal;
  /** Is told every chunk, in order, as it is relayed. */
  readonly digest?: { update(chunk: Buffer): unknown } | undefined;
}

/** Runs until the source has ended, the sink broke, nothing moved for too long, or the signal fired. Never rejects. */
export async function relay({ source, sink, stall, signal, digest }: RelayOptions): Promise<RelayReport> {
  let bytes = 0;
  const to = sink.stream;
  const ends = Promise.withResolvers<RelayEnd>();
  // What was read, less what still waits to be written: both ends of the relay count as progress.
  const endWatch = watchStall(
    () => 2 * bytes - to.writableLength,
    stall,
    () => ends.resolve({ kind: 'stalled' }),
  );
  const onAbort = () => ends.resolve({ kind: 'stopped' });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  void source.sourceEnd().then((sourceEnd) => ends.resolve({ kind: 'source', sourceEnd }));
  void sink.broken.then((reason) => ends.resolve({ kind: 'sink', reason }));
  const flow = new Flow(sink);
  const reading = source.read((chunk, done) => {
    bytes += chunk.length;
    digest?.update(chunk);
    flow.write(chunk, done);
  });
  flow.control(reading);
  try {
    const end = await ends.promise;
    return { bytes, end };
  } finally {
    endWatch();
    signal.removeEventListener('abort', onAbort);
    flow.stop();
    reading.stop();
  }
}

/** Writes to a leg, and pauses reading as long as its other end takes no more. */
class Flow {
  readonly #to: Writable;
  readonly #clear: boolean;
  #state: 'flows' | 'waits' | 'stopped' = 'flows';
  #gathering = false;
  #reading: Reading | undefined;

  constructor({ stream, tls }: DataLeg) {
    this.#to = stream;
    this.#clear = tls === undefined;
  }

  /** This reading brings what is written; some of it may have come before. */
  control(reading: Reading): void {
    this.#reading = reading;
    if (this.#state === 'waits') reading.pause();
  }

  write(chunk: Buffer, done?: () => void): void {
    // One record of TLS is one chunk; those that were read together go out together, in one system call.
    if (!this.#gathering) {
      this.#gathering = true;
      this.#to.cork();
      process.nextTick(() => this.#sendGathered());
    }
    const more = this.#to.write(chunk, () => {
      done?.();
      this.#written();
    });
    if (!more) this.#wait();
  }

  /** Reading is not touched any more. */
  stop(): void {
    this.#state = 'stopped';
  }

  #sendGathered(): void {
    this.#gathering = false;
    this.#to.uncork();
    // What the kernel did not take at once would only lie here; TLS always takes a moment.
    if (this.#clear && this.#to.writableLength > 0) this.#wait();
  }

  #wait(): void {
    if (this.#state !== 'flows') return;
    this.#state = 'waits';
    this.#reading?.pause();
  }

  #written(): void {
    if (this.#state !== 'waits' || this.#to.writableLength > 0) return;
    this.#state = 'flows';
    this.#reading?.resume();
  }
}
