/**
 * What is limited as a worker counts it: it asks the primary, which counts for all workers. Bytes of a day are asked for in blocks, so
 * that a transfer waits for an answer seldom. Counts nothing itself.
 */
import { placeOf } from '../policy/admissions.ts';
import type { Claim, Counts, Entry, Exceeded, Held, RateClaim, Spending, Spent } from '../policy/claims.ts';
import type { Channel, CountAnswer, CountQuestion, ToPrimary, ToWorker } from './channel.ts';

/** Bytes. */
const BLOCK = 1024 ** 2;

export class AskedCounts implements Counts {
  readonly block = BLOCK;
  readonly #channel: Channel<ToWorker, ToPrimary>;
  readonly #asked = new Map<number, (answer: CountAnswer) => void>();
  #lastId = 0;

  constructor(channel: Channel<ToWorker, ToPrimary>) {
    this.#channel = channel;
  }

  async enter(claims: readonly Claim<Held>[]): Promise<Entry> {
    const { id, answer } = this.#ask({ about: 'enter', claims });
    const { exceeded } = await answer;
    return exceeded ?? placeOf(() => void this.#channel.send({ kind: 'uncount', id }));
  }

  async spend(claims: readonly Claim<Spent>[], wanted: number, need: number): Promise<Spending> {
    const { spending = { spent: 0, day: '' }, exceeded } = await this.#ask({ about: 'spend', claims, wanted, need })
      .answer;
    return exceeded ?? spending;
  }

  giveBack(claims: readonly Claim<Spent>[], amount: number, day: string): void {
    void this.#channel.send({ kind: 'give-back', claims, amount, day });
  }

  async attempt(claims: readonly RateClaim[]): Promise<Exceeded | undefined> {
    return (await this.#ask({ about: 'attempt', claims }).answer).exceeded;
  }

  /** The primary has answered. */
  answered({ id, answer }: ToWorker & { kind: 'counted' }): void {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
  }

  #ask(question: CountQuestion): { readonly id: number; readonly answer: Promise<CountAnswer> } {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<CountAnswer>();
    this.#asked.set(id, resolve);
    void this.#channel.send({ kind: 'count', id, question });
    return { id, answer: promise };
  }
}
