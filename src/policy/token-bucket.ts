/**
 * A bandwidth that several share: tokens for bytes come at an even rate and are given out in equal portions, to each in turn. It has at
 * most one timer, and none while nobody waits. An unused bucket saves up little, and a new one nothing: so nobody gets more than its
 * rate by coming again and again. Knows nothing of transfers.
 */

/** What may be saved up, as a part of what comes in one second: a late timer loses nothing, and a burst is no more than this. */
const SAVED = 0.2;
/** A portion, as a part of what comes in one second; and the least one, in bytes. */
const PORTION = 0.005;
const LEAST_PORTION = 1024;
/** Where there is no bound: not more, so that one that comes later holds soon. */
const UNBOUND_PORTION = 2 ** 20;
/** Milliseconds between two looks, at least. */
const LEAST_WAIT = 5;

/** Somebody who waits for its turn. */
interface Waiting {
  readonly grant: (bytes: number) => void;
}

export class TokenBucket {
  #rate: number;
  #tokens = 0;
  #at = performance.now();
  readonly #queue = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** `rate`: bytes per second; 0 gives nothing until it is changed, Infinity has no bound. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  get rate(): number {
    return this.#rate;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Another rate, from now on; who waits goes on to wait by it. */
  change(rate: number): void {
    if (rate === this.#rate) return;
    this.#refill();
    this.#rate = rate;
    this.#tokens = Math.min(this.#tokens, this.#most);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#serve();
  }

  /** A portion at once; undefined where it has to be waited for: see {@link wait}. */
  take(): number | undefined {
    if (this.#queue.size > 0) return undefined;
    this.#refill();
    return this.#portion();
  }

  /** Calls back with a portion when it is the caller's turn; returns what gives the turn up. */
  wait(grant: (bytes: number) => void): () => void {
    const waiting: Waiting = { grant };
    this.#queue.add(waiting);
    this.#schedule();
    return () => {
      this.#queue.delete(waiting);
      if (this.#queue.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** What was given and is not needed. */
  giveBack(bytes: number): void {
    this.#refill();
    this.#tokens = Math.min(this.#most, this.#tokens + bytes);
    this.#serve();
  }

  get #most(): number {
    return Math.max(LEAST_PORTION, this.#rate * SAVED);
  }

  get #size(): number {
    return this.#rate === Number.POSITIVE_INFINITY
      ? UNBOUND_PORTION
      : Math.max(LEAST_PORTION, Math.floor(this.#rate * PORTION));
  }

  #portion(): number | undefined {
    const size = this.#size;
    if (this.#rate === Number.POSITIVE_INFINITY) return size;
    if (this.#rate === 0 || this.#tokens < size) return undefined;
    this.#tokens -= size;
    return size;
  }

  #refill(): void {
    const now = performance.now();
    const come = (this.#rate * (now - this.#at)) / 1000;
    this.#at = now;
    if (Number.isFinite(come)) this.#tokens = Math.min(this.#most, this.#tokens + come);
  }

  #serve(): void {
    for (const waiting of this.#queue) {
      const portion = this.#portion();
      if (portion === undefined) break;
      this.#queue.delete(waiting);
      waiting.grant(portion);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#queue.size === 0 || this.#rate === 0) return;
    const missing = this.#rate === Number.POSITIVE_INFINITY ? 0 : this.#size - this.#tokens;
    const wait = Math.max(LEAST_WAIT, Math.ceil((missing / this.#rate) * 1000));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refill();
      this.#serve();
    }, wait);
  }
}
