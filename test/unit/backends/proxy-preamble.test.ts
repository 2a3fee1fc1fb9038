import { describe, expect, it } from 'vitest';
import { proxyPreamble } from '../../../src/backends/proxy-preamble.ts';
import { ProxyHeaderReader } from '../../../src/wire/proxy-header.ts';

const IPV4 = { address: '192.0.2.7', port: 40_000 };
const IPV6 = { address: '2001:db8::1', port: 21 };
const LINK_LOCAL = { address: 'fe80::1%eth0', port: 40_000 };

describe.each(['v1', 'v2'] as const)('%s', (version) => {
  it.each([
    ['of IPv4', IPV4, { ...IPV4, port: 21 }],
    ['of IPv6', { ...IPV6, port: 40_000 }, IPV6],
    ['with a zone', LINK_LOCAL, LINK_LOCAL],
    ['of two families', IPV4, IPV6],
  ])('ends %s: a header that can be read', (_what, source, destination) => {
    const header = proxyPreamble(version, { ends: { source, destination } });
    expect(new ProxyHeaderReader().push(header)).toMatchObject({ kind: 'header', length: header.length });
  });
});

it('a name that is longer than any real one is left out', () => {
  const ends = { source: IPV4, destination: IPV4 };
  const tls = { version: 'TLSv1.3', cipher: 'AES', certificate: { commonName: 'x'.repeat(70_000) } };
  const header = proxyPreamble('v2', { ends, tls });
  expect(new ProxyHeaderReader().push(header)).toMatchObject({ kind: 'header', length: header.length });
});

it('off: nothing', () => {
  expect(proxyPreamble('off', undefined)).toHaveLength(0);
});
