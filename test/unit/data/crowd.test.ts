import { describe, expect, it } from 'vitest';
import { Crowd } from '../../../src/data/crowd.ts';

describe('a crowd', () => {
  it('pushes out the oldest of the address with the most, and nobody else', () => {
    const crowd = new Crowd(4);
    const single = crowd.enter('192.0.2.1');
    const many = [1, 2, 3].map(() => crowd.enter('192.0.2.66'));
    const next = crowd.enter('192.0.2.2');
    expect([single, ...many, next].map(({ pushedOut }) => pushedOut.aborted)).toEqual([
      false,
      true,
      false,
      false,
      false,
    ]);
  });

  it('has room again for those who left, who leave once', () => {
    const crowd = new Crowd(2);
    const [one, two] = [crowd.enter('a'), crowd.enter('a')];
    one.leave();
    one.leave();
    const three = crowd.enter('b');
    expect([two, three].map(({ pushedOut }) => pushedOut.aborted)).toEqual([false, false]);
    crowd.enter('c');
    expect([two, three].filter(({ pushedOut }) => pushedOut.aborted)).toHaveLength(1);
  });
});
