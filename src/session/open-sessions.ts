/**
 * The sessions that are open, and how they end together: drained one by one as their transfers finish, or all at once.
 */
import { GatewayError } from '../errors/errors.ts';
import type { Session } from './session.ts';

export class OpenSessions implements Iterable<Session> {
  readonly #sessions = new Set<Session>();
  #drained: PromiseWithResolvers<void> | undefined;

  get size(): number {
    return this.#sessions.size;
  }

  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  /** A session begins; one that comes while the others drain goes at once. */
  add(session: Session): void {
    this.#sessions.add(session);
    if (this.isDraining) session.close(new GatewayError('draining'));
  }

  /** A session is over. */
  delete(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#drained?.resolve();
  }

  /**
   * Ends every session as soon as no transfer of it runs; transfers that still run after `deadline` milliseconds are cut as aborted.
   * Resolves when no session is left. Called again it waits for the same.
   */
  drain(deadline: number): Promise<void> {
    if (this.#drained === undefined) {
      const drained = Promise.withResolvers<void>();
      this.#drained = drained;
      const timer = setTimeout(() => this.close(new GatewayError('shutting-down')), deadline);
      void drained.promise.then(() => clearTimeout(timer));
      if (this.size === 0) drained.resolve();
      for (const session of this.#sessions) session.drain();
    }
    return this.#drained.promise;
  }

  /** Ends all of them now. */
  close(reason: GatewayError): void {
    for (const session of this.#sessions) session.close(reason);
  }
}
