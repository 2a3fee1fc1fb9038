import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, familyOf } from '../../../src/net/address.ts';
import {
  formatExtendedPassive,
  formatExtendedPort,
  formatPassive,
  parseExtendedPassive,
  parseExtendedPort,
  parsePassive,
  parsePort,
} from '../../../src/wire/host-port.ts';
import { controlText, latin1, lineText } from './chunks.ts';

const ports = fc.integer({ min: 1, max: 65_535 });
/** Free text around the numbers: none of its own. */
const words = fc.stringMatching(/^[A-Za-z =.:]{0,20}$/);

describe('formatPassive', () => {
  it.each([
    ['192.0.2.1', 50_000, '192,0,2,1,195,80'],
    ['0.0.0.0', 1, '0,0,0,0,0,1'],
    ['255.255.255.255', 65_535, '255,255,255,255,255,255'],
  ])('%s %i', (address, port, text) => {
    expect(formatPassive(address, port)).toBe(text);
  });

  it.each([
    '::1',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1.2.3.4.',
    '01.2.3.4',
    'localhost',
    '',
  ])('refuses %j', (address) => {
    expect(() => formatPassive(address, 2121)).toThrow(RangeError);
  });

  it.each([0, 65_536, -1, 21.5, Number.NaN])('refuses port %s', (port) => {
    expect(() => formatPassive('192.0.2.1', port)).toThrow(RangeError);
    expect(() => formatExtendedPassive(port)).toThrow(RangeError);
  });
});

describe('parsePassive', () => {
  const at = (address: string, port: number) => ({ address, port });
  it.each([
    ['the usual form', 'Entering Passive Mode (10,0,0,1,4,51).', at('10.0.0.1', 1075)],
    ['T066 without parentheses', 'Entering passive mode. 10,0,0,1,4,51', at('10.0.0.1', 1075)],
    ['T066 after a comma', 'Passive mode on, 10,0,0,1,4,51', at('10.0.0.1', 1075)],
    ['T066 with an equals sign', '=10,0,0,1,4,51', at('10.0.0.1', 1075)],
    ['T066 nothing else', '10,0,0,1,4,51', at('10.0.0.1', 1075)],
    ['T066 blanks', 'Entering ( 10, 0 ,0,1 , 4,51 )', at('10.0.0.1', 1075)],
    ['T066 leading zeros', '(010,000,000,001,004,051)', at('10.0.0.1', 1075)],
    ['T067 loopback', '(127,0,0,1,195,80)', at('127.0.0.1', 50_000)],
    ['T067 wildcard', '(0,0,0,0,195,80)', at('0.0.0.0', 50_000)],
    ['T067 a foreign address', '(8,8,8,8,195,80)', at('8.8.8.8', 50_000)],
    ['T067 a privileged port', '(10,0,0,1,0,22)', at('10.0.0.1', 22)],
    ['T067 the highest port', '(10,0,0,1,255,255)', at('10.0.0.1', 65_535)],
    ['T067 a number over 255', '(256,0,0,1,4,51)', undefined],
    ['T067 a port over 65535', '(10,0,0,1,256,1)', undefined],
    ['T067 port 0', '(10,0,0,1,0,0)', undefined],
    ['T067 five numbers', '(10,0,0,1,4)', undefined],
    ['T067 seven numbers', '(10,0,0,1,4,51,7)', undefined],
    ['T067 four digits at the end', '(10,0,0,1,4,5100)', undefined],
    ['T067 four digits at the beginning', '(1010,0,0,1,4,51)', undefined],
    ['T067 negative', '(10,0,0,1,-4,51)', undefined],
    ['T067 points', '(10.0.0.1.4.51)', undefined],
    ['T067 no numbers', 'Entering Passive Mode', undefined],
    ['T067 no text', '', undefined],
    ['a 229 text', '(|||50000|)', undefined],
  ])('%s', (_name, text, expected) => {
    expect(parsePassive(text)).toEqual(expected);
  });

  it('reads back what formatPassive wrote, in any text', () => {
    fc.assert(
      fc.property(fc.ipV4(), ports, words, words, (address, port, before, after) => {
        expect(parsePassive(`${before}${formatPassive(address, port)}${after}`)).toEqual({ address, port });
      }),
    );
  });

  it('never throws, and gives nothing but valid addresses and ports', () => {
    fc.assert(
      fc.property(fc.oneof(latin1, controlText, fc.stringMatching(/^[0-9, ()]{0,60}$/)), (text) => {
        const found = parsePassive(text);
        if (found !== undefined) expect(() => formatPassive(found.address, found.port)).not.toThrow();
      }),
    );
  });
});

