/** Ejection, half-open trials and recovery of one backend. */
import { describe, expect, it } from 'vitest';
import { Health } from '../../../src/backends/health.ts';

const OPTIONS = { failures: 3, successes: 2, pause: 1000 };

describe('health', () => {
  it('one success or one failure decides about a backend that was not tried yet', () => {
    expect(new Health(OPTIONS).succeeded()).toBe('up');
    expect(new Health(OPTIONS).failed(0)).toBe('down');
    expect(new Health(OPTIONS).mayTry(0)).toBe(true);
  });

  it('failures in a row eject; a success between them starts the count anew', () => {
    const health = new Health(OPTIONS);
    health.succeeded();
    expect([health.failed(0), health.failed(0), health.succeeded()]).toEqual([undefined, undefined, undefined]);
    expect([health.failed(0), health.failed(0), health.failed(0)]).toEqual([undefined, undefined, 'down']);
    expect(health.availability).toBe('down');
  });

  it('an ejected backend is due for one trial after a pause, and the next one a pause later', () => {
    const health = new Health(OPTIONS);
    health.failed(0);
    expect([health.mayTry(0), health.mayTry(999), health.mayTry(1000)]).toEqual([false, false, true]);
    health.tried(1000);
    expect([health.mayTry(1000), health.mayTry(1999), health.mayTry(2000)]).toEqual([false, false, true]);
    expect(health.failed(2500)).toBeUndefined();
    expect([health.mayTry(3499), health.mayTry(3500)]).toEqual([false, true]);
  });

  it('is up again after as many successes in a row as configured', () => {
    const health = new Health(OPTIONS);
    health.failed(0);
    expect(health.succeeded()).toBeUndefined();
    health.failed(0);
    expect(health.succeeded()).toBeUndefined();
    expect(health.succeeded()).toBe('up');
    expect(health.mayTry(0)).toBe(true);
  });

  it('trying a backend that is up changes nothing', () => {
    const health = new Health(OPTIONS);
    health.succeeded();
    health.tried(0);
    expect(health.mayTry(0)).toBe(true);
  });
});
