/** Bandwidths of several scopes at once, and of several processes, by a clock that the test turns. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Most } from '../../../src/config/limits.ts';
import { Bandwidth, type BandwidthClaim } from '../../../src/policy/bandwidth.ts';
import { Ledger } from '../../../src/policy/ledger.ts';
import { LimitReached } from '../../../src/policy/limit-reached.ts';
import { allowanceOf, type TransferAllowance } from '../../../src/policy/transfer-allowance.ts';
import { BandwidthShares } from '../../../src/workers/bandwidth-shares.ts';

const KIB = 1024;
const SECONDS = 10;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount(), 'timers that nobody waits for').toBe(0);
  vi.useRealTimers();
});

function claim(scope: 'user' | 'total', whose: string, most: () => Most): BandwidthClaim {
  return { scope, whose, way: 'down', key: 'bandwidth.down', most };
}

/** A transfer that moves all that it may. */
class Greedy {
  moved = 0;
  readonly #allowance: TransferAllowance;
  #over = false;

  constructor(bandwidth: Bandwidth, claims: readonly BandwidthClaim[]) {
    this.#allowance = allowanceOf({
      counts: new Ledger({ timeZone: 'UTC' }),
      daily: [],
      own: [],
      drawings: bandwidth.open(claims),
      exceeded: (reached) => new LimitReached('upload-too-large', reached),
      onFinish: () => {},
    });
    this.#move();
  }

  end(): void {
    this.#over = true;
    this.#allowance.finish(true);
  }

  #move(): void {
    const { meter } = this.#allowance;
    if (meter === undefined) throw new Error('not limited');
    while (!this.#over) {
      const bytes = meter.allow(16 * KIB);
      if (bytes === 0) return meter.wait(() => this.#move());
      this.moved += bytes;
    }
  }
}

/** Bytes per second of each, over ten seconds. */
async function rates(...transfers: readonly Greedy[]): Promise<readonly number[]> {
  const before = transfers.map(({ moved }) => moved);
  await vi.advanceTimersByTimeAsync(SECONDS * 1000);
  return transfers.map(({ moved }, index) => (moved - (before[index] ?? 0)) / SECONDS);
}

function expectNear(rate: number | undefined, expected: number): void {
  expect((rate ?? Number.NaN) / expected).toBeGreaterThan(0.95);
  expect((rate ?? Number.NaN) / expected).toBeLessThan(1.05);
}

describe('one process', () => {
  it('what a user may not have, the others of the whole get', async () => {
    const bandwidth = new Bandwidth();
    const total = claim('total', '', () => 1000 * KIB);
    const slow = new Greedy(bandwidth, [claim('user', 'slow', () => 100 * KIB), total]);
    const fast = [1, 2].map(() => new Greedy(bandwidth, [claim('user', 'fast', () => 5000 * KIB), total]));
    const [ofSlow, ...ofFast] = await rates(slow, ...fast);
    expectNear(ofSlow, 100 * KIB);
    for (const each of ofFast) expectNear(each, 450 * KIB);
    expect(bandwidth.usage).toEqual(
      expect.arrayContaining([expect.objectContaining({ scope: 'total', transfers: 3, most: 1000 * KIB })]),
    );
    for (const each of [slow, ...fast]) each.end();
    expect(bandwidth.usage).toEqual([]);
  });

  it('a rate that is changed holds at once; one that is lifted, too', async () => {
    const bandwidth = new Bandwidth();
    let most: Most = 10 * KIB;
    const transfer = new Greedy(bandwidth, [claim('user', 'alice', () => most), claim('total', '', () => 900 * KIB)]);
    expectNear((await rates(transfer))[0], 10 * KIB);
    most = 100 * KIB;
    bandwidth.change();
    expectNear((await rates(transfer))[0], 100 * KIB);
    most = 'unlimited';
    bandwidth.change();
    expectNear((await rates(transfer))[0], 900 * KIB);
    most = 10 * KIB;
    bandwidth.change();
    await rates(transfer);
    expectNear((await rates(transfer))[0], 10 * KIB);
    transfer.end();
  });

  it('who comes again and again gets no more than who stays', async () => {
    const bandwidth = new Bandwidth();
    let moved = 0;
    for (let count = 0; count < 200; count += 1) {
      const transfer = new Greedy(bandwidth, [claim('user', 'alice', () => 100 * KIB)]);
      await vi.advanceTimersByTimeAsync(50);
      moved += transfer.moved;
      transfer.end();
    }
    expect(moved).toBeLessThanOrEqual(SECONDS * 100 * KIB);
    expect(moved).toBeGreaterThan(0.8 * SECONDS * 100 * KIB);
  });
});

describe('two processes', () => {
  it('share by the number of their transfers, whoever comes, goes or dies', async () => {
    const shares = new BandwidthShares();
    const processes = [1, 2].map(() => {
      const tell = (bucket: string, part: number) => bandwidth.share(bucket, part);
      const bandwidth: Bandwidth = new Bandwidth((bucket, transfers) => shares.drawing(tell, bucket, transfers));
      return { bandwidth, tell };
    });
    const [here, there] = processes;
    if (here === undefined || there === undefined) throw new Error('two are needed');
    const claims = [claim('user', 'alice', () => 400 * KIB)];
    const first = new Greedy(here.bandwidth, claims);
    expectNear((await rates(first))[0], 400 * KIB);
    const others = [1, 2, 3].map(() => new Greedy(there.bandwidth, claims));
    for (const each of await rates(first, ...others)) expectNear(each, 100 * KIB);
    others[0]?.end();
    others[1]?.end();
    for (const each of await rates(first, ...others.slice(2))) expectNear(each, 200 * KIB);
    shares.forget(there.tell);
    expectNear((await rates(first))[0], 400 * KIB);
    first.end();
    others[2]?.end();
  });

  it('nothing flows before a share was told', async () => {
    const bandwidth = new Bandwidth(() => {});
    const transfer = new Greedy(bandwidth, [claim('user', 'alice', () => 400 * KIB)]);
    expect(await rates(transfer)).toEqual([0]);
    transfer.end();
  });
});
