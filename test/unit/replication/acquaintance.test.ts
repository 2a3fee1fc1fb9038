/** What is known of another replica: its ports, whether it may live, and who had its index before. */
import { describe, expect, it } from 'vitest';
import { Acquaintance } from '../../../src/replication/acquaintance.ts';
import { MalformedMessage } from '../../../src/replication/messages.ts';

const OWN = { range: '50000-50005', count: 3 };
const PLACE = '50002 192.0.2.1';
const WHO = {
  ...{ version: 1, index: 1, instance: 'a', revision: 2, ports: '50002-50003' },
  ...OWN,
};
const LATENESS = 100;
const at = (now: number, isHeard = false) => ({ isHeard, lateness: LATENESS, now });
const inSlice = (answer: boolean) => () => answer;

describe('the ports of another replica', () => {
  it('are those that it has told last, whichever way it came', () => {
    const known = new Acquaintance(0);
    known.introduced(WHO, 0);
    known.announced({ ...WHO, revision: 4, ports: '50001' });
    known.announced({ ...WHO, revision: 3, ports: '50005' });
    known.introduced({ ...WHO, revision: 3, ports: '50004' }, 0);
    expect([...(known.ports ?? [])]).toEqual([50_001]);
    known.announced({ ...WHO, instance: 'of another', revision: 9, ports: '50005' });
    expect([...(known.ports ?? [])]).toEqual([50_001]);
    known.introduced({ ...WHO, instance: 'b', revision: 1, ports: '50000' }, 0);
    expect([...(known.ports ?? [])]).toEqual([50_000]);
    expect(() => known.introduced({ ...WHO, ports: '3-1' }, 0)).toThrow(MalformedMessage);
  });

  it('count on while it cannot be reached, where it has the same range as we', () => {
    const known = new Acquaintance(0);
    known.introduced(WHO, 0);
    expect(known.mayHave(50_002, OWN, inSlice(false), at(1))).toBe(true);
    expect(known.mayHave(50_001, OWN, inSlice(true), at(1))).toBe(false);
  });

  it.each([
    ['the range is another one', { ...OWN, range: '50000-50002' }],
    ['there are more or fewer replicas', { ...OWN, count: 4 }],
  ])('may be any where it lives, cannot be reached, and %s', (_why, own) => {
    const known = new Acquaintance(0);
    known.introduced(WHO, 0);
    expect(known.mayHave(50_001, own, inSlice(false), at(1))).toBe(true);
    expect(known.mayHave(50_001, own, inSlice(false), at(1, true))).toBe(false);
    expect(known.mayHave(50_001, own, inSlice(false), at(LATENESS + 1))).toBe(false);
    known.isGone(1);
    expect(known.mayHave(50_001, own, inSlice(false), at(1))).toBe(false);
  });

  it('are those of our own settings where nobody runs there, and any where somebody may', () => {
    const known = new Acquaintance(0);
    expect(known.mayHave(50_001, OWN, inSlice(false), at(1))).toBe(true);
    known.isGone(1);
    expect(known.mayHave(50_001, OWN, inSlice(false), at(1))).toBe(false);
    expect(known.mayHave(50_001, OWN, inSlice(true), at(1))).toBe(true);
  });
});

describe('a replica that does not answer', () => {
  it('may have a session as long as it was heard a moment ago, in either direction', () => {
    const known = new Acquaintance(0);
    known.introduced(WHO, 0);
    expect(known.mayWait(50_002, PLACE, at(LATENESS))).toBe(true);
    expect(known.mayWait(50_002, PLACE, at(LATENESS + 1))).toBe(false);
    expect(known.mayWait(50_002, PLACE, at(LATENESS + 1, true))).toBe(true);
    known.sign(50);
    expect(known.mayWait(50_002, PLACE, at(LATENESS + 50))).toBe(true);
  });

  it('and whose place is empty, and always was, is soon forgotten', () => {
    const known = new Acquaintance(0);
    known.isGone(0);
    expect(known.mayWait(50_002, PLACE, at(5000))).toBe(true);
    expect(known.mayWait(50_002, PLACE, at(5001))).toBe(false);
  });
});

describe('an instance that is gone', () => {
  const gone = (ghosts?: readonly string[] | null) => {
    const known = new Acquaintance(0);
    known.introduced(WHO, 0);
    if (ghosts === undefined) known.isGone(10);
    else known.left('a', ghosts, 10);
    return known;
  };

  it.each([
    ['died', undefined],
    ['could not tell its places', null],
    ['has told the place', [PLACE]],
  ])('and %s leaves a doubt at its ports, also where another takes its place', (_how, ghosts) => {
    const known = gone(ghosts);
    expect(known.isHaunted(50_002, PLACE, at(109))).toBe(true);
    expect(known.mayWait(50_002, PLACE, at(109))).toBe(true);
    known.introduced({ ...WHO, instance: 'b', ports: '50000' }, 20);
    expect(known.isHaunted(50_002, PLACE, at(109, true))).toBe(true);
    expect(known.mayHave(50_002, OWN, inSlice(false), at(109, true))).toBe(true);
    expect(known.isHaunted(50_004, PLACE, at(109, true))).toBe(false);
    expect(known.isHaunted(50_002, PLACE, at(110, true))).toBe(false);
    expect(known.mayHave(50_002, OWN, inSlice(false), at(110, true))).toBe(false);
  });

  it('and has said goodbye leaves none elsewhere, also where the word comes late', () => {
    expect(gone([]).isHaunted(50_002, PLACE, at(11))).toBe(false);
    expect(gone([]).mayWait(50_002, PLACE, at(11))).toBe(false);
    const known = gone();
    known.introduced({ ...WHO, instance: 'b' }, 20);
    known.left('a', [], 21);
    expect(known.isHaunted(50_002, PLACE, at(22, true))).toBe(false);
  });

  it('is none where the connection alone was lost', () => {
    const known = gone();
    known.introduced(WHO, 20);
    expect(known.isHaunted(50_002, PLACE, at(21, true))).toBe(false);
  });
});
