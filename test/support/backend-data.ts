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
  readonly #chunks: Buffer[] = [];
  #ended: RawEnding | undefined;
  #sent = 0;

  constructor(socket: Socket, notify: () => void) {
    this.socket = socket;
    socket.setNoDelay(true);
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

  /** FIN: the end of a file in stream mode. */
  end(): void {
    this.socket.end();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}