describe('parsePort', () => {
  const at = (address: string, port: number) => ({ address, port });
  it.each([
    ['the usual form', '192,0,2,1,195,80', at('192.0.2.1', 50_000)],
    ['the lowest port', '192,0,2,1,0,1', at('192.0.2.1', 1)],
    ['T080 a privileged port', '192,0,2,1,0,25', at('192.0.2.1', 25)],
    ['T080 broadcast', '255,255,255,255,255,255', at('255.255.255.255', 65_535)],
    ['zeros in front are decimal', '010,000,000,010,004,051', at('10.0.0.10', 1075)],
    ['port 0', '192,0,2,1,0,0', undefined],
    ['a number over 255', '192,0,2,256,195,80', undefined],
    ['a port over 65535', '192,0,2,1,256,0', undefined],
    ['four digits', '0192,0,2,1,195,80', undefined],
    ['five numbers', '192,0,2,1,195', undefined],
    ['seven numbers', '192,0,2,1,195,80,7', undefined],
    ['an empty number', '192,0,2,,195,80', undefined],
    ['a comma behind it', '192,0,2,1,195,80,', undefined],
    ['a blank behind it', '192,0,2,1,195,80 ', undefined],
    ['a blank before it', ' 192,0,2,1,195,80', undefined],
    ['blanks between', '192, 0, 2, 1, 195, 80', undefined],
    ['parentheses', '(192,0,2,1,195,80)', undefined],
    ['a line end', '192,0,2,1,195,80\n', undefined],
    ['a sign', '192,0,2,1,+95,80', undefined],
    ['hexadecimal', '0xa,0,2,1,195,80', undefined],
    ['points', '192.0.2.1.195.80', undefined],
    ['the argument of EPRT', '|1|192.0.2.1|50000|', undefined],
    ['nothing', '', undefined],
  ])('%s', (_name, argument, expected) => {
    expect(parsePort(argument)).toEqual(expected);
  });

  it('reads back what formatPassive wrote', () => {
    fc.assert(
      fc.property(fc.ipV4(), ports, (address, port) => {
        expect(parsePort(formatPassive(address, port))).toEqual({ address, port });
      }),
    );
  });

  it('never throws, and gives nothing but valid addresses and ports', () => {
    fc.assert(
      fc.property(fc.oneof(latin1, controlText, fc.stringMatching(/^(?:\d{1,3},){4,6}\d{1,3}$/)), (text) => {
        const found = parsePort(text);
        if (found !== undefined) expect(() => formatPassive(found.address, found.port)).not.toThrow();
      }),
    );
  });
});

