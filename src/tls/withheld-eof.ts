/**
 * A Duplex between a TCP socket and a TLSSocket that withholds the TCP end of stream, because a TLSSocket ends the same
 * way after close_notify, after a bare FIN and sometimes after a reset (measured on Node 20, 24 and 26). Whoever reads
 * the TLS side asks {@link WithheldEof.proven} how the stream ended. Knows nothing of TLS itself.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** How a stream ended: properly, by a bare FIN, or by a reset. */
export type StreamEnd = 'close-notify' | 'fin' | 'reset';

/** A stream of TLS whose end is proven. */
export interface ProvenStream {
  /** Resolves once with how it ended. Whoever reads must go on reading: bytes that came before the end are delivered first. */
  readonly end: Promise<StreamEnd>;
  /** Stops reading below TLS, and goes on. */
  hold(): void;
  release(): void;
}

/** Turns of the event loop in which nothing may be left to decrypt before a FIN counts as the end. */
const IDLE_TURNS = 3;
/** While the reader is slow the decision waits; it is looked at again this often (milliseconds). */
const RECHECK = 10;

export class WithheldEof extends Duplex {
  readonly #raw: Socket;
  readonly #records = new RecordCounter();
  readonly #rawEnd: Promise<'fin' | 'reset'>;
  #wanted = false;
  #held = false;

  constructor(raw: Socket) {
    // Keeps nothing of its own: what TLS does not want yet stays in the socket.
    super({ allowHalfOpen: true, readableHighWaterMark: 0 });
    this.#raw = raw;
    raw.on('readable', () => {
      // Nothing to read means the end, and reading is what makes the socket tell of it.
      if (raw.readableLength === 0) raw.read();
      else this.#pull();
    });
    this.#rawEnd = new Promise((resolve) => {
      // A stream that ends inside a record was cut for certain.
      raw.once('end', () => resolve(this.#records.betweenRecords ? 'fin' : 'reset'));
      raw.once('error', () => resolve('reset'));
      raw.once('close', () => resolve('reset'));
    });
  }

  /** The stream of `secure`, the TLSSocket over this one. */
  proven(secure: TLSSocket): ProvenStream {
    return { end: this.#verdict(secure), hold: () => this.#hold(), release: () => this.#release() };
  }

  #verdict(secure: TLSSocket): Promise<StreamEnd> {
    return new Promise((resolve) => {
      if (secure.readableEnded) return resolve('close-notify');
      secure.once('end', () => resolve('close-notify'));
      secure.once('error', () => resolve('reset'));
      // A reset may follow a close_notify that is not read yet, so both ends wait until the reader has drained.
      void this.#rawEnd.then((end) => {
        this.#whenDrained(secure, (drained) => resolve(drained === 'whole' ? end : 'reset'));
      });
    });
  }

  /** `broken`: TLS has given up before all was read, as after a damaged record. */
  #whenDrained(secure: TLSSocket, callback: (drained: 'whole' | 'broken') => void): void {
    let idle = 0;
    const look = () => {
      if (secure.readableEnded) return;
      if (secure.destroyed) return callback('broken');
      if (this.readableLength > 0 || secure.readableLength > 0 || secure.isPaused()) {
        idle = 0;
        setTimeout(look, RECHECK);
      } else if (++idle > IDLE_TURNS) callback('whole');
      else setImmediate(look);
    };
    look();
  }

  /** Gives TLS nothing more to decrypt until it is released: pausing TLS alone lets it fill another buffer. */
  #hold(): void {
    this.#held = true;
  }

  #release(): void {
    this.#held = false;
    this.#pull();
  }

  override _read(): void {
    this.#wanted = true;
    // Whoever gets the last chunk may find that it goes nowhere, and hold: then nothing more is to be read.
    process.nextTick(() => this.#pull());
  }

  #pull(): void {
    if (!this.#wanted || this.#held) return;
    const chunk: Buffer | null = this.#raw.read();
    if (chunk === null) return;
    this.#wanted = false;
    this.#records.count(chunk);
    this.push(chunk);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#raw.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#raw.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#raw.destroy();
    callback(error);
  }
}

/** Header of a TLS record: type, version, length (RFC 8446 §5.1). */
const RECORD_HEADER = 5;

/** Knows whether a stream of TLS records stands between two of them. */
class RecordCounter {
  #header: number[] = [];
  #left = 0;

  get betweenRecords(): boolean {
    return this.#left === 0 && this.#header.length === 0;
  }

  count(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        continue;
      }
      this.#header.push(chunk[at] ?? 0);
      at += 1;
      if (this.#header.length < RECORD_HEADER) continue;
      const [, , , high = 0, low = 0] = this.#header;
      this.#left = high * 256 + low;
      this.#header = [];
    }
  }
}
