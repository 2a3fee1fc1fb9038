/**
 * Who waits for the connection to another replica, or for the end of an attempt to make it.
 */
import type { Connection } from './dial-replica.ts';
import { ANSWER } from './questions.ts';

export class ConnectionAttempts {
  readonly #expectant = new Set<(connection: Connection) => void>();
  readonly #curious = new Set<() => void>();
  #hasEnded = false;

  /** Whether one was made since the start, with success or without. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The connection, once it is there; undefined where that takes longer than an answer may, or where the signal fires before. */
  connection(signal: AbortSignal): Promise<Connection | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle = (connection: Connection | undefined) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.#expectant.delete(settle);
        resolve(connection);
      };
      const giveUp = () => settle(undefined);
      const timer = setTimeout(giveUp, ANSWER);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#expectant.add(settle);
    });
  }

  /** Resolves when the next one has ended. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#curious.add(resolve));
  }

  /** One has ended. */
  ended(connection: Connection | undefined): void {
    this.#hasEnded = true;
    if (connection !== undefined) for (const settle of [...this.#expectant]) settle(connection);
    for (const resolve of this.#curious) resolve();
    this.#curious.clear();
  }
}
