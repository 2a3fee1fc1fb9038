import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, octetsOf } from '../../../src/wire/ip-octets.ts';

describe('addressOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8::', '2001:db8::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:2:3:0:5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::192.0.2.1', '::192.0.2.1'],
  ])('shows %s as %s', (address, text) => {
    expect(addressOf(octetsOf(address))).toBe(text);
  });

  it('shows every address as Node shows it for a socket', () => {
    const octets = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(octets, (words) => {
        const text = words.map((word) => word.toString(16)).join(':');
        const shown = new SocketAddress({ address: text, family: 'ipv6' }).address;
        expect(addressOf(octetsOf(text))).toBe(shown.replace(/^::ffff:(?=.*\.)/, ''));
      }),
    );
  });

  it.each([0, 3, 5, 15, 17])('refuses %i octets', (length) => {
    expect(() => addressOf(Buffer.alloc(length))).toThrow(RangeError);
  });
});

describe('octetsOf', () => {
  it('reads back what addressOf wrote', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(octets, (array) => {
        const address = addressOf(Buffer.from(array));
        expect(addressOf(octetsOf(address))).toBe(address);
      }),
    );
  });

  it.each([
    '',
    'localhost',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
    ':::',
    '1::2::3',
    'fe80::1%lo',
    '[::1]',
    '::1 ',
  ])('refuses %j', (address) => {
    expect(() => octetsOf(address)).toThrow(RangeError);
  });
});
