/** Where PORT and EPRT may lead: protocol.md A5, T080. */
import { describe, expect, it } from 'vitest';
import { refuseActiveTarget } from '../../../src/policy/active-target.ts';

const OURS = new Set([2121, 50_000]);
const isOurs = (port: number) => OURS.has(port);

describe('the target of PORT and EPRT', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['192.0.2.7', '::ffff:192.0.2.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['fe80::1', 'fe80::1%eth0'],
  ])('T080: %s is the own address of the client %s', (address, client) => {
    for (const port of [1024, 51_210, 65_535]) {
      expect(refuseActiveTarget({ address, port }, { client, isOurs })).toBeUndefined();
    }
  });

  it.each([
    ['another host', '192.0.2.8'],
    ['loopback', '127.0.0.1'],
    ['any address', '0.0.0.0'],
    ['broadcast', '255.255.255.255'],
    ['the other family', '2001:db8::1'],
    ['any address of IPv6', '::'],
  ])('A5: %s is refused', (_what, address) => {
    const refusal = refuseActiveTarget({ address, port: 51_210 }, { client: '192.0.2.7', isOurs });
    expect(refusal).toBe('not the address of the client');
  });

  it.each([1, 21, 25, 1023])('A5: port %i is refused', (port) => {
    expect(refuseActiveTarget({ address: '192.0.2.7', port }, { client: '192.0.2.7', isOurs })).toMatch(/below 1024/);
  });

  it.each([...OURS])('A5: port %i, on which the gateway listens, is refused', (port) => {
    expect(refuseActiveTarget({ address: '192.0.2.7', port }, { client: '192.0.2.7', isOurs })).toMatch(
      /gateway itself/,
    );
  });
});
