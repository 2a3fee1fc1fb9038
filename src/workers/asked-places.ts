/**
 * Places for sessions as a worker gets them: it asks the primary, which counts for all workers, so that `limits.sessions`
 * and `limits.sessionsPerAddress` hold for the whole gateway. Counts nothing itself.
 */
import type { Admission, SessionPlaces } from '../policy/admissions.ts';
import type { Channel, ToPrimary, ToWorker } from './channel.ts';

export class AskedPlaces implements SessionPlaces {
  readonly #channel: Channel<ToWorker, ToPrimary>;
  readonly #asked = new Map<number, (admission: Admission) => void>();
  #lastId = 0;

  constructor(channel: Channel<ToWorker, ToPrimary>) {
    this.#channel = channel;
  }

  enter(address: string): Promise<Admission> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Admission>();
    this.#asked.set(id, resolve);
    void this.#channel.send({ kind: 'enter', id, address });
    return promise;
  }

  /** The primary has answered. */
  answered({ id, refused }: ToWorker & { kind: 'place' }): void {
    const resolve = this.#asked.get(id);
    this.#asked.delete(id);
    resolve?.(refused === undefined ? this.#place(id) : { refused });
  }

  #place(id: number): Admission {
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        void this.#channel.send({ kind: 'leave', id });
      },
    };
  }
}
