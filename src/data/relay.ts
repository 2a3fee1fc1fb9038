/**
 * Moves bytes from one leg to the other with backpressure, counts them, and reports how it ended. It neither closes a leg
 * nor decides what a client is told.
 */
import type { Writable } from 'node:stream';
import type { DataLeg, SourceEnd } from './leg.ts';
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
}

/** Runs until the source has ended, the sink broke, nothing moved for too long, or the signal fired. Never rejects. */
export async function relay({ source, sink, stall, signal }: RelayOptions): Promise<RelayReport> {
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
  // One record of TLS is one chunk; those that were read together go out together.
  const gather = gatherWrites(to);
  const reading = source.read((chunk, done) => {
    bytes += chunk.length;
    gather();
    return to.write(chunk, done);
  });
  to.on('drain', reading.resume);
  try {
    const end = await ends.promise;
    return { bytes, end };
  } finally {
    endWatch();
    signal.removeEventListener('abort', onAbort);
    to.off('drain', reading.resume);
    reading.stop();
  }
}

/** Holds back what is written until all that was read at once is there: one system call in place of one for each record. */
function gatherWrites(to: Writable): () => void {
  let gathering = false;
  const release = () => {
    gathering = false;
    to.uncork();
  };
  return () => {
    if (gathering) return;
    gathering = true;
    to.cork();
    process.nextTick(release);
  };
}
