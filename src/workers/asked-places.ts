/**
 * Places for sessions as a worker gets them: it asks the primary, which counts for all workers, so that `limits.sessions`
 * and `limits.sessionsPerAddress` hold for the whole gateway; so do delays and bans for failed logins. Counts nothing itself.
 */
import { type Admission, placeOf, type SessionPlaces } from '../policy/admissions.ts';
import type { BackendPlaces } from '../policy/backend-admissions.ts';
import type { LoginFailure } from '../policy/failed-logins.ts';
import type { Channel, ToPrimary, ToWorker } from './channel.ts';

export class AskedPlaces implements SessionPlaces {
  readonly #channel: Channel<ToWorker, ToPrimary>;
  readonly #asked = new Map<number, (admission: Admission) => void>();
  readonly #failures = new Map<number, (failure: LoginFailure) => void>();
  readonly #bans = new Map<number, (banned: boolean) => void>();
  #lastId = 0;

  constructor(channel: Channel<ToWorker, ToPrimary>) {
    this.#channel = channel;
  }

  enter(address: string): Promise<Admission> {
    return this.#ask((id) => ({ kind: 'enter', id, address }));
  }

  /** Places at backends, so that `maxSessions` holds for all workers together. */
  readonly backends: BackendPlaces = {
    enter: (backend) => this.#ask((id) => ({ kind: 'enter-backend', id, backend })),
  };

  #ask(question: (id: number) => ToPrimary): Promise<Admission> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Admission>();
    this.#asked.set(id, resolve);
    void this.#channel.send(question(id));
    return promise;
  }

  loginFailed(address: string, user: string): Promise<LoginFailure> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<LoginFailure>();
    this.#failures.set(id, resolve);
    void this.#channel.send({ kind: 'login-failed', id, address, user });
    return promise;
  }

  isBanned(address: string): Promise<boolean> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#bans.set(id, resolve);
    void this.#channel.send({ kind: 'is-banned', id, address });
    return promise;
  }

  /** The primary has looked for a ban. */
  looked({ id, banned }: ToWorker & { kind: 'banned' }): void {
    this.#bans.get(id)?.(banned);
    this.#bans.delete(id);
  }

  /** The primary has counted the failure. */
  counted({ id, failure }: ToWorker & { kind: 'login-failure' }): void {
    this.#failures.get(id)?.(failure);
    this.#failures.delete(id);
  }

  /** The primary has answered. */
  answered({ id, refused }: ToWorker & { kind: 'place' }): void {
    const resolve = this.#asked.get(id);
    this.#asked.delete(id);
    const place = () => placeOf(() => void this.#channel.send({ kind: 'leave', id }));
    resolve?.(refused === undefined ? place() : { refused });
  }
}
