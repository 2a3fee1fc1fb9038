/**
 * The backend's end of a data connection: keeps the bytes received and how the gateway ended it (FIN or RST).
 * Knows nothing of commands.
 */
import type { Socket } from 'node:net';
import type { RawEnding } from './tapped-socket.ts';

/** An accepted data connection of a scripted backend. */
export class BackendData {
  readonly socket: Socket;
  /** How the gateway ended it; pending until it did. */
  readonly ending: Promise<RawEnding>;
  readonly #raw: Socket;
  readonly #chunks: Buffer[] = [];
  #secured: boolean;
  #ended: RawEnding | undefined;
  #sent = 0;

  /** `raw` is the TCP socket below a TLS socket; that ends only by close_notify. */
  constructor(socket: Socket, notify: () => void, raw = socket) {
    this.socket = socket;
    this.#raw = raw;
    this.#secured = raw === socket;
    socket.once('secure', () => {
      this.#secured = true;
    });
    raw.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      notify();
    });
    this.ending = new Promise((resolve) => {
      const settle = (ending: RawEnding): void => {
        this.#ended ??= ending;
        resolve(this.#ended);
        notify();
      };
      socket.on('error', () => settle('reset'));
      socket.on('close', () => settle('reset'));
      // Over TLS a FIN without close_notify is as good as a reset.
      if (raw !== socket)
        for (const event of ['end', 'error', 'close']) raw.on(event, () => setTimeout(settle, 50, 'reset'));
      // A reset that arrives together with data can show as an end of file: an empty write tells the difference.
      socket.on('end', () => {
        if (socket.writableEnded) settle('fin');
        else socket.write(Buffer.alloc(0), (error) => settle(error ? 'reset' : 'fin'));
      });
    });
  }

  /** Everything received so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Bytes on the wire so far, TLS included. */
  get rawBytes(): number {
    return this.#raw.bytesRead;
  }

  /** How the gateway ended it, undefined while it has not. */
  get ended(): RawEnding | undefined {
    return this.#ended;
  }

  /** Bytes that the kernel has taken from this side. */
  get sent(): number {
    return this.#sent;
  }

  /** Writes; resolves when the kernel has the bytes, or when the connection broke (false). */
  write(bytes: Uint8Array | string): Promise<boolean> {
    return new Promise((resolve) => {
      this.socket.write(bytes, (error) => {
        if (!error) this.#sent += bytes.length;
        resolve(!error);
      });
    });
  }

  /** FIN, over TLS behind close_notify: the end of a file in stream mode. */
  end(): void {
    // A TLS socket that ends before the handshake would leave it out.
    if (this.#secured) this.socket.end();
    else this.socket.once('secure', () => this.socket.end());
  }

  /** FIN without close_notify. */
  cut(): void {
    this.#raw.end();
  }

  /** As a program that calls close(): FIN, and RST for whatever still comes. */
  drop(): void {
    this.#raw.destroy();
  }

  /** RST. */
  reset(): void {
    this.#raw.resetAndDestroy();
  }
}
