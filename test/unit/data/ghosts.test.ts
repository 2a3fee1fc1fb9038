/** Places at which a data connection may come that nobody waits for any more. */
import { describe, expect, it } from 'vitest';
import { Ghosts } from '../../../src/data/ghosts.ts';

const PLACE = '50000 192.0.2.1';
const OTHER = '50000 192.0.2.2';
const [one, another, third] = [{}, {}, {}];

describe('a ghost', () => {
  it('is there for its time, and is forgotten then', () => {
    const ghosts = new Ghosts();
    ghosts.add(PLACE, one, 100, 0);
    ghosts.add(OTHER, one, 100, 50);
    expect(ghosts.has(PLACE, null, 99)).toBe(true);
    expect(ghosts.has(PLACE, null, 100)).toBe(false);
    expect(ghosts.has(OTHER, null, 149)).toBe(true);
    expect(ghosts.has('50001 192.0.2.2', null, 60)).toBe(false);
    expect(ghosts.places(99)).toEqual([PLACE, OTHER]);
    expect(ghosts.places(100)).toEqual([OTHER]);
  });

  it('is none for the session that has given the connection up itself', () => {
    const ghosts = new Ghosts();
    ghosts.add(PLACE, one, 100, 0);
    ghosts.add(PLACE, one, 100, 10);
    expect(ghosts.has(PLACE, one, 20)).toBe(false);
    expect(ghosts.has(PLACE, another, 20)).toBe(true);
  });

  it('of another session is not forgotten for one of its own, however many there are', () => {
    const ghosts = new Ghosts();
    for (const session of [one, another, third, one, one]) ghosts.add(PLACE, session, 100, 0);
    for (const session of [one, another, third]) expect(ghosts.has(PLACE, session, 50)).toBe(true);
    expect(ghosts.has(PLACE, one, 100)).toBe(false);
  });
});
