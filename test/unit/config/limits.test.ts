/** Limits in a configuration and in a decision: how they are written, what is wrong, and what is doubtful. */
import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../src/config/check.ts';
import { parseDecision } from '../../../src/config/decision.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';

function config(limits: object, ofRoute: object = {}): Config {
  const settings = {
    listeners: [{ name: 'public', port: 21 }],
    tls: { certificates: [{ cert: 'a', key: 'b' }] },
    backends: [{ name: 'legacy', host: 'legacy' }],
    routes: [{ backends: ['legacy'], limits: ofRoute }],
    limits,
  };
  return parseConfig(JSON.stringify(settings), { env: {}, file: 'sallyport.yaml' });
}

function errors(limits: object, ofRoute: object = {}): readonly string[] {
  try {
    config(limits, ofRoute);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

function warnings(limits: object, ofRoute: object = {}): readonly string[] {
  return checkRules(config(limits, ofRoute)).warnings.map(({ path, message }) => `${path}: ${message}`);
}

describe('how a limit is written', () => {
  it.each([
    ['1MiB/s', 1024 ** 2],
    ['512KiB/s', 512 * 1024],
    ['100Mbit/s', 12_500_000],
    ['1Gbit/s', 125_000_000],
    [4096, 4096],
    ['unlimited', 'unlimited'],
  ])('a bandwidth: %j', (written, meant) => {
    expect(config({ perUser: { bandwidth: { up: written } } }).limits.perUser.bandwidth.up).toBe(meant);
  });

  it.each([
    ['10GiB', 10 * 1024 ** 3],
    ['2TiB', 2 * 1024 ** 4],
    [1, 1],
    ['unlimited', 'unlimited'],
  ])('a size: %j', (written, meant) => {
    expect(config({ uploadSize: written }).limits.uploadSize).toBe(meant);
  });

  it.each([
    ['20/s', { count: 20, per: 1000 }],
    ['30/m', { count: 30, per: 60_000 }],
    ['500/h', { count: 500, per: 3_600_000 }],
    ['unlimited', 'unlimited'],
  ])('a rate: %j', (written, meant) => {
    expect(config({ commandRate: written }).limits.commandRate).toEqual(meant);
  });

  it('of sessions of an address: the older key holds where the newer one is not given', () => {
    expect(config({ sessionsPerAddress: 7 }).limits).toMatchObject({ sessionsPerAddress: 7, perAddress: {} });
    expect(config({ perAddress: { sessions: 9 } }).limits.perAddress.sessions).toBe(9);
  });
});

describe('a limit that cannot be', () => {
  it.each([
    [{ transfers: 0 }, 'limits.transfers: found 0, expected a whole number from 1 to 1000000, or unlimited'],
    [{ perUser: { sessions: 0 } }, 'limits.perUser.sessions: found 0'],
    [{ bandwidth: { up: 0 } }, 'limits.bandwidth.up: found 0, expected a rate such as 512KiB/s'],
    [{ bandwidth: { up: '10' } }, 'limits.bandwidth.up: found'],
    [{ bandwidth: { up: '10MB/s' } }, 'limits.bandwidth.up: found "10MB/s"'],
    [{ bandwidth: '1MiB/s' }, 'limits.bandwidth: found "1MiB/s", expected a mapping with the keys up, down'],
    [{ bandwidth: { upload: '1MiB/s' } }, 'limits.bandwidth.upload: unknown key; the keys here are up, down'],
    [{ uploadSize: '0MiB' }, 'limits.uploadSize: found "0MiB", expected a size such as 100MiB'],
    [{ uploadSize: 1.5 }, 'limits.uploadSize: found 1.5'],
    [{ perDay: { filesUp: 0 } }, 'limits.perDay.filesUp: found 0'],
    [{ commandRate: '0/s' }, 'limits.commandRate: found "0/s", expected a rate such as 20/s'],
    [{ commandRate: 20 }, 'limits.commandRate: found 20'],
    [{ timeZone: 'Mars/Olympus' }, 'limits.timeZone: found "Mars/Olympus", expected a time zone such as UTC'],
  ])('%j', (limits, expected) => {
    expect(errors(limits)).toEqual([expect.stringContaining(expected)]);
  });

  it('on a route', () => {
    expect(errors({}, { transfers: 0 })).toEqual([expect.stringContaining('routes[0].limits.transfers: found 0')]);
    expect(errors({}, { loginRate: '1/s' })).toEqual([expect.stringContaining('routes[0].limits.loginRate')]);
  });
});

describe('a limit that is never reached', () => {
  it.each<[string, object, object, string, string]>([
    ['a user before all', { sessions: 5, perUser: { sessions: 6 } }, {}, 'limits.perUser.sessions', 'limits.sessions'],
    [
      'an address before all',
      { bandwidth: { up: '1MiB/s' }, perAddress: { bandwidth: { up: '2MiB/s' } } },
      {},
      'limits.perAddress.bandwidth.up',
      'limits.bandwidth.up',
    ],
    ['a route before all', { transfers: 5 }, { transfers: 6 }, 'routes[0].limits.transfers', 'limits.transfers'],
    ['the size of a route', { uploadSize: 5 }, { uploadSize: 6 }, 'routes[0].limits.uploadSize', 'limits.uploadSize'],
    [
      'a user of a route before the route',
      {},
      { perDay: { bytesUp: 5 }, perUser: { perDay: { bytesUp: 6 } } },
      'routes[0].limits.perUser.perDay.bytesUp',
      'routes[0].limits.perDay.bytesUp',
    ],
    [
      'a user of a route before the user',
      { perUser: { transfers: 1 } },
      { perUser: { transfers: 2 } },
      'routes[0].limits.perUser.transfers',
      'limits.perUser.transfers',
    ],
  ])('%s', (_what, limits, ofRoute, path, before) => {
    const found = warnings(limits, ofRoute);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}: found`));
    expect(found[0]).toContain(`but ${before} is`);
  });

  it('nothing is said where the narrow one is tighter, the same, or alone', () => {
    expect(warnings({ transfers: 5, perUser: { transfers: 5 } }, { transfers: 1, perUser: { transfers: 1 } })).toEqual(
      [],
    );
    expect(warnings({}, { sessions: 10, bandwidth: { up: '1KiB/s' } })).toEqual([]);
  });
});

describe('in the answer of the decision hook', () => {
  it('are written as in the configuration', () => {
    const limits = {
      transfers: 2,
      bandwidth: { up: '1MiB/s' },
      perDay: { bytesUp: '1GiB', filesDown: 5 },
      perSession: { filesUp: 1 },
      uploadSize: '10MiB',
      commandRate: '5/s',
    };
    expect(parseDecision(JSON.stringify({ decision: 'allow', limits }))).toMatchObject({
      limits: {
        transfers: 2,
        bandwidth: { up: 1024 ** 2 },
        perDay: { bytesUp: 1024 ** 3, filesDown: 5 },
        perSession: { filesUp: 1 },
        uploadSize: 10 * 1024 ** 2,
        commandRate: { count: 5, per: 1000 },
      },
    });
  });

  it.each([
    { bandwidth: { up: 0 } },
    { perDay: { bytes: 5 } },
    { uploadSize: 'large' },
    { loginRate: '1/s' },
  ])('%j: nobody comes in', (limits) => {
    expect(() => parseDecision(JSON.stringify({ decision: 'allow', limits }))).toThrow(/^limits/);
  });
});
