/** How a configuration is shared among workers. */
import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { configOfWorker, portsText, sharePorts, workerCount } from '../../../src/config/worker-slices.ts';

function config(ports: string, more = ''): Config {
  const yaml = `
listeners: [{ name: public, port: 21 }]
tls: { certificates: [{ cert: tls.crt, key: tls.key }] }
data: { passive: { ports: ${ports} } }
backends: [{ name: legacy, host: legacy${more} }]`;
  return parseConfig(yaml, { env: {} });
}

function problems(workers: string, ports: string, more = ''): readonly string[] {
  const yaml = `
listeners: [{ name: public, port: 21 }]
tls: { certificates: [{ cert: tls.crt, key: tls.key }] }
data: { passive: { ports: ${ports} } }
backends: [{ name: legacy, host: legacy${more} }]
workers: ${workers}`;
  try {
    parseConfig(yaml, { env: {} });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

describe('slices', () => {
  it.each([
    [1, 1],
    [10, 1],
    [10, 3],
    [7, 7],
    [1000, 64],
  ])('of %i ports for %i workers cover the range in a row, without gap or overlap, in sizes that differ by one', (size, count) => {
    const shares = sharePorts({ first: 50_000, last: 50_000 + size - 1 }, count);
    expect(shares).toHaveLength(count);
    expect(shares.flat()).toEqual(Array.from({ length: size }, (_, index) => 50_000 + index));
    const sizes = shares.map(({ length }) => length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it('are kept where workers have them already; what is new goes to those with fewest, what is gone is given to nobody', () => {
    const held = sharePorts({ first: 50_000, last: 50_003 }, 2);
    expect(held).toEqual([
      [50_000, 50_001],
      [50_002, 50_003],
    ]);
    expect(sharePorts({ first: 50_001, last: 50_006 }, 2, held)).toEqual([
      [50_001, 50_004, 50_005],
      [50_002, 50_003, 50_006],
    ]);
    expect(sharePorts({ first: 50_000, last: 50_001 }, 2, held)).toEqual([[50_000, 50_001], []]);
  });

  it('are written as a person does it', () => {
    expect(portsText([50_003, 50_001, 50_002, 50_009])).toBe('50001-50003, 50009');
    expect(portsText([50_000])).toBe('50000');
  });

  it('are cut from the ports for backends in active mode too, and from nothing else', () => {
    const whole = config('50000-50003', ', dataMode: active, active: { ports: 51000-51002 }');
    const second = configOfWorker(whole, 2, 2);
    expect(second.backends[0]?.active.ports).toEqual({ first: 51_001, last: 51_002 });
    const rest = { backends: undefined };
    expect({ ...second, ...rest }).toEqual({ ...whole, ...rest });
    const anyPort = config('50000-50003', ', dataMode: active');
    expect(configOfWorker(anyPort, 1, 2).backends).toEqual(anyPort.backends);
  });
});

describe('the number of workers', () => {
  it('is one unless the configuration says otherwise', () => {
    expect(workerCount(config('50000-50009'), 8)).toBe(1);
  });

  it('is, for auto, that of processors, but never more than there are ports', () => {
    expect(workerCount({ ...config('50000-50009'), workers: 'auto' }, 8)).toBe(8);
    expect(workerCount({ ...config('50000-50001'), workers: 'auto' }, 8)).toBe(2);
    expect(workerCount({ ...config('50000'), workers: 'auto' }, 8)).toBe(1);
    expect(problems('auto', '50000')).toEqual([]);
  });

  it.each(['0', '-1', '1.5', 'many', '1025', 'null'])('cannot be %s', (workers) => {
    expect(problems(workers, '50000-50009')).toEqual([
      expect.stringMatching(/^workers: found .*, expected a whole number from 1 to 1024, or auto/),
    ]);
  });

  it('needs a port for each worker in every range', () => {
    expect(problems('3', '50000-50002')).toEqual([]);
    expect(problems('4', '50000-50002')).toEqual([
      'workers: found 4, expected at most 3: each worker needs a port of its own, and data.passive.ports (50000-50002) has 3',
    ]);
    expect(problems('2', '50000-50002', ', dataMode: active, active: { ports: 51000 }')).toEqual([
      'workers: found 2, expected at most 1: each worker needs a port of its own, and backends[0].active.ports (51000) has 1',
    ]);
  });
});
