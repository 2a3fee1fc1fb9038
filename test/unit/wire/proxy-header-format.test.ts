import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProxyHeaderProgress, ProxyHeaderReader } from '../../../src/wire/proxy-header.ts';
import { formatProxyHeaderV1, formatProxyHeaderV2 } from '../../../src/wire/proxy-header-format.ts';

/** What the reader says to a whole header. */
function feed([header]: readonly [Buffer]): ProxyHeaderProgress {
  return new ProxyHeaderReader().push(header);
}

const VERSION_2 = '\r\n\r\n\0\r\nQUIT\n';

function latin1(hex: string): string {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1');
}

const source = { address: '192.0.2.7', port: 56_324 };
const destination = { address: '198.51.100.1', port: 21 };

describe('formatProxyHeaderV1', () => {
  it('writes IPv4 and IPv6', () => {
    expect(formatProxyHeaderV1({ source, destination }).toString()).toBe(
      'PROXY TCP4 192.0.2.7 198.51.100.1 56324 21\r\n',
    );
    const [from, to] = [
      { address: '2001:db8::7', port: 1 },
      { address: '2001:db8::1', port: 65_535 },
    ];
    expect(formatProxyHeaderV1({ source: from, destination: to }).toString()).toBe(
      'PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n',
    );
  });

  it('refuses addresses of two families, and what is no address', () => {
    const other = { address: '2001:db8::7', port: 1 };
    expect(() => formatProxyHeaderV1({ source: other, destination })).toThrow(RangeError);
    expect(() => formatProxyHeaderV1({ source: { address: 'localhost', port: 1 }, destination })).toThrow(RangeError);
    expect(() => formatProxyHeaderV1({ source: { ...source, port: 65_536 }, destination })).toThrow(RangeError);
  });
});

describe('formatProxyHeaderV2', () => {
  it('writes IPv4', () => {
    expect(formatProxyHeaderV2({ source, destination }).toString('latin1')).toBe(
      `${VERSION_2}\x21\x11\0\x0c${latin1('c0000207c6336401dc040015')}`,
    );
  });

  it('writes IPv6', () => {
    const header = formatProxyHeaderV2({
      source: { address: '2001:db8::7', port: 56_324 },
      destination: { address: '2001:db8::1', port: 21 },
    });
    expect(header.toString('latin1')).toBe(
      `${VERSION_2}\x21\x21\0\x24${latin1('20010db8000000000000000000000007 20010db8000000000000000000000001 dc04 0015')}`,
    );
  });

  it('is read back as it was', () => {
    const end = fc.record({
      address: fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::7', '::1', 'fe80::1:0:0:1')),
      port: fc.integer({ min: 0, max: 65_535 }),
    });
    fc.assert(
      fc.property(end, end, (from, to) => {
        const header = formatProxyHeaderV2({ source: from, destination: to });
        expect(feed([header])).toEqual({
          kind: 'header',
          header: { version: 2, command: 'proxy', source: from, destination: to },
          length: header.length,
        });
      }),
    );
  });

  it('says the name, the protocol and the TLS of the client as TLVs', () => {
    const tls = { version: 'TLSv1.3', cipher: 'AES', certificate: { commonName: 'bob' } };
    const header = formatProxyHeaderV2({ source, destination }, { alpn: 'ftp', authority: 'a.example', tls });
    const tlvs = header.subarray(28).toString('latin1');
    expect(tlvs).toBe(
      '\x01\0\x03ftp\x02\0\x09a.example\x20\0\x1b\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x03bob\x23\0\x03AES',
    );
    expect(feed([header])).toMatchObject({ kind: 'header', length: header.length });
  });

  it.each([
    ['no certificate: neither of its flags, and nothing verified', undefined, '\x01\0\0\0\x01'],
    ['one without a common name: its flags, verified, no name', { commonName: undefined }, '\x07\0\0\0\0'],
  ])('says of a client with %s', (_what, certificate, expected) => {
    const tls = { version: 'TLSv1.3', cipher: 'AES', certificate };
    const tlvs = formatProxyHeaderV2({ source, destination }, { tls }).subarray(28).toString('latin1');
    expect(tlvs).toBe(`\x20\0\x15${expected}\x21\0\x07TLSv1.3\x23\0\x03AES`);
  });

  it.each([
    { address: 'localhost', port: 1 },
    { address: 'fe80::1%lo', port: 1 },
    { address: '', port: 1 },
    { address: '192.0.2.7', port: -1 },
    { address: '192.0.2.7', port: 65_536 },
    { address: '192.0.2.7', port: 1.5 },
  ])('refuses $address port $port', (end) => {
    expect(() => formatProxyHeaderV2({ source: end, destination })).toThrow(RangeError);
    expect(() => formatProxyHeaderV2({ source, destination: end })).toThrow(RangeError);
  });
});
