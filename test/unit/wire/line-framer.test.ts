import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FramedLine, LineFramer } from '../../../src/wire/line-framer.ts';
import { bytes, controlText, cutAt, cuts, feedings } from './chunks.ts';

const LIMIT = 16;

/** All lines, pulled after each chunk as a channel does. */
function frame(chunks: readonly Uint8Array[], limit = LIMIT): FramedLine[] {
  const framer = new LineFramer(limit);
  return chunks.flatMap((chunk) => {
    framer.push(chunk);
    return pullAll(framer);
  });
}

function pullAll(framer: LineFramer): FramedLine[] {
  const lines: FramedLine[] = [];
  for (let line = framer.next(); line !== undefined; line = framer.next()) lines.push(line);
  return lines;
}

function line(text: string): FramedLine {
  return { kind: 'line', text };
}

const tooLong = (excerpt: string): FramedLine => ({ kind: 'too-long', excerpt });

const cases: readonly { name: string; input: string; lines: readonly FramedLine[] }[] = [
  { name: 'no bytes', input: '', lines: [] },
  { name: 'a line that has not ended', input: 'NOOP', lines: [] },
  { name: 'CR LF', input: 'NOOP\r\n', lines: [line('NOOP')] },
  { name: 'T046 lone LF ends a line', input: 'RETR a\nDELE b\r\n', lines: [line('RETR a'), line('DELE b')] },
  { name: 'T045 lone CR ends nothing and stays', input: 'RETR a\rDELE b\r\n', lines: [line('RETR a\rDELE b')] },
  { name: 'exactly one CR is dropped', input: 'a\r\r\n', lines: [line('a\r')] },
  { name: 'a CR at the end of the bytes waits for its LF', input: 'a\r', lines: [] },
  { name: 'T047 NUL stays', input: 'RETR a\0b\r\n', lines: [line('RETR a\0b')] },
  { name: 'T040 empty lines', input: '\r\n\n\r\n', lines: [line(''), line(''), line('')] },
  {
    name: 'T060 pipelined lines',
    input: 'TYPE I\r\nPWD\r\nNOOP\r\n',
    lines: [line('TYPE I'), line('PWD'), line('NOOP')],
  },
  {
    name: 'T050 every byte is one character',
    input: '\xe9\xff\xff\xc3 \x80\r\n',
    lines: [line('\xe9\xff\xff\xc3 \x80')],
  },
  { name: 'the longest line with CR LF', input: `${'x'.repeat(16)}\r\n`, lines: [line('x'.repeat(16))] },
  { name: 'the longest line with lone LF', input: `${'x'.repeat(16)}\n`, lines: [line('x'.repeat(16))] },
  {
    name: 'the longest line that ends with a CR of its own',
    input: `${'x'.repeat(15)}\r\r\n`,
    lines: [line(`${'x'.repeat(15)}\r`)],
  },
  { name: 'T048 one byte more', input: `${'x'.repeat(17)}\r\nNOOP\r\n`, lines: [tooLong('x'.repeat(16))] },
  { name: 'T048 one byte more without LF', input: 'x'.repeat(17), lines: [tooLong('x'.repeat(16))] },
  { name: 'T048 one CR more', input: `${'x'.repeat(16)}\r\r`, lines: [tooLong('x'.repeat(16))] },
  { name: 'not yet too long: the CR may be the end of the line', input: `${'x'.repeat(16)}\r`, lines: [] },
  {
    name: 'T048 too long behind a good line',
    input: `NOOP\r\n${'x'.repeat(99)}`,
    lines: [line('NOOP'), tooLong('x'.repeat(16))],
  },
];

describe.each(feedings)('LineFramer, fed $feeding', ({ cut }) => {
  it.each(cases)('$name', ({ input, lines }) => {
    expect(frame(cut(input))).toEqual(lines);
  });
});

