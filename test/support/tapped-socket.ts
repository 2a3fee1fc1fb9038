/**
 * A Duplex between a TCP socket and the TLS layer of a test client. It never shows the raw end of the stream to TLS, so
 * that a test can tell TLS close_notify from a bare FIN and from a reset. Knows nothing of FTP.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** How the other side ended a TCP stream. */
export type RawEnding = 'fin' | 'reset';

/** Wraps a connected socket, whose owner reads it and feeds the bytes in. */
export class TappedSocket extends Duplex {
  /** Whether the end closes the socket at once, as programs do that call close() directly after their last write. */
  closesAtEnd = false;
  readonly #raw: Socket;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    this.on('error', () => {});
  }

  /** Takes bytes that arrived on the socket; its owner reads it. */
  feed(chunk: Buffer): void {
    if (!this.push(chunk)) this.#raw.pause();
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#raw.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.closesAtEnd) this.#raw.destroy();
    else this.#raw.end();
    done();
  }
}
