/**
 * Counts for one worker what it asks for, in the ledger of all; and takes everything back when the worker has ended.
 */
import type { Ledger } from '../policy/ledger.ts';
import type { BandwidthShares, TellShare } from './bandwidth-shares.ts';
import type { Channel, CountAnswer, CountQuestion, ToPrimary, ToWorker } from './channel.ts';

/** What a worker says about what is limited. */
export type CountMessage = Extract<ToPrimary, { kind: 'count' | 'uncount' | 'give-back' | 'drawing' }>;

export class WorkerCounts {
  readonly #ledger: Ledger;
  readonly #shares: BandwidthShares;
  readonly #channel: Channel<ToPrimary, ToWorker>;
  readonly #places = new Map<number, () => void>();
  readonly #tell: TellShare;

  constructor(ledger: Ledger, shares: BandwidthShares, channel: Channel<ToPrimary, ToWorker>) {
    this.#ledger = ledger;
    this.#shares = shares;
    this.#channel = channel;
    this.#tell = (bucket, part) => void channel.send({ kind: 'share', bucket, part });
  }

  take(message: CountMessage): void {
    switch (message.kind) {
      case 'count':
        return void this.#channel.send({
          kind: 'counted',
          id: message.id,
          answer: this.#answer(message.id, message.question),
        });
      case 'uncount':
        this.#places.get(message.id)?.();
        this.#places.delete(message.id);
        return;
      case 'give-back':
        return this.#ledger.giveBack(message.claims, message.amount, message.day);
      case 'drawing':
        return this.#shares.drawing(this.#tell, message.bucket, message.transfers);
    }
  }

  /** The worker has ended. What it had spent stays spent. */
  end(): void {
    for (const leave of this.#places.values()) leave();
    this.#places.clear();
    this.#shares.forget(this.#tell);
  }

  #answer(id: number, question: CountQuestion): CountAnswer {
    switch (question.about) {
      case 'enter': {
        const entry = this.#ledger.enter(question.claims);
        if ('refused' in entry) return { exceeded: entry };
        this.#places.set(id, () => entry.leave());
        return {};
      }
      case 'spend': {
        const spending = this.#ledger.spend(question.claims, question.wanted, question.need);
        return 'refused' in spending ? { exceeded: spending } : { spending };
      }
      case 'attempt': {
        const exceeded = this.#ledger.attempt(question.claims);
        return exceeded === undefined ? {} : { exceeded };
      }
    }
  }
}
