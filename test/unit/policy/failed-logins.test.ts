/** Delays and bans for failed logins, by the clock. */
import { describe, expect, it } from 'vitest';
import { Admissions } from '../../../src/policy/admissions.ts';
import { FailedLogins } from '../../../src/policy/failed-logins.ts';

const loginDelay = { first: 100, most: 1000, within: 60_000 };
const ban = { failures: 3, within: 10_000, for: 30_000, except: ['10.0.0.0/8'] } as const;

function counting(changes: { readonly ban?: object } = {}) {
  let now = 1_000_000;
  const logins = new FailedLogins({ loginDelay, ban: { ...ban, ...changes.ban }, clock: () => now });
  return { logins, pass: (milliseconds: number) => (now += milliseconds) };
}

describe('the refusal of a login', () => {
  it('is held back from the second failure of an address on, longer each time, up to the most', () => {
    const { logins } = counting({ ban: { failures: 'off' } });
    const delays = Array.from({ length: 40 }, (_, index) => logins.failed('192.0.2.1', `user${index}`).delay);
    expect(delays.slice(0, 7)).toEqual([0, 100, 200, 400, 800, 1000, 1000]);
    expect(delays.at(-1)).toBe(1000);
  });

  it('is held back by user name across addresses, too', () => {
    const { logins } = counting();
    expect(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => logins.failed(address, 'alice').delay)).toEqual([
      0, 100, 200,
    ]);
    expect(logins.failed('192.0.2.4', 'bob').delay).toBe(0);
  });

  it('forgets failures after a while', () => {
    const { logins, pass } = counting();
    logins.failed('192.0.2.1', 'alice');
    pass(60_001);
    expect(logins.failed('192.0.2.1', 'alice').delay).toBe(0);
  });
});

describe('an address', () => {
  it('is banned after its last allowed failure, whatever the names, and let in again after its time', () => {
    const { logins, pass } = counting();
    const bans = ['a', 'b', 'c', 'd'].map((user) => logins.failed('192.0.2.1', user).ban);
    expect(bans).toEqual(['none', 'none', 'begins', 'holds']);
    expect(logins.isBanned('192.0.2.1')).toBe(true);
    expect(logins.isBanned('192.0.2.2')).toBe(false);
    expect(logins.bans).toEqual([{ address: '192.0.2.1', until: new Date(1_030_000), failures: 3 }]);
    pass(30_000);
    expect(logins.isBanned('192.0.2.1')).toBe(false);
    expect(logins.bans).toEqual([]);
    expect(logins.failed('192.0.2.1', 'a').ban).toBe('none');
  });

  it('is not banned for failures that lie too far apart', () => {
    const { logins, pass } = counting();
    for (let count = 0; count < 10; count++) {
      expect(logins.failed('192.0.2.1', 'a').ban).toBe('none');
      pass(5001);
    }
  });

  it('is not banned for the failures that others had with the same name', () => {
    const { logins } = counting();
    for (let host = 1; host < 100; host++) expect(logins.failed(`192.0.2.${host}`, 'alice').ban).toBe('none');
    expect(logins.bans).toEqual([]);
  });

  it('of an excepted network is never banned', () => {
    const { logins } = counting();
    for (let count = 0; count < 10; count++) expect(logins.failed('10.1.2.3', 'a').ban).toBe('none');
    expect(logins.failed('10.1.2.3', 'a').delay).toBe(1000);
  });

  it('is let in when its ban is lifted, and begins anew', () => {
    const { logins } = counting();
    for (const user of ['a', 'b', 'c']) logins.failed('2001:db8::1', user);
    expect(logins.liftBan('2001:db8::1')).toBe(false);
    expect(logins.liftBan('2001:db8::/64')).toBe(true);
    expect(logins.liftBan('2001:db8::/64')).toBe(false);
    expect(logins.isBanned('2001:db8::1')).toBe(false);
    expect(logins.failed('2001:db8::1', 'd').ban).toBe('none');
  });

  it('is never banned unless bans are set', () => {
    const { logins } = counting({ ban: { failures: 'off' } });
    for (let count = 0; count < 50; count++) expect(logins.failed('192.0.2.1', 'a').ban).toBe('none');
  });

  it('of IPv6 counts with its network of 64 bits, a mapped one as IPv4', () => {
    const { logins } = counting();
    for (const host of ['1', '2', 'ffff:1']) logins.failed(`2001:DB8:0:7::${host}`, 'a');
    expect(logins.bans.map(({ address }) => address)).toEqual(['2001:db8:0:7::/64']);
    expect([logins.isBanned('2001:db8:0:7::99'), logins.isBanned('2001:db8:0:8::1')]).toEqual([true, false]);
    for (let count = 0; count < 3; count++) logins.failed('::ffff:192.0.2.9', 'a');
    expect(logins.isBanned('192.0.2.9')).toBe(true);
  });
});

it('turns banned addresses away at the door', () => {
  const admissions = new Admissions({ sessions: 10, sessionsPerAddress: 10, loginDelay, ban });
  for (let count = 0; count < 3; count++) admissions.loginFailed('192.0.2.1', 'a');
  expect(admissions.enter('192.0.2.1')).toEqual({ refused: 'address-banned' });
  expect(admissions.enter('192.0.2.2')).toHaveProperty('leave');
  expect(admissions.total).toBe(1);
});
