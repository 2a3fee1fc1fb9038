import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ProxyHeaderOptions,
  type ProxyHeaderProgress,
  ProxyHeaderReader,
} from '../../../src/wire/proxy-header.ts';
import { bytes, controlText, cutAt, cuts, feedings, latin1 } from './chunks.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const HELLO = '\x16\x03\x01\x02\0\x01';

/** What the reader says in the end. */
function feed(chunks: readonly Uint8Array[], options?: ProxyHeaderOptions): ProxyHeaderProgress {
  const reader = new ProxyHeaderReader(options);
  let progress = reader.push(bytes(''));
  for (const chunk of chunks) progress = reader.push(chunk);
  return progress;
}

/** How many bytes the reader needs to decide. */
function bytesNeeded(text: string): number {
  const reader = new ProxyHeaderReader();
  const index = Array.from(text).findIndex((character) => reader.push(bytes(character)).kind !== 'incomplete');
  return index === -1 ? Number.POSITIVE_INFINITY : index + 1;
}

function found(version: 1 | 2, source: string, destination: string, length: number): ProxyHeaderProgress {
  const [from, to] = [source, destination].map((text) => {
    const [address = '', port] = text.split(' ');
    return { address, port: Number(port) };
  });
  return { kind: 'header', header: { version, command: 'proxy', source: from, destination: to }, length };
}

function without(version: 1 | 2, command: 'proxy' | 'local', length: number): ProxyHeaderProgress {
  return { kind: 'header', header: { version, command, source: undefined, destination: undefined }, length };
}

const invalid = (problem: string) => ({ kind: 'invalid', problem });
const incomplete = { kind: 'incomplete' };

