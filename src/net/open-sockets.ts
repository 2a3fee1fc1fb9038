/**
 * Counts the TCP sockets that are open, and ends them all when the gateway stops. Knows nothing of what they carry.
 */
import type { Socket } from 'node:net';

/** The set of sockets of one gateway. */
export class OpenSockets {
  readonly #sockets = new Set<Socket>();
  #emptied: (() => void)[] = [];

  /** Keeps a socket in the set until it is closed. Returns the same socket. */
  track(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
    });
    return socket;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Resolves when no socket is open, or after `milliseconds`. */
  async emptied(milliseconds: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#emptied.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Destroys every socket; resolves when all are closed. */
  async destroyAll(): Promise<void> {
    if (this.#sockets.size === 0) return;
    const empty = new Promise<void>((resolve) => this.#emptied.push(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await empty;
  }
}
