/** What is counted for users, addresses and routes, by a clock that the test turns. */
import { describe, expect, it } from 'vitest';
import type { Claim, Entry, Held, RateClaim, Spent } from '../../../src/policy/claims.ts';
import { Ledger } from '../../../src/policy/ledger.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 2, 28, 12);

function counting(timeZone = 'UTC', start = NOON) {
  let now = start;
  const ledger = new Ledger({ timeZone, clock: () => now });
  return {
    ledger,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

function held(limit: Held, whose: string, most: number): Claim<Held> {
  return { limit, scope: 'user', whose, most, key: `limits.perUser.${limit}` };
}

function spent(limit: Spent, whose: string, most: number): Claim<Spent> {
  return { limit, scope: 'user', whose, most, key: `limits.perUser.perDay.${limit}` };
}

function given(entry: Entry): { leave(): void } {
  if ('leave' in entry) return entry;
  throw new Error(`refused by ${entry.refused.key}`);
}

describe('places', () => {
  it('are given up to the limit, and again when one was given back; giving back twice counts once', () => {
    const { ledger } = counting();
    const claims = [held('transfers', 'alice', 2)];
    const first = given(ledger.enter(claims));
    given(ledger.enter(claims));
    expect(ledger.enter(claims)).toMatchObject({ refused: { key: 'limits.perUser.transfers' } });
    given(ledger.enter([held('transfers', 'bob', 1)]));
    first.leave();
    first.leave();
    given(ledger.enter(claims));
    expect(ledger.enter(claims)).toHaveProperty('refused');
  });

  it('are given in all scopes or in none', () => {
    const { ledger } = counting();
    const wide = held('sessions', 'wide', 5);
    given(ledger.enter([held('sessions', 'narrow', 1), wide])).leave();
    given(ledger.enter([held('sessions', 'narrow', 1)]));
    expect(ledger.enter([wide, held('sessions', 'narrow', 1)])).toHaveProperty('refused.whose', 'narrow');
    expect(ledger.usage).toEqual([{ limit: 'sessions', scope: 'user', whose: 'narrow', used: 1, most: 1 }]);
  });

  it('by a limit that was lowered: nobody is turned out, nobody comes in', () => {
    const { ledger } = counting();
    const places = [1, 2, 3].map(() => given(ledger.enter([held('sessions', 'alice', 3)])));
    expect(ledger.enter([held('sessions', 'alice', 1)])).toHaveProperty('refused');
    for (const place of places) place.leave();
    given(ledger.enter([held('sessions', 'alice', 1)]));
    expect(ledger.usage).toMatchObject([{ used: 1, most: 1 }]);
  });
});

describe('what is spent in a day', () => {
  it('is what is left, at most what is wanted, and nothing where less is left than is needed', () => {
    const { ledger } = counting();
    const claims = [spent('bytesUp', 'alice', 100), spent('bytesUp', 'all', 1000)];
    expect(ledger.spend(claims, 30, 1)).toMatchObject({ spent: 30 });
    expect(ledger.spend(claims, 0, 70)).toMatchObject({ spent: 0 });
    expect(ledger.spend(claims, 0, 71)).toHaveProperty('refused.whose', 'alice');
    expect(ledger.spend(claims, 500, 1)).toMatchObject({ spent: 70 });
    expect(ledger.spend(claims, 1, 1)).toHaveProperty('refused');
    expect(ledger.usage.map(({ used }) => used)).toEqual([100, 100]);
  });

  it('counts anew from midnight on, and what comes back from the day before does not count', () => {
    const { ledger, pass } = counting();
    const claims = [spent('filesDown', 'alice', 1)];
    const today = ledger.spend(claims, 1, 1);
    if ('refused' in today) throw new Error('refused');
    pass(12 * HOUR - 1);
    expect(ledger.spend(claims, 1, 1)).toHaveProperty('refused');
    pass(1);
    expect(ledger.usage).toEqual([]);
    expect(ledger.spend(claims, 1, 1)).toMatchObject({ spent: 1, day: '2026-03-29' });
    ledger.giveBack(claims, 1, today.day);
    expect(ledger.spend(claims, 1, 1)).toHaveProperty('refused');
    ledger.giveBack(claims, 1, '2026-03-29');
    expect(ledger.spend(claims, 1, 1)).toMatchObject({ spent: 1 });
  });

  it.each([
    ['UTC', 12, 24],
    ['Europe/Berlin', 11, 23],
    ['America/New_York', 16, 24],
    ['Asia/Kolkata', 6.5, 24],
    ['Pacific/Chatham', 22.25, 24],
  ])('in %s the day ends after %s hours, and the next one has %s', (timeZone, first, second) => {
    const { ledger, pass } = counting(timeZone);
    const claims = [spent('filesUp', 'alice', 1)];
    for (const length of [first, second]) {
      expect(ledger.spend(claims, 1, 1)).toMatchObject({ spent: 1 });
      pass(length * HOUR - 1);
      expect(ledger.spend(claims, 1, 1)).toHaveProperty('refused');
      pass(1);
    }
    expect(ledger.spend(claims, 1, 1)).toMatchObject({ spent: 1 });
  });

  it('goes on to count in another time zone where it is the same day there', () => {
    const { ledger } = counting();
    const claims = [spent('filesUp', 'alice', 1)];
    ledger.spend(claims, 1, 1);
    ledger.change({ timeZone: 'Europe/Berlin' });
    expect(ledger.spend(claims, 1, 1)).toHaveProperty('refused');
    ledger.change({ timeZone: 'Pacific/Auckland' });
    expect(ledger.spend(claims, 1, 1)).toMatchObject({ spent: 1 });
  });
});

describe('a rate', () => {
  const rate = { count: 3, per: 60_000 };
  const logins = (whose: string): RateClaim[] => [
    { limit: 'loginRate', scope: 'address', whose, key: 'limits.perAddress.loginRate', rate },
  ];

  it('lets so many come at once, and then one after the other', () => {
    const { ledger, pass } = counting();
    expect([1, 2, 3].map(() => ledger.attempt(logins('192.0.2.1')))).toEqual([undefined, undefined, undefined]);
    expect(ledger.attempt(logins('192.0.2.1'))).toHaveProperty('refused.whose', '192.0.2.1');
    expect(ledger.attempt(logins('192.0.2.2'))).toBeUndefined();
    pass(20_000);
    expect(ledger.attempt(logins('192.0.2.1'))).toBeUndefined();
    expect(ledger.attempt(logins('192.0.2.1'))).toHaveProperty('refused');
    pass(60_000);
    expect([1, 2, 3].map(() => ledger.attempt(logins('192.0.2.1')))).toEqual([undefined, undefined, undefined]);
  });

  it('does not count what it refuses', () => {
    const { ledger, pass } = counting();
    for (let count = 0; count < 100; count += 1) ledger.attempt(logins('192.0.2.1'));
    pass(20_000);
    expect(ledger.attempt(logins('192.0.2.1'))).toBeUndefined();
  });
});
