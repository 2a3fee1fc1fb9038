/** Places at which a data connection may come that nobody waits for any more. */
import { describe, expect, it } from 'vitest';
import { Ghosts } from '../../../src/data/ghosts.ts';

describe('a ghost', () => {
  it('is there for its time, and is forgotten then', () => {
    const ghosts = new Ghosts();
    ghosts.add('50000 192.0.2.1', 100, 0);
    ghosts.add('50000 192.0.2.2', 100, 50);
    expect(ghosts.has('50000 192.0.2.1', 99)).toBe(true);
    expect(ghosts.has('50000 192.0.2.1', 100)).toBe(false);
    expect(ghosts.has('50000 192.0.2.2', 149)).toBe(true);
    expect(ghosts.has('50001 192.0.2.2', 60)).toBe(false);
  });
});
