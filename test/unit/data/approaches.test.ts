import { describe, expect, it } from 'vitest';
import { Approaches } from '../../../src/data/approaches.ts';

const PLACE = '50000 192.0.2.1';

/** A session that waits; `counts` is whether it counts on a connection. */
function waiting(approaches: Approaches): { counts: boolean; done: () => void } {
  const session = { counts: false, done: () => {} };
  session.done = approaches.wait(PLACE, () => {
    session.counts = true;
  });
  return session;
}

describe('connections whose session is not known yet', () => {
  it('lets one session count on each, whoever comes first', () => {
    const approaches = new Approaches();
    const [one, two] = [waiting(approaches), waiting(approaches)];
    approaches.begin(PLACE);
    expect([one.counts, two.counts]).toEqual([true, false]);
    approaches.begin(PLACE);
    expect(two.counts).toBe(true);
    expect(waiting(approaches).counts).toBe(false);
  });

  it('lets a session count on one that is there already', () => {
    const approaches = new Approaches();
    approaches.begin(PLACE);
    expect(waiting(approaches).counts).toBe(true);
  });

  it('gives a connection free again when the one that counted on it has found its own', () => {
    const approaches = new Approaches();
    const [one, two] = [waiting(approaches), waiting(approaches)];
    approaches.begin(PLACE);
    one.done();
    expect(two.counts).toBe(true);
  });

  it('gives nobody a connection that is gone, or a session that has given up', () => {
    const approaches = new Approaches();
    const gone = approaches.begin(PLACE);
    gone();
    const one = waiting(approaches);
    expect(one.counts).toBe(false);
    one.done();
    approaches.begin(PLACE);
    expect(one.counts).toBe(false);
    expect(waiting(approaches).counts).toBe(true);
  });
});
