/** How single values are written: each kind of key, what it becomes, and what it refuses. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import * as field from '../../../src/config/fields.ts';

const meaning = 'x';

function accepts(schema: z.ZodType, table: readonly (readonly [given: unknown, becomes: unknown])[]): void {
  it.each(table)('%j becomes %j', (given, becomes) => {
    expect(schema.parse(given)).toEqual(becomes);
  });
}

function refuses(schema: z.ZodType, table: readonly unknown[]): void {
  it.each(table.map((given) => [given]))('refuses %j with one problem', (given) => {
    expect(schema.safeParse(given).error?.issues).toHaveLength(1);
  });
}

describe('durations become milliseconds', () => {
  const schema = field.duration({ meaning });
  accepts(schema, [
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1.5s', 1500],
    ['0.5', 500],
    [30, 30_000],
    [0.25, 250],
    ['30', 30_000],
    ['596h', 2_145_600_000],
  ]);
  refuses(schema, [
    '',
    's',
    '5 m',
    '5min',
    '1h30m',
    '-1s',
    '0s',
    0,
    -1,
    '597h',
    1e12,
    null,
    true,
    Number.NaN,
    [],
    '1e3',
  ]);

  it('reads any whole number of any unit up to the longest timer', () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    const unit = fc.constantFrom('ms' as const, 's' as const, 'm' as const, 'h' as const);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 596 }), unit, (amount, name) => {
        expect(schema.parse(`${amount}${name}`)).toBe(amount * units[name]);
      }),
    );
  });
});

describe('sizes become bytes', () => {
  const schema = field.size({ meaning, minimum: 64, maximum: 2 ** 20 });
  accepts(schema, [
    ['8KiB', 8192],
    ['1MiB', 1_048_576],
    ['512B', 512],
    ['512', 512],
    [64, 64],
  ]);
  refuses(schema, ['8KB', '8k', '8 KiB', '1.5KiB', 100.5, 63, '2MiB', '1GiB', -8192, null, '']);
});

describe('ports', () => {
  const schema = field.port({ meaning });
  accepts(schema, [
    [1, 1],
    [65_535, 65_535],
    ['2121', 2121],
  ]);
  refuses(schema, [0, 65_536, -1, 21.5, '0', '65536', '', 'ftp', null, ' 21', '0x15', 1e20]);
  it('allow 0 only where any free port will do', () => {
    expect(field.port({ meaning, anyFree: true }).parse(0)).toBe(0);
  });
});

describe('port ranges include both ends', () => {
  const schema = field.portRange({ meaning });
  accepts(schema, [
    ['50000-50009', { first: 50_000, last: 50_009 }],
    ['50000 - 50009', { first: 50_000, last: 50_009 }],
    ['50000-50000', { first: 50_000, last: 50_000 }],
    ['50000', { first: 50_000, last: 50_000 }],
    [50_000, { first: 50_000, last: 50_000 }],
  ]);
  refuses(schema, ['50009-50000', '0-10', 0, '65530-65536', '1-2-3', '1,2', '-5', '50000-', null]);
});

describe('addresses to listen on are literal', () => {
  const schema = field.address({ meaning });
  accepts(
    schema,
    ['127.0.0.1', '0.0.0.0', '::', '::1', '2001:db8::1'].map((text) => [text, text]),
  );
  refuses(schema, ['localhost', '10.0.0.0/8', '10.0.0.300', '', '[::1]', 10, null]);
});

describe('hosts are addresses or names', () => {
  const schema = field.host({ meaning });
  accepts(
    schema,
    ['10.0.0.1', '::1', 'ftp', 'ftp.example.com', 'ftp.example.com.', 'legacy_ftp', 'xn--bcher-kva.example'].map(
      (text) => [text, text],
    ),
  );
  refuses(schema, [
    '10.0.0.300',
    '',
    'a..b',
    '-a.example',
    'a-.example',
    'a b',
    'ftp://a',
    'a:21',
    'a/b',
    '1234',
    null,
  ]);
  refuses(schema, ['x'.repeat(64), `${'abc.'.repeat(64)}de`]);
});

describe('networks are CIDR, an address or null', () => {
  const schema = field.networkOrNull({ meaning });
  accepts(
    schema,
    ['10.0.0.0/8', '2001:db8::/32', '10.0.0.1', null].map((text) => [text, text]),
  );
  refuses(schema, ['10.0.0.0/33', '10.0.0.0/255.0.0.0', 'example.com', '', '10/8']);
});

describe('labels', () => {
  const schema = field.label({ meaning });
  accepts(
    schema,
    ['public', 'legacy-1', 'A.b_c', 'x'.repeat(63)].map((text) => [text, text]),
  );
  refuses(schema, ['', '-a', 'a b', 'a"b', 'é', 'x'.repeat(64), 5]);
});

describe('cipher lists', () => {
  const schema = field.cipherList({ meaning });
  accepts(
    schema,
    ['ECDHE+AESGCM:!aNULL', 'HIGH:@SECLEVEL=2', 'TLS_AES_128_GCM_SHA256', null].map((text) => [text, text]),
  );
  refuses(schema, ['', ' HIGH', 'HIGH;LOW', 5]);
});