describe('parseExtendedPort', () => {
  const at = (address: string, port: number) => ({ family: familyOf(address), address, port });
  it.each([
    ['IPv4', '|1|192.0.2.1|50000|', at('192.0.2.1', 50_000)],
    ['IPv6', '|2|2001:db8::1|50000|', at('2001:db8::1', 50_000)],
    ['another delimiter', '!1!192.0.2.1!50000!', at('192.0.2.1', 50_000)],
    ['a digit as delimiter', '717192.0.2.17500007', at('192.0.2.1', 50_000)],
    ['the lowest port', '|1|192.0.2.1|1|', at('192.0.2.1', 1)],
    ['the highest port', '|1|192.0.2.1|65535|', at('192.0.2.1', 65_535)],
    ['T080 a privileged port', '|1|192.0.2.1|25|', at('192.0.2.1', 25)],
    ['an IPv6 address written out', '|2|2001:0DB8:0:0:0:0:0:0001|50000|', at('2001:db8::1', 50_000)],
    ['T151 an IPv4-mapped address', '|2|::ffff:192.0.2.1|50000|', at('192.0.2.1', 50_000)],
    ['T151 an IPv4-mapped address in hexadecimal', '|2|::FFFF:C000:201|50000|', at('192.0.2.1', 50_000)],
    ['protocol 3', '|3|192.0.2.1|50000|', 'unsupported-family'],
    ['protocol 0', '|0|192.0.2.1|50000|', 'unsupported-family'],
    ['protocol 16387 with an address of its own', '|16387|where ever|50000|', 'unsupported-family'],
    ['an unknown protocol without port', '|3|192.0.2.1||', undefined],
    ['a protocol in words', '|IPv4|192.0.2.1|50000|', undefined],
    ['no protocol', '||192.0.2.1|50000|', undefined],
    ['T080 an IPv6 address as IPv4', '|1|2001:db8::1|50000|', undefined],
    ['T080 an IPv4 address as IPv6', '|2|192.0.2.1|50000|', undefined],
    ['a zone', '|2|fe80::1%eth0|50000|', undefined],
    ['brackets', '|2|[2001:db8::1]|50000|', undefined],
    ['a name', '|1|localhost|50000|', undefined],
    ['an octal address', '|1|0300.0.2.1|50000|', undefined],
    ['no address', '|1||50000|', undefined],
    ['port 0', '|1|192.0.2.1|0|', undefined],
    ['port 65536', '|1|192.0.2.1|65536|', undefined],
    ['six digits', '|1|192.0.2.1|050000|', undefined],
    ['a sign', '|1|192.0.2.1|+5000|', undefined],
    ['no port', '|1|192.0.2.1||', undefined],
    ['no last delimiter', '|1|192.0.2.1|50000', undefined],
    ['something behind it', '|1|192.0.2.1|50000|x', undefined],
    ['a delimiter too many', '|1|192.0.2.1|50000||', undefined],
    ['different delimiters', '|1|192.0.2.1|50000!', undefined],
    ['a delimiter that is part of the address', '.1.192.0.2.1.50000.', undefined],
    ['a blank as delimiter', ' 1 192.0.2.1 50000 ', undefined],
    ['DEL as delimiter', '\x7f1\x7f192.0.2.1\x7f50000\x7f', undefined],
    ['in parentheses', '(|1|192.0.2.1|50000|)', undefined],
    ['the argument of PORT', '192,0,2,1,195,80', undefined],
    ['nothing', '', undefined],
    ['only a delimiter', '|', undefined],
  ])('%s', (_name, argument, expected) => {
    expect(parseExtendedPort(argument)).toEqual(expected);
  });

  it('takes every delimiter from 33 to 126 that is no part of the fields', () => {
    for (let code = 33; code <= 126; code++) {
      const d = String.fromCharCode(code);
      if ('1.2:90'.includes(d)) continue;
      expect([d, parseExtendedPort(`${d}1${d}192.0.2.1${d}2021${d}`)]).toEqual([d, at('192.0.2.1', 2021)]);
      expect([d, parseExtendedPort(`${d}2${d}::1${d}2021${d}`)]).toEqual([d, at('::1', 2021)]);
    }
  });

  it('reads back what formatExtendedPort wrote', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), ports, (address, port) => {
        const found = parseExtendedPort(formatExtendedPort({ address, port }));
        expect(found).toMatchObject({ port });
        expect(formatExtendedPort(found as { address: string; port: number })).toBe(
          formatExtendedPort({ address, port }),
        );
      }),
    );
  });

  it('never throws, and gives nothing but canonical addresses, their family, and valid ports', () => {
    const nearly = fc
      .tuple(fc.constantFrom('|', '!', '.', ':', '1'), fc.stringMatching(/^[0-9a-f:.|]{0,40}$/), ports)
      .map(([d, text, port]) => [d, text.slice(0, 1), d, text.slice(1), d, port, d].join(''));
    fc.assert(
      fc.property(fc.oneof(latin1, controlText, nearly), (text) => {
        const found = parseExtendedPort(text);
        if (found === undefined || found === 'unsupported-family') return;
        expect(found.address).toBe(canonicalAddress(found.address));
        expect(found.family).toBe(familyOf(found.address));
        expect(() => formatExtendedPort(found)).not.toThrow();
      }),
    );
  });
});

