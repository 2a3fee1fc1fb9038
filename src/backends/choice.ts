/**
 * In which order the backends of a route are tried: by the balance of the route, those that are ejected last. Keeps the turns of
 * round robin; otherwise decides by what it is shown.
 */
import { createHash } from 'node:crypto';
import type { Balance } from '../config/routes.ts';

/** What counts about a backend. */
export interface Candidate {
  readonly name: string;
  readonly weight: number;
  readonly sessions: number;
  /** Whether an operator keeps new sessions away from it. */
  readonly isDrained: boolean;
  /** Whether it may be tried in its turn; the others come last. `now` is in milliseconds. */
  mayTry(now: number): boolean;
}

/** Whom a backend is chosen for. */
export interface ChoiceFor {
  readonly address: string;
  readonly user: string;
}

export class Choice<B extends Candidate> {
  readonly #backends: readonly B[];
  readonly #balance: Balance;
  /** Smooth weighted round robin (as in nginx): each turn adds the weight, the highest goes first and pays the sum. */
  readonly #credit = new Map<B, number>();

  constructor(backends: readonly B[], balance: Balance) {
    this.#backends = backends;
    this.#balance = balance;
  }

  get backends(): readonly B[] {
    return this.#backends;
  }

  /** All backends but those that are drained, each once: first those that may be tried, in the order of the balance; then the others in the same order. */
  order(whom: ChoiceFor, now: number): readonly B[] {
    const welcome = this.#backends.filter(({ isDrained }) => !isDrained);
    const usable = welcome.filter((backend) => backend.mayTry(now));
    const ejected = welcome.filter((backend) => !usable.includes(backend));
    return [...this.#arrange(usable, whom), ...this.#arrange(ejected, whom)];
  }

  #arrange(backends: readonly B[], whom: ChoiceFor): readonly B[] {
    if (backends.length < 2) return backends;
    switch (this.#balance) {
      case 'round-robin':
        return this.#inTurn(backends);
      case 'least-sessions': {
        const load = ({ sessions, weight }: B) => (sessions + 1) / weight;
        return this.#inTurn(backends).toSorted((a, b) => load(a) - load(b));
      }
      case 'client-address':
        return byHash(backends, whom.address);
      case 'user':
        return byHash(backends, whom.user);
    }
  }

  #inTurn(backends: readonly B[]): readonly B[] {
    for (const backend of backends) this.#credit.set(backend, this.#creditOf(backend) + backend.weight);
    const ranked = backends.toSorted((a, b) => this.#creditOf(b) - this.#creditOf(a));
    const [first] = ranked;
    const sum = backends.reduce((total, { weight }) => total + weight, 0);
    if (first !== undefined) this.#credit.set(first, this.#creditOf(first) - sum);
    return ranked;
  }

  #creditOf(backend: B): number {
    return this.#credit.get(backend) ?? 0;
  }
}

/** Rendezvous hashing with weights: each key has an order of its own, and a backend that leaves moves only its own keys. */
function byHash<B extends Candidate>(backends: readonly B[], key: string): readonly B[] {
  const scores = new Map(backends.map((backend) => [backend, score(backend, key)]));
  return backends.toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
}

function score({ name, weight }: Candidate, key: string): number {
  const bytes = createHash('sha256').update(`${name}\0${key}`, 'latin1').digest();
  // Over 0 and below 1.
  const share = (bytes.readUIntBE(0, 6) + 1) / (2 ** 48 + 1);
  return -weight / Math.log(share);
}
