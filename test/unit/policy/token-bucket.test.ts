/** A bandwidth that several share, by a clock that the test turns. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenBucket } from '../../../src/policy/token-bucket.ts';

const KIB = 1024;
/** What a bucket may have saved up: a fifth of a second, and one portion. */
const SAVED = 0.2;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount(), 'timers that nobody waits for').toBe(0);
  vi.useRealTimers();
});

/** Takes all that it gets, at once or as soon as `pause` milliseconds are over. */
class Eater {
  eaten = 0;
  #giveUp: (() => void) | undefined;
  readonly #bucket: TokenBucket;
  readonly #pause: number;
  #stopped = false;

  constructor(bucket: TokenBucket, pause = 0) {
    this.#bucket = bucket;
    this.#pause = pause;
    this.#eat();
  }

  stop(): void {
    this.#stopped = true;
    this.#giveUp?.();
  }

  #eat(): void {
    if (this.#stopped) return;
    const portion = this.#bucket.take();
    if (portion !== undefined) return this.#got(portion);
    this.#giveUp = this.#bucket.wait((bytes) => this.#got(bytes));
  }

  #got(bytes: number): void {
    this.eaten += bytes;
    this.#giveUp = undefined;
    if (this.#pause === 0) queueMicrotask(() => this.#eat());
    else setTimeout(() => this.#eat(), this.#pause);
  }
}

async function eat(bucket: TokenBucket, eaters: readonly Eater[], milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  for (const eater of eaters) eater.stop();
  expect(bucket.waiting).toBe(0);
}

describe('a bucket', () => {
  it('gives its rate, within 5 % over 10 s, however many share it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: KIB, max: 200 * KIB * KIB }),
        fc.integer({ min: 1, max: 12 }),
        async (rate, count) => {
          const bucket = new TokenBucket(rate);
          const eaters = Array.from({ length: count }, () => new Eater(bucket));
          await eat(bucket, eaters, 10_000);
          const eaten = eaters.reduce((sum, eater) => sum + eater.eaten, 0);
          expect(eaten / (10 * rate)).toBeGreaterThan(0.95);
          expect(eaten / (10 * rate)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('gives each the same, within 10 %', async () => {
    const bucket = new TokenBucket(KIB * KIB);
    const eaters = Array.from({ length: 7 }, () => new Eater(bucket));
    await eat(bucket, eaters, 10_000);
    const fair = eaters.reduce((sum, eater) => sum + eater.eaten, 0) / eaters.length;
    for (const { eaten } of eaters) expect(Math.abs(eaten / fair - 1)).toBeLessThan(0.1);
  });

  it('gives what a slow one leaves to the others', async () => {
    const bucket = new TokenBucket(KIB * KIB);
    const slow = new Eater(bucket, 500);
    const fast = [new Eater(bucket), new Eater(bucket)];
    await eat(bucket, [slow, ...fast], 10_000);
    const eaten = [slow, ...fast].reduce((sum, eater) => sum + eater.eaten, 0);
    expect(eaten / (10 * KIB * KIB)).toBeGreaterThan(0.95);
    expect(slow.eaten).toBeLessThan(0.05 * eaten);
    await vi.runAllTimersAsync();
  });

  it('never gives more than its rate and what it has saved, whenever somebody comes and goes', async () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 3000 }), takes: fc.integer({ min: 0, max: 400 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: KIB, max: 10 * KIB * KIB }),
        fc.array(step, { maxLength: 30 }),
        async (rate, steps) => {
          const bucket = new TokenBucket(rate);
          let given = 0;
          let passed = 0;
          for (const { wait, takes } of steps) {
            await vi.advanceTimersByTimeAsync(wait);
            passed += wait;
            const before = given;
            for (let count = 0; count < takes; count += 1) given += bucket.take() ?? 0;
            expect(given - before).toBeLessThanOrEqual(Math.max(KIB, rate * SAVED));
            expect(given).toBeLessThanOrEqual((rate * passed) / 1000);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('follows another rate at once, and lets all go on where there is none any more', async () => {
    const bucket = new TokenBucket(10 * KIB);
    const eater = new Eater(bucket);
    await vi.advanceTimersByTimeAsync(5000);
    const slow = eater.eaten;
    bucket.change(1000 * KIB);
    await vi.advanceTimersByTimeAsync(5000);
    const fast = eater.eaten - slow;
    expect(slow / (50 * KIB)).toBeGreaterThan(0.9);
    expect(slow / (50 * KIB)).toBeLessThanOrEqual(1);
    expect(fast / (5000 * KIB)).toBeGreaterThan(0.95);
    expect(fast / (5000 * KIB)).toBeLessThanOrEqual(1.01);
    eater.stop();
    bucket.change(0);
    let portion = 0;
    bucket.wait((bytes) => {
      portion = bytes;
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(portion).toBe(0);
    bucket.change(Number.POSITIVE_INFINITY);
    expect(portion).toBeGreaterThan(KIB);
    expect(bucket.take()).toBe(portion);
  });

  it('has no timer when the last one who waited has gone, and gives back what was not needed', async () => {
    const bucket = new TokenBucket(KIB);
    const giveUp = [bucket.wait(() => {}), bucket.wait(() => {})];
    expect(vi.getTimerCount()).toBe(1);
    for (const each of giveUp) each();
    expect(vi.getTimerCount()).toBe(0);
    expect(bucket.take()).toBeUndefined();
    bucket.giveBack(KIB);
    expect(bucket.take()).toBe(KIB);
    expect(bucket.take()).toBeUndefined();
  });
});
