/**
 * A Duplex between a TCP socket and a TLSSocket that withholds the TCP end of stream, because a TLSSocket ends the same
 * way after close_notify, after a bare FIN and sometimes after a reset (measured on Node 20, 24 and 26). Whoever reads
 * the TLS side asks {@link WithheldEof.verdict} how the stream ended. Knows nothing of TLS itself.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** How a stream ended: properly, by a bare FIN, or by a reset. */
export type StreamEnd = 'close-notify' | 'fin' | 'reset';

/** Turns of the event loop in which nothing may be left to decrypt before a FIN counts as the end. */
const IDLE_TURNS = 3;
/** While the reader is slow the decision waits; it is looked at again this often (milliseconds). */
const RECHECK = 10;

export class WithheldEof extends Duplex {
  readonly #raw: Socket;
  readonly #records = new RecordCounter();
  readonly #rawEnd: Promise<'fin' | 'reset'>;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    raw.on('data', (chunk: Buffer) => {
      this.#records.count(chunk);
      if (!this.push(chunk)) raw.pause();
    });
    this.#rawEnd = new Promise((resolve) => {
      // A stream that ends inside a record was cut for certain.
      raw.once('end', () => resolve(this.#records.betweenRecords ? 'fin' : 'reset'));
      raw.once('error', () => resolve('reset'));
      raw.once('close', () => resolve('reset'));
    });
  }

  /**
   * Resolves once with how the stream of `secure`, the TLSSocket over this one, ended. Whoever reads must go on reading:
   * bytes that were received before the end are delivered first.
   */
  verdict(secure: TLSSocket): Promise<StreamEnd> {
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

  override _read(): void {
    this.#raw.resume();
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
