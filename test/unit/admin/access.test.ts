/** Who may ask the side port what. */
import { describe, expect, it } from 'vitest';
import { Access, type Credentials, type Denial, type Protection, type Right } from '../../../src/admin/access.ts';
import { GuessLimit } from '../../../src/admin/guess-limit.ts';

const READ = 'read-token-0123456789';
const WRITE = 'write-token-0123456789';

const protection = (own: Partial<Protection> = {}): Protection => ({
  address: '127.0.0.1',
  readToken: null,
  writeToken: null,
  certificates: false,
  ...own,
});

const shown = (own: Partial<Credentials> = {}): Credentials => ({
  address: '192.0.2.1',
  host: '127.0.0.1:9121',
  authorization: undefined,
  certified: false,
  forwarded: false,
  ...own,
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

type Row = readonly [
  what: string,
  protection: Partial<Protection>,
  right: Right,
  shown: Partial<Credentials>,
  denial: Denial | undefined,
];

const EVERYWHERE = { address: '0.0.0.0' };
const TOKENS = { ...EVERYWHERE, readToken: READ, writeToken: WRITE };

const ROWS: readonly Row[] = [
  ['health is open, whatever is configured', { ...TOKENS, certificates: true }, 'open', {}, undefined],
  ['metrics are open without protection', EVERYWHERE, 'metrics', { host: 'sallyport.example.com' }, undefined],
  ['metrics are open beside a write token alone', { ...EVERYWHERE, writeToken: WRITE }, 'metrics', {}, undefined],
  ['metrics are protected by a read token', TOKENS, 'metrics', {}, 'no-token'],
  ['metrics are protected by certificates', { ...EVERYWHERE, certificates: true }, 'metrics', {}, 'no-certificate'],
  ['metrics by a read token', TOKENS, 'metrics', bearer(READ), undefined],
  ['reading is open on loopback', {}, 'read', {}, undefined],
  ['reading is open on the other loopback', { address: '::1' }, 'read', { host: '[::1]:9121' }, undefined],
  ['reading is open as localhost', {}, 'read', { host: 'localhost:9121' }, undefined],
  ['not under a foreign name', {}, 'read', { host: 'evil.example.com:9121' }, 'foreign-host'],
  ['not under a name that begins like an address', {}, 'read', { host: '127.0.0.1.evil.example.com' }, 'foreign-host'],
  ['not without any name', {}, 'read', { host: undefined }, 'foreign-host'],
  ['not through a proxy', {}, 'read', { forwarded: true }, 'forwarded'],
  ['through a proxy with the token', { readToken: READ }, 'read', { ...bearer(READ), forwarded: true }, undefined],
  ['not on other addresses', EVERYWHERE, 'read', {}, 'reading-not-configured'],
  ['by the write token on other addresses', { ...EVERYWHERE, writeToken: WRITE }, 'read', bearer(WRITE), undefined],
  ['by the read token, under any name', TOKENS, 'read', { ...bearer(READ), host: 'sallyport.example.com' }, undefined],
  ['by the read token as a password of a browser', TOKENS, 'read', basic(`anybody:${READ}`), undefined],
  ['by the write token as a password of a browser', TOKENS, 'read', basic(`:${WRITE}`), undefined],
  ['by the write token', TOKENS, 'read', bearer(WRITE), undefined],
  ['whatever the case of the scheme', TOKENS, 'read', { authorization: `bEaReR ${READ}` }, undefined],
  ['not without a token', TOKENS, 'read', {}, 'no-token'],
  ['not by a wrong one', TOKENS, 'read', bearer('wrong'), 'wrong-token'],
  ['not by a beginning of it', TOKENS, 'read', bearer(READ.slice(0, -1)), 'wrong-token'],
  ['not by the token as a name', TOKENS, 'read', basic(`${READ}:`), 'wrong-token'],
  ['not by another scheme', TOKENS, 'read', { authorization: `Digest ${READ}` }, 'no-token'],
  ['not even on loopback without a token', { readToken: READ }, 'read', {}, 'no-token'],
  ['by a certificate', { ...EVERYWHERE, certificates: true }, 'read', { certified: true }, undefined],
  ['not without one', { ...EVERYWHERE, certificates: true }, 'read', {}, 'no-certificate'],
  [
    'certificate and token, where both are configured',
    { ...TOKENS, certificates: true },
    'read',
    { certified: true },
    'no-token',
  ],
  ['both', { ...TOKENS, certificates: true }, 'read', { certified: true, ...bearer(READ) }, undefined],
  ['orders need a configured token', {}, 'write', {}, 'writing-not-configured'],
  [
    'orders are not given by certificate alone',
    { certificates: true },
    'write',
    { certified: true },
    'writing-not-configured',
  ],
  ['orders by the write token', TOKENS, 'write', bearer(WRITE), undefined],
  ['not without one', TOKENS, 'write', {}, 'no-token'],
  ['not by the read token', TOKENS, 'write', bearer(READ), 'read-only-token'],
  ['not by a password, which a browser sends to every page', TOKENS, 'write', basic(`x:${WRITE}`), 'no-token'],
  ['not without the certificate', { ...TOKENS, certificates: true }, 'write', bearer(WRITE), 'no-certificate'],
  ['not by an empty token', TOKENS, 'write', { authorization: 'Bearer ' }, 'no-token'],
];

it.each(ROWS)('%s', (_what, own, right, given, denial) => {
  expect(new Access(protection(own)).judge(right, shown(given))).toBe(denial);
});

describe('wrong tokens', () => {
  it('are bounded for each host, for a minute, and the right one counts all the time', () => {
    let now = 0;
    const access = new Access(protection(TOKENS), new GuessLimit(() => now));
    const guess = (address: string, token: string) => access.judge('read', shown({ address, ...bearer(token) }));
    for (let count = 0; count < 10; count += 1) expect(guess('192.0.2.1', `wrong-${count}`)).toBe('wrong-token');
    expect(guess('192.0.2.1', 'wrong')).toBe('too-many-guesses');
    // Others may come from the same address.
    expect(guess('192.0.2.1', READ)).toBeUndefined();
    expect(access.judge('write', shown(bearer(WRITE)))).toBeUndefined();
    expect(guess('192.0.2.1', 'wrong')).toBe('too-many-guesses');
    expect(guess('192.0.2.2', 'wrong')).toBe('wrong-token');
    now = 60_000;
    expect(guess('192.0.2.1', 'wrong')).toBe('wrong-token');
  });

  it('of all addresses of an IPv6 network of 64 bits are those of one host', () => {
    const limit = new GuessLimit();
    for (let guess = 0; guess < 10; guess += 1) expect(limit.guess(`2001:db8::${guess}`)).toBe(true);
    expect(limit.guess('2001:db8::ffff:0:1')).toBe(false);
    expect(limit.guess('2001:db8:0:1::1')).toBe(true);
  });

  it('of one host make way for those of others, so that they cost no endless memory', () => {
    const limit = new GuessLimit();
    const address = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
    for (let guess = 0; guess < 10; guess += 1) limit.guess('192.0.2.1');
    expect(limit.guess('192.0.2.1')).toBe(false);
    for (let number = 0; number < 10_000; number += 1) limit.guess(address(number));
    expect(limit.guess('192.0.2.1')).toBe(true);
  });
});
