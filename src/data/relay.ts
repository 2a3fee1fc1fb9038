/**
 * Moves bytes from one leg to the other with backpressure, counts them, and reports how it ended. It neither closes a leg
 * nor decides what a client is told.
 */
import type { Writable } from 'node:stream';
import type { GatewayError } from '../errors/errors.ts';
import type { ChunkSink, DataLeg, Reading, SourceEnd } from './leg.ts';
import { type ByteMeter, MeteredReading } from './metered-reading.ts';
import { watchStall } from './stall.ts';

/** How a relay ended. `source`: the source leg ended, see `sourceEnd`; `sink`: the sink broke off; `stopped`: by the signal. */
export type RelayEnd =
  | { readonly kind: 'source'; readonly sourceEnd: SourceEnd }
  | { readonly kind: 'sink'; readonly reason: string }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'stopped' };

export interface RelayReport {
  /** Bytes that were handed to the sink. */
  readonly bytes: number;
  readonly end: RelayEnd;
}

/** Changes bytes on their way. */
export interface ByteFilter {
  /** What may be sent now: no part of the chunk, whose memory is used again. */
  push(chunk: Buffer): Buffer;
  /** What is left to be sent at the end. */
  end(): Buffer;
}

export interface RelayOptions {
  readonly source: DataLeg;
  readonly sink: DataLeg;
  /** Milliseconds in which at least one byte must move. */
  readonly stall: number;
  readonly signal: AbortSignal;
  /** Is told every chunk, in order, as it is relayed. */
  readonly digest?: { update(chunk: Buffer): unknown } | undefined;
  /** What takes the place of what was read, before it is counted and sent; undefined where nothing is changed. */
  readonly filter?: ByteFilter | undefined;
  /** Says how fast and how far bytes may go on; undefined where nothing is limited. */
  readonly meter?: ByteMeter | undefined;
  /** The meter lets no more bytes go on, for this reason. The relay goes on to run: it is the signal that stops it. */
  readonly onRefused?: ((reason: GatewayError) => void) | undefined;
}

/** Runs until the source has ended, the sink broke, nothing moved for too long, or the signal fired. Never rejects. */
export async function relay({ source, sink, stall, signal, ...options }: RelayOptions): Promise<RelayReport> {
  const { digest, filter, meter, onRefused = () => {} } = options;
  let read = 0;
  let bytes = 0;
  const to = sink.stream;
  const ends = Promise.withResolvers<RelayEnd>();
  // What was read, less what still waits to be written: both ends of the relay count as progress, and so does a gateway behind it.
  let metered: MeteredReading | undefined;
  const moved = () => read + bytes - to.writableLength + sink.handedOn;
  const endWatch = watchStall(
    // Who is held back by a limit has not stalled.
    meter === undefined ? moved : () => moved() + (metered?.turns ?? 0),
    stall,
    () => ends.resolve({ kind: 'stalled' }),
  );
  const onAbort = () => ends.resolve({ kind: 'stopped' });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  void source.sourceEnd().then((sourceEnd) => {
    const end = () => ends.resolve({ kind: 'source', sourceEnd });
    if (metered === undefined || sourceEnd === 'reset') end();
    else metered.whenEmpty(end);
  });
  void sink.broken.then((reason) => ends.resolve({ kind: 'sink', reason }));
  const flow = new Flow(sink);
  const send: ChunkSink = (chunk, done) => {
    bytes += chunk.length;
    digest?.update(chunk);
    flow.write(chunk, done);
  };
  const take: ChunkSink = (chunk, done) => {
    read += chunk.length;
    const kept = filter === undefined ? chunk : filter.push(chunk);
    if (kept.length > 0) send(kept, done);
    else done?.();
  };
  metered = meter && new MeteredReading(source, meter, onRefused, take);
  const reading = metered ?? source.read(take);
  flow.control(reading);
  try {
    const end = await ends.promise;
    const rest = end.kind === 'source' ? filter?.end() : undefined;
    if (rest !== undefined && rest.length > 0) send(rest);
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

  /** Sends what was gathered; reading is not touched any more. */
  stop(): void {
    this.#state = 'stopped';
    this.#sendGathered();
  }

  #sendGathered(): void {
    if (!this.#gathering) return;
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