describe('formatExtendedPort', () => {
  it.each([
    ['192.0.2.1', '|1|192.0.2.1|50000|'],
    ['2001:DB8:0::1', '|2|2001:db8::1|50000|'],
    ['::ffff:192.0.2.1', '|1|192.0.2.1|50000|'],
  ])('%s', (address, text) => {
    expect(formatExtendedPort({ address, port: 50_000 })).toBe(text);
  });

  it.each(['localhost', '', 'fe80::1%eth0', '1.2.3'])('refuses %j', (address) => {
    expect(() => formatExtendedPort({ address, port: 50_000 })).toThrow(RangeError);
  });

  it.each([0, 65_536, -1, 21.5, Number.NaN])('refuses port %s', (port) => {
    expect(() => formatExtendedPort({ address: '192.0.2.1', port })).toThrow(RangeError);
  });
});

describe('formatExtendedPassive', () => {
  it('T062 names the port and nothing else', () => {
    expect(formatExtendedPassive(50_000)).toBe('(|||50000|)');
  });
});

describe('parseExtendedPassive', () => {
  it.each([
    ['the usual form', 'Entering Extended Passive Mode (|||50000|)', 50_000],
    ['a point behind it', 'Entering Extended Passive Mode (|||50000|).', 50_000],
    ['other parentheses before it', 'Entering (extended) mode (|||50000|)', 50_000],
    ['T068 another delimiter', '(!!!50000!)', 50_000],
    ['T068 no parentheses', 'Entering mode !!!50000!', 50_000],
    ['T068 protocol and address are ignored', '(|1|1.2.3.4|50000|)', 50_000],
    ['T068 IPv6 address', '(|2|2001:db8::1|50000|)', 50_000],
    ['T068 the lowest port', '(|||1|)', 1],
    ['T068 the highest port', '(|||65535|)', 65_535],
    ['T068 port 0', '(|||0|)', undefined],
    ['T068 port 65536', '(|||65536|)', undefined],
    ['T068 port 70000', '(|||70000|)', undefined],
    ['T068 six digits', '(|||500000|)', undefined],
    ['T068 no port', '(||||)', undefined],
    ['T068 negative port', '(|||-1|)', undefined],
    ['T068 a missing delimiter', '(|||50000)', undefined],
    ['T068 different delimiters', '(|||50000!)', undefined],
    ['a blank as delimiter', '(   50000 )', undefined],
    ['a 227 text', 'Entering Passive Mode (10,0,0,1,4,51)', undefined],
    ['no text', '', undefined],
  ])('%s', (_name, text, expected) => {
    expect(parseExtendedPassive(text)).toBe(expected);
  });

  it('T068 takes every delimiter from 33 to 126 that is not a digit of the port', () => {
    for (let code = 33; code <= 126; code++) {
      const d = String.fromCharCode(code);
      if (d !== '5' && d !== '0') expect([d, parseExtendedPassive(`ok (${d}${d}${d}50000${d})`)]).toEqual([d, 50_000]);
    }
  });

  it('reads back what formatExtendedPassive wrote, in any text', () => {
    fc.assert(
      fc.property(ports, words, words, (port, before, after) => {
        expect(parseExtendedPassive(`${before}${formatExtendedPassive(port)}${after}`)).toBe(port);
      }),
    );
  });

  it('never throws, and gives nothing but valid ports', () => {
    fc.assert(
      fc.property(fc.oneof(latin1, lineText, fc.stringMatching(/^[0-9|!()]{0,60}$/)), (text) => {
        const port = parseExtendedPassive(text);
        if (port !== undefined) expect(() => formatExtendedPassive(port)).not.toThrow();
      }),
    );
  });
});

describe('a text of 64 KiB made to be slow', () => {
  const size = 65_536;
  it.each([
    ['digits and commas', '1,'.repeat(size / 2)],
    ['blanks between digits', `1${' '.repeat(size / 2)},${' '.repeat(size / 2)}1`],
    ['parentheses', '('.repeat(size)],
    ['parentheses and rare delimiters', '(abcdefgh'.repeat(size / 9)],
    ['delimiters', '|'.repeat(size)],
    ['an argument of EPRT', `|1|${'1.'.repeat(size / 2)}|1|`],
  ])('%s', (_name, text) => {
    const before = performance.now();
    parsePassive(text);
    parseExtendedPassive(text);
    parsePort(text);
    parseExtendedPort(text);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});
