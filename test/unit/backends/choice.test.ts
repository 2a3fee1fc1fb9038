/** In which order backends are tried. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, Choice } from '../../../src/backends/choice.ts';
import type { Balance } from '../../../src/config/routes.ts';

interface Facts {
  readonly name: string;
  readonly weight?: number;
  readonly sessions?: number;
  readonly ejected?: boolean;
  readonly drained?: boolean;
}

const backend = ({ name, weight = 1, sessions = 0, ejected = false, drained = false }: Facts): Candidate => ({
  name,
  weight,
  sessions,
  isDrained: drained,
  mayTry: () => !ejected,
});

const WHOM = { address: '192.0.2.1', user: 'alice' };
const BALANCES: readonly Balance[] = ['round-robin', 'least-sessions', 'client-address', 'user'];

const names = (order: readonly Candidate[]): string => order.map(({ name }) => name).join('');

const CANDIDATES = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 1, maxLength: 3 }),
    weight: fc.integer({ min: 1, max: 1000 }),
    sessions: fc.integer({ min: 0, max: 50 }),
    ejected: fc.boolean(),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 8 },
);

it.each(BALANCES)('%s: each backend once, those that are ejected last', (balance) => {
  fc.assert(
    fc.property(CANDIDATES, fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (facts, users) => {
      const choice = new Choice(facts.map(backend), balance);
      for (const user of users) {
        const order = choice.order({ address: user, user }, 0);
        expect(order.map(({ name }) => name).toSorted()).toEqual(facts.map(({ name }) => name).toSorted());
        const states = order.map((each) => each.mayTry(0));
        expect(states).toEqual(states.toSorted((a, b) => Number(b) - Number(a)));
      }
    }),
  );
});

describe('round-robin', () => {
  it('gives each its turn', () => {
    const choice = new Choice([backend({ name: 'a' }), backend({ name: 'b' }), backend({ name: 'c' })], 'round-robin');
    const firsts = Array.from({ length: 6 }, () => names(choice.order(WHOM, 0))[0]);
    expect(firsts.join('')).toBe('abcabc');
  });

  it('gives turns by weight, evenly spread', () => {
    const choice = new Choice(
      [backend({ name: 'a', weight: 5 }), backend({ name: 'b' }), backend({ name: 'c' })],
      'round-robin',
    );
    const firsts = Array.from({ length: 7 }, () => names(choice.order(WHOM, 0))[0]);
    expect(firsts.join('')).toBe('aabacaa');
  });

  it('counts exactly by weight over whole rounds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (weights) => {
        const backends = weights.map((weight, index) => backend({ name: `${index}`, weight }));
        const choice = new Choice(backends, 'round-robin');
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const firsts = Array.from({ length: 3 * sum }, () => choice.order(WHOM, 0)[0]?.name);
        for (const { name, weight } of backends) {
          expect(firsts.filter((first) => first === name)).toHaveLength(3 * weight);
        }
      }),
    );
  });
});

it('least-sessions takes the fewest sessions for its weight', () => {
  const backends = [
    backend({ name: 'a', sessions: 3 }),
    backend({ name: 'b', sessions: 4, weight: 4 }),
    backend({ name: 'c', sessions: 1 }),
  ];
  expect(names(new Choice(backends, 'least-sessions').order(WHOM, 0))).toBe('bca');
});

it('least-sessions takes turns where all are alike', () => {
  const choice = new Choice([backend({ name: 'a' }), backend({ name: 'b' })], 'least-sessions');
  expect([names(choice.order(WHOM, 0)), names(choice.order(WHOM, 0))]).toEqual(['ab', 'ba']);
});

describe.each(['client-address', 'user'] as const)('%s', (balance) => {
  const whom = (key: string) => ({ address: key, user: key });
  const keys = Array.from({ length: 2000 }, (_, index) => `key${index}`);

  it('is the same for the same key, and a backend that leaves moves only its own keys', () => {
    const all = ['a', 'b', 'c'].map((name) => backend({ name }));
    const [, ...rest] = all;
    const [before, after] = [new Choice(all, balance), new Choice(rest, balance)];
    for (const key of keys) {
      const order = names(before.order(whom(key), 0));
      expect(names(before.order(whom(key), 0))).toBe(order);
      expect(names(after.order(whom(key), 0))).toBe(order.replace('a', ''));
    }
  });

  it('shares keys by weight', () => {
    const choice = new Choice([backend({ name: 'a', weight: 3 }), backend({ name: 'b' })], balance);
    const first = keys.filter((key) => choice.order(whom(key), 0)[0]?.name === 'a');
    expect(first.length / keys.length).toBeGreaterThan(0.7);
    expect(first.length / keys.length).toBeLessThan(0.8);
  });
});

it.each(BALANCES)('%s: who is drained gets nobody new, not even where the others are ejected', (balance) => {
  const all = [backend({ name: 'a', drained: true }), backend({ name: 'b', ejected: true })];
  expect(names(new Choice(all, balance).order(WHOM, 0))).toBe('b');
  expect(names(new Choice(all.slice(0, 1), balance).order(WHOM, 0))).toBe('');
});
