/** TLS records cut out of a stream: every way to cut the bytes gives the same ones, and what is behind them stays whole. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TlsRecordCutter, type Upcoming } from '../../../src/wire/tls-records.ts';
import { cutAt, cuts, feedings, latin1 } from './chunks.ts';

/** A record as Latin-1 text. */
function record(type: number, fragment: string, version = '\x03\x03'): string {
  return (
    String.fromCharCode(type) + version + String.fromCharCode(fragment.length >> 8, fragment.length & 255) + fragment
  );
}

/** The records that come out, what stands at the front then, and what is left. */
function cut(chunks: readonly Buffer[]): { records: string[]; upcoming: Upcoming; rest: string } {
  const cutter = new TlsRecordCutter();
  const records: string[] = [];
  for (const chunk of chunks) {
    cutter.push(chunk);
    while (cutter.upcoming === 'record') records.push(cutter.take().toString('latin1'));
  }
  const { upcoming } = cutter;
  const rest = cutter.rest().toString('latin1');
  expect(cutter.buffered).toBe(0);
  return { records, upcoming, rest };
}

const ALERT = record(21, 'x'.repeat(26));
const DATA = record(23, 'y'.repeat(300));

const CASES: readonly (readonly [name: string, text: string, records: readonly string[], Upcoming, rest: string])[] = [
  ['nothing', '', [], 'incomplete', ''],
  ['one record', ALERT, [ALERT], 'incomplete', ''],
  ['an empty record', record(23, ''), [record(23, '')], 'incomplete', ''],
  ['two records', DATA + ALERT, [DATA, ALERT], 'incomplete', ''],
  ['text behind a record', `${ALERT}PWD\r\n`, [ALERT], 'text', 'PWD\r\n'],
  ['text', 'PWD\r\n', [], 'text', 'PWD\r\n'],
  ['Telnet bytes', '\xff\xf4', [], 'text', '\xff\xf4'],
  ['a line end', '\r\n', [], 'text', '\r\n'],
  ['the beginning of a record', ALERT.slice(0, 4), [], 'incomplete', ALERT.slice(0, 4)],
  ['a record without its last byte', DATA + ALERT.slice(0, -1), [DATA], 'incomplete', ALERT.slice(0, -1)],
  ['the longest record', record(23, 'z'.repeat(18_432)), [record(23, 'z'.repeat(18_432))], 'incomplete', ''],
  ['a record that is too long', '\x17\x03\x03\x48\x01', [], 'damaged', '\x17\x03\x03\x48\x01'],
  ['a record of SSL 2', '\x15\x02\x00', [], 'damaged', '\x15\x02\x00'],
  ['a control character and text', '\x15PWD\r\n', [], 'damaged', '\x15PWD\r\n'],
  ['types that do not exist', '\x19\x03\x03', [], 'text', '\x19\x03\x03'],
];

describe.each(feedings)('fed $feeding', ({ cut: into }) => {
  it.each(CASES)('%s', (_name, text, records, upcoming, rest) => {
    expect(cut(into(text))).toEqual({ records, upcoming, rest });
  });
});

it('takes no record that is not there', () => {
  const cutter = new TlsRecordCutter();
  cutter.push(Buffer.from('PWD'));
  expect(() => cutter.take()).toThrow('text');
  expect(cutter.buffered).toBe(3);
});

it('loses no byte, wherever the stream is cut', () => {
  const stream = fc.tuple(
    fc.array(fc.tuple(fc.integer({ min: 20, max: 24 }), latin1).map(([type, fragment]) => record(type, fragment))),
    latin1,
  );
  fc.assert(
    fc.property(stream, cuts, ([records, behind], positions) => {
      const whole = records.join('') + behind;
      const parts = cut(cutAt(whole, positions));
      expect(parts.records.join('') + parts.rest).toBe(whole);
      expect(parts.records.slice(0, records.length)).toEqual(records);
      expect(parts).toEqual(cut([Buffer.from(whole, 'latin1')]));
    }),
  );
});
