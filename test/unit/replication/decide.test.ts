/** Whose is a data connection? Where port and address leave a doubt, TLS decides. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/replication/decide.ts';

const NOBODY = { here: 0, able: 0, proof: false, ghost: false };
const says = (replica: string, prospect: Partial<typeof NOBODY>) => ({ replica, prospect: { ...NOBODY, ...prospect } });
const GONE = { perhaps: false };
const PERHAPS = { perhaps: true };

describe('a data connection', () => {
  it('for which nobody waits is closed, as of a replica that is gone where one may be meant', () => {
    expect(decide([says('a', {}), says('b', {})], [])).toEqual({ kind: 'nobody', cause: 'unexpected' });
    expect(decide([says('a', {})], [GONE])).toEqual({ kind: 'nobody', cause: 'unexpected' });
    expect(decide([says('a', {})], [PERHAPS])).toEqual({ kind: 'nobody', cause: 'owner-gone' });
  });

  it('goes to the only replica where anybody waits, which knows best', () => {
    expect(decide([says('a', {}), says('b', { here: 1, able: 1 })], [])).toEqual({ kind: 'give', to: 'b' });
    expect(decide([says('a', {}), says('b', { here: 3, able: 3, proof: true })], [])).toEqual({
      kind: 'give',
      to: 'b',
    });
    expect(decide([says('a', {}), says('b', { able: 2 })], [GONE])).toEqual({ kind: 'give', to: 'b' });
  });

  it('goes to the only one who waits for this address, whoever waits for others', () => {
    expect(decide([says('a', { able: 2 }), says('b', { here: 1, able: 1 })], [])).toEqual({ kind: 'give', to: 'b' });
    expect(decide([says('a', { able: 2 }), says('b', { here: 1 })], [])).toEqual({ kind: 'give', to: 'b' });
  });

  it.each([
    ['two replicas wait for this address', [says('a', { here: 1, able: 1 }), says('b', { here: 1, able: 1 })], []],
    ['two wait on one, and others elsewhere', [says('a', { able: 1 }), says('b', { here: 2, able: 2 })], []],
    ['proof is required of the one who waits', [says('a', { able: 1 }), says('b', { here: 1, proof: true })], []],
    [
      'another replica has lately given one up',
      [says('a', { here: 1, able: 1 }), says('b', { able: 1, ghost: true })],
      [],
    ],
    ['one who may wait as well cannot be asked', [says('a', { here: 1, able: 1 }), says('b', { able: 1 })], [PERHAPS]],
  ])('must say by TLS whose it is where %s', (_why, statements, silent) => {
    expect(decide(statements, silent)).toEqual({ kind: 'contest', among: ['a', 'b'] });
  });

  it('must say so also where only one waits, and another may', () => {
    expect(decide([says('a', { here: 1, able: 1 })], [PERHAPS])).toEqual({ kind: 'contest', among: ['a'] });
    const ghost = [says('a', { here: 1, able: 1 }), says('b', { ghost: true })];
    expect(decide(ghost, [])).toEqual({ kind: 'contest', among: ['a'] });
    // What it has given up itself it knows.
    expect(decide([says('a', { here: 1, able: 1, ghost: true })], [])).toEqual({ kind: 'give', to: 'a' });
  });
});