/** A header of version 2 from hexadecimal fields; the length fits the block. */
function version2(command: string, protocol: string, block: string, length = bytes(block).length): string {
  const fixed = Buffer.from(`${command}${protocol}${length.toString(16).padStart(4, '0')}`, 'hex').toString('latin1');
  return SIGNATURE + fixed + block;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1');
const BLOCK4 = hex('c0000207 c6336401 dc04 0015');
const BLOCK6 = hex('20010db8000000000000000000000007 20010db8000000000000000000000001 dc04 0015');
const MAPPED = hex('00000000000000000000ffffc0000207 00000000000000000000ffffc6336401 dc04 0015');
const LONGEST6 = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

const cases: readonly { name: string; input: string; expected: unknown }[] = [
  { name: 'nothing', input: '', expected: incomplete },

  {
    name: 'T143 v1, IPv4',
    input: 'PROXY TCP4 192.0.2.7 198.51.100.1 56324 21\r\n',
    expected: found(1, '192.0.2.7 56324', '198.51.100.1 21', 44),
  },
  {
    name: 'T143 v1, IPv6',
    input: 'PROXY TCP6 2001:db8::7 2001:db8::1 56324 21\r\n',
    expected: found(1, '2001:db8::7 56324', '2001:db8::1 21', 45),
  },
  {
    name: 'T145 v1, the next layer right behind it',
    input: `PROXY TCP4 192.0.2.7 198.51.100.1 56324 21\r\n${HELLO}`,
    expected: found(1, '192.0.2.7 56324', '198.51.100.1 21', 44),
  },
  {
    name: 'v1, the longest IPv6 line',
    input: `PROXY TCP6 ${LONGEST6} ${LONGEST6} 65535 65535\r\n`,
    expected: found(1, `${LONGEST6} 65535`, `${LONGEST6} 65535`, 104),
  },
  {
    name: 'v1, IPv6 written out in upper case',
    input: 'PROXY TCP6 2001:0DB8:0:0:0:0:0:0007 2001:DB8::1 1 21\r\n',
    expected: found(1, '2001:db8::7 1', '2001:db8::1 21', 54),
  },
  {
    name: 'T151 v1, IPv4-mapped',
    input: 'PROXY TCP6 ::ffff:192.0.2.7 ::FFFF:c633:6401 1 21\r\n',
    expected: found(1, '192.0.2.7 1', '198.51.100.1 21', 51),
  },
  {
    name: 'v1, port 0',
    input: 'PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n',
    expected: found(1, '192.0.2.7 0', '198.51.100.1 0', 39),
  },
  { name: 'v1, UNKNOWN', input: 'PROXY UNKNOWN\r\n', expected: without(1, 'proxy', 15) },
  {
    name: 'v1, UNKNOWN with addresses',
    input: `PROXY UNKNOWN ${LONGEST6} ${LONGEST6} 65535 65535\r\n220`,
    expected: without(1, 'proxy', 107),
  },
  { name: 'v1, UNKNOWN with anything', input: 'PROXY UNKNOWN \xff\0 ?\r\n', expected: without(1, 'proxy', 20) },
  { name: 'v1, UNKNOWN with one more', input: `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, expected: invalid('too-long') },
  { name: 'v1, UNKNOWN without end', input: `PROXY UNKNOWN ${'x'.repeat(200)}`, expected: invalid('too-long') },
  { name: 'v1, TCP4 without end', input: `PROXY TCP4 ${'1'.repeat(200)}`, expected: invalid('too-long') },
  { name: 'v1, UNKNOWN and a letter', input: 'PROXY UNKNOWNS\r\n', expected: invalid('malformed') },
  { name: 'v1, lone LF', input: 'PROXY UNKNOWN\nUSER a\r\n', expected: invalid('malformed') },
  { name: 'v1, lone CR', input: 'PROXY UNKNOWN\rUSER a\r\n', expected: invalid('malformed') },
  { name: 'v1, CR CR LF', input: 'PROXY UNKNOWN\r\r\n', expected: invalid('malformed') },
  { name: 'v1, lower case', input: 'proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n', expected: invalid('no-signature') },
  { name: 'v1, another family', input: 'PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, no family', input: 'PROXY \r\n', expected: invalid('malformed') },
  { name: 'v1, IPv6 as TCP4', input: 'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, IPv4 as TCP6', input: 'PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, families mixed', input: 'PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, a zero in front', input: 'PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, a zero before the port', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n', expected: invalid('malformed') },
  { name: 'v1, port 65536', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n', expected: invalid('malformed') },
  { name: 'v1, one port', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', expected: invalid('malformed') },
  { name: 'v1, three ports', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n', expected: invalid('malformed') },
  { name: 'v1, two blanks', input: 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, a blank at the end', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n', expected: invalid('malformed') },
  { name: 'v1, a tab', input: 'PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, a zone', input: 'PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, a name', input: 'PROXY TCP4 cafe face 1 2\r\n', expected: invalid('malformed') },
  { name: 'v1, not ended', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2', expected: incomplete },
  { name: 'v1, half of its end', input: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r', expected: incomplete },

  {
    name: 'T143 v2, IPv4',
    input: version2('21', '11', BLOCK4),
    expected: found(2, '192.0.2.7 56324', '198.51.100.1 21', 28),
  },
  {
    name: 'T143 v2, IPv6',
    input: version2('21', '21', BLOCK6),
    expected: found(2, '2001:db8::7 56324', '2001:db8::1 21', 52),
  },
  {
    name: 'T151 v2, IPv4-mapped',
    input: version2('21', '21', MAPPED),
    expected: found(2, '192.0.2.7 56324', '198.51.100.1 21', 52),
  },
  {
    name: 'T145 v2 with TLVs, the next layer right behind it',
    input: version2('21', '11', `${BLOCK4}\x02\0\x03ftp\x04\0\0`) + HELLO,
    expected: found(2, '192.0.2.7 56324', '198.51.100.1 21', 37),
  },
  {
    name: 'v2, IPv6 with a TLV',
    input: version2('21', '21', `${BLOCK6}\xea\0\x01\x01`),
    expected: found(2, '2001:db8::7 56324', '2001:db8::1 21', 56),
  },
  { name: 'T144 v2, LOCAL', input: version2('20', '00', ''), expected: without(2, 'local', 16) },
  { name: 'v2, LOCAL with addresses', input: version2('20', '11', BLOCK4), expected: without(2, 'local', 28) },
  { name: 'v2, LOCAL with any protocol', input: version2('20', 'ff', '?'), expected: without(2, 'local', 17) },
  { name: 'v2, UNSPEC', input: version2('21', '00', ''), expected: without(2, 'proxy', 16) },
  { name: 'v2, UNSPEC with octets', input: `${version2('21', '00', '?!')}USER`, expected: without(2, 'proxy', 18) },
  { name: 'v2, UDP over IPv4', input: version2('21', '12', BLOCK4), expected: invalid('unsupported-protocol') },
  { name: 'v2, UDP over IPv6', input: version2('21', '22', BLOCK6), expected: invalid('unsupported-protocol') },
  { name: 'v2, UNIX', input: version2('21', '31', 'x'.repeat(216)), expected: invalid('unsupported-protocol') },
  { name: 'v2, no such family', input: version2('21', '41', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, no such protocol', input: version2('21', '13', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, no such command', input: version2('22', '11', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, version 1', input: version2('11', '11', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, version 3', input: version2('31', '11', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, IPv4 too short', input: version2('21', '11', BLOCK4.slice(1)), expected: invalid('malformed') },
  { name: 'v2, IPv6 too short', input: version2('21', '21', BLOCK6.slice(1)), expected: invalid('malformed') },
  { name: 'v2, IPv4 addresses as IPv6', input: version2('21', '21', BLOCK4), expected: invalid('malformed') },
  { name: 'v2, a TLV without length', input: version2('21', '11', `${BLOCK4}\x01\0`), expected: invalid('malformed') },
  { name: 'v2, a TLV that lies', input: version2('21', '11', `${BLOCK4}\x01\0\x02a`), expected: invalid('malformed') },
  { name: 'v2, the block not yet there', input: version2('21', '11', BLOCK4).slice(0, -1), expected: incomplete },
  { name: 'T144 v2, a length of 65535', input: version2('21', '11', '', 65_535), expected: invalid('too-long') },
  {
    name: 'T144 v2, LOCAL with a length of 65535',
    input: version2('20', '00', '', 65_535),
    expected: invalid('too-long'),
  },

  { name: 'T144 no header: FTP', input: 'USER joe\r\n', expected: invalid('no-signature') },
  { name: 'T144 no header: PASS, which begins with P', input: 'PASS joe\r\n', expected: invalid('no-signature') },
  { name: 'T144 no header: TLS', input: HELLO, expected: invalid('no-signature') },
  { name: 'T144 no header: HTTP', input: 'GET / HTTP/1.1\r\n', expected: invalid('no-signature') },
  { name: 'T144 no header: blank lines', input: '\r\n\r\n\r\n', expected: invalid('no-signature') },
  { name: 'the keyword without blank', input: 'PROXYTCP4', expected: invalid('no-signature') },
];

describe.each(feedings)('ProxyHeaderReader, fed $feeding', ({ cut }) => {
  it.each(cases)('$name', ({ input, expected }) => {
    expect(feed(cut(input))).toEqual(expected);
  });
});

describe('ProxyHeaderReader', () => {
  it.each([
    ['another protocol', 'USER joe\r\n', 1],
    ['P and not R', 'PASS joe\r\n', 2],
    ['a keyword that goes on differently', 'PROXYTCP', 6],
    ['a family that does not exist', 'PROXY TCP5 ', 10],
    ['what can be no address', 'PROXY TCP4 192.0.2.x', 20],
    ['lone LF', 'PROXY UNKNOWN\nUSER', 14],
    ['CR LF that is no signature', '\r\n\r\n\r\n', 5],
    ['a signature that ends differently', '\r\n\r\n\0\r\nQUIT\r\n', 12],
    ['another version', version2('31', '11', BLOCK4), 13],
    ['another protocol behind the signature', version2('21', '12', BLOCK4), 14],
    ['a length over the limit', version2('21', '11', '', 65_535), 16],
    ['a length that is too small', version2('21', '21', BLOCK4), 16],
    ['a header without end', `PROXY UNKNOWN ${'x'.repeat(200)}`, 107],
    ['a good line', 'PROXY UNKNOWN\r\n', 15],
    ['a good header of version 2', `${version2('21', '11', BLOCK4)}USER`, 28],
  ])('decides as early as it can: %s', (_name, input, needed) => {
    expect(bytesNeeded(input)).toBe(needed);
  });

  it('keeps to its decision', () => {
    const reader = new ProxyHeaderReader();
    const header = reader.push(bytes('PROXY UNKNOWN\r\n'));
    expect(reader.push(bytes('PROXY nonsense'))).toEqual(header);
    const other = new ProxyHeaderReader();
    other.push(bytes('x'));
    expect(other.push(bytes('PROXY UNKNOWN\r\n'))).toEqual(invalid('no-signature'));
  });

  it.each(feedings)('takes a header of exactly maxBytes and none that is longer, fed $feeding', ({ cut }) => {
    const header = version2('21', '11', `${BLOCK4}\x04\0\x05xxxxx`);
    expect(feed(cut(header), { maxBytes: 36 })).toMatchObject({ kind: 'header', length: 36 });
    expect(feed(cut(header), { maxBytes: 35 })).toEqual(invalid('too-long'));
    expect(feed(cut('PROXY UNKNOWN\r\n'), { maxBytes: 1 })).toMatchObject({ kind: 'header', length: 15 });
  });

  it('takes 4 KiB of TLVs without being told', () => {
    const room = 4096 - 28 - 3;
    const tlv = `\xe0${hex(room.toString(16).padStart(4, '0'))}${'x'.repeat(room)}`;
    expect(feed([bytes(version2('21', '11', BLOCK4 + tlv))])).toMatchObject({ kind: 'header', length: 4096 });
    expect(feed([bytes(version2('21', '11', '', 4096 - 15))])).toEqual(invalid('too-long'));
  });

  it('needs no bytes of its caller after push', () => {
    const reader = new ProxyHeaderReader();
    const [first, second] = cutAt(version2('21', '11', BLOCK4), [20]).map((chunk) => Buffer.from(chunk));
    reader.push(first!);
    first!.fill(0xff);
    expect(reader.push(second!)).toEqual(found(2, '192.0.2.7 56324', '198.51.100.1 21', 28));
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a limit of %s', (maxBytes) => {
    expect(() => new ProxyHeaderReader({ maxBytes })).toThrow(RangeError);
  });

  it('gives the same answer for every way to cut the bytes, and never throws', () => {
    const text = fc.oneof(
      latin1,
      controlText,
      fc.constantFrom(...cases.map(({ input }) => input)),
      fc.stringMatching(/^PROXY TCP[46] [0-9a-f:.]{1,20} [0-9a-f:.]{1,20} \d{1,5} \d{1,5}\r\n$/),
      fc
        .tuple(fc.constantFrom('20', '21'), fc.constantFrom('00', '11', '21', '12'), latin1)
        .map(([command, protocol, block]) => version2(command, protocol, block)),
    );
    const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        text,
        fc.option(change),
        cuts,
        fc.integer({ min: 1, max: 300 }),
        (original, changed, at, maxBytes) => {
          const octets = bytes(original);
          if (changed && octets.length > 0) octets[changed.at % octets.length] = changed.byte;
          const input = octets.toString('latin1');
          const progress = feed([octets], { maxBytes });
          expect(feed(cutAt(input, at), { maxBytes })).toEqual(progress);
          if (progress.kind === 'header') expect(progress.length).toBeLessThanOrEqual(octets.length);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