describe('LineFramer', () => {
  it('gives the same lines for every way to cut the bytes', () => {
    fc.assert(
      fc.property(controlText, cuts, fc.integer({ min: 1, max: 60 }), (text, positions, limit) => {
        expect(frame(cutAt(text, positions), limit)).toEqual(frame([bytes(text)], limit));
      }),
    );
  });

  it('gives what splitting at LF gives, while no line is too long', () => {
    fc.assert(
      fc.property(controlText, cuts, (text, positions) => {
        const expected = text.split('\n').slice(0, -1);
        const framed = frame(cutAt(text, positions), 10_000);
        expect(framed).toEqual(expected.map((each) => line(each.replace(/\r$/, ''))));
      }),
    );
  });

  it('returns one line at a time and counts the bytes behind it, as a reader that stops behind AUTH needs', () => {
    const framer = new LineFramer(LIMIT);
    framer.push(bytes('AUTH TLS\r\nUSER x\r\nPA'));
    expect(framer.buffered).toBe(20);
    expect(framer.next()).toEqual(line('AUTH TLS'));
    expect(framer.buffered).toBe(10);
    expect(framer.next()).toEqual(line('USER x'));
    expect(framer.next()).toBeUndefined();
    expect(framer.buffered).toBe(2);
  });

  it('counts every byte as buffered until its line is returned', () => {
    fc.assert(
      fc.property(controlText, cuts, (text, positions) => {
        const framer = new LineFramer(10_000);
        for (const chunk of cutAt(text, positions)) {
          framer.push(chunk);
          pullAll(framer);
        }
        expect(framer.buffered).toBe(text.length - (text.lastIndexOf('\n') + 1));
      }),
    );
  });

  it('keeps its own copy, so that the buffer of a socket may be reused', () => {
    const framer = new LineFramer(LIMIT);
    const chunk = bytes('PASS secret\r\n');
    framer.push(chunk);
    chunk.fill(0);
    expect(framer.next()).toEqual(line('PASS secret'));
  });

  it('T048 holds no more than the limit and one chunk of an endless line, and nothing after it gave up', () => {
    const framer = new LineFramer(8192);
    const chunk = Buffer.alloc(1024, 'x');
    const seen: FramedLine[] = [];
    let most = 0;
    for (let pushed = 0; pushed < 1024 * 1024; pushed += chunk.length) {
      framer.push(chunk);
      most = Math.max(most, framer.buffered);
      seen.push(...pullAll(framer));
    }
    expect(seen).toEqual([tooLong('x'.repeat(200))]);
    expect(most).toBeLessThanOrEqual(8192 + 1024);
    expect(framer.buffered).toBe(0);
  });

  it('says too-long once, and no line of what follows', () => {
    const framer = new LineFramer(LIMIT);
    framer.push(Buffer.alloc(17, 'x'));
    expect(framer.next()?.kind).toBe('too-long');
    framer.push(bytes('\r\nDELE a\r\n'));
    expect(framer.next()).toBeUndefined();
    expect(framer.buffered).toBe(0);
  });

  it('drops what it holds and what comes when told to discard', () => {
    const framer = new LineFramer(LIMIT);
    framer.push(bytes('NOOP\r\nNO'));
    framer.discard();
    framer.push(bytes('OP\r\n'));
    expect([framer.buffered, framer.next()]).toEqual([0, undefined]);
  });

  it('moves no byte more often than a few times, however many lines wait in front of it', () => {
    const framer = new LineFramer(8192);
    const lines = 200_000;
    for (let pushed = 0; pushed < lines; pushed++) framer.push(bytes('NOOP\r\n'));
    expect(pullAll(framer).length).toBe(lines);
  }, 5000);

  it('reads a long line byte by byte in linear time', () => {
    const limit = 512 * 1024;
    const framer = new LineFramer(limit);
    const byte = bytes('x');
    for (let pushed = 0; pushed < limit; pushed++) {
      framer.push(byte);
      if (framer.next() !== undefined) throw new Error('too early');
    }
    framer.push(bytes('\n'));
    expect(framer.next()).toEqual(line('x'.repeat(limit)));
  }, 5000);

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s as a limit', (limit) => {
    expect(() => new LineFramer(limit)).toThrow(RangeError);
  });
});
