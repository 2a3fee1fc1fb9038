import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ParsedReply, type Reply, ReplyParser, reply, serializeReply } from '../../../src/wire/reply.ts';
import { bytes, controlText, cutAt, cuts, feedings, lineText } from './chunks.ts';

const LIMITS = { maxLineBytes: 64, maxReplyBytes: 256 };
const ROOMY = { maxLineBytes: 8192, maxReplyBytes: 65_536 };

function pullAll(parser: ReplyParser): ParsedReply[] {
  const found: ParsedReply[] = [];
  for (let parsed = parser.next(); parsed !== undefined; parsed = parser.next()) found.push(parsed);
  return found;
}

function parse(chunks: readonly Uint8Array[], limits = LIMITS): ParsedReply[] {
  const parser = new ReplyParser(limits);
  return chunks.flatMap((chunk) => {
    parser.push(chunk);
    return pullAll(parser);
  });
}

function parsed(code: number, ...lines: [string, ...string[]]): ParsedReply {
  return { kind: 'reply', reply: reply(code, ...lines) };
}

function malformed(problem: Extract<ParsedReply, { kind: 'malformed' }>['problem'], excerpt: string): ParsedReply {
  return { kind: 'malformed', problem, excerpt };
}

const cases: readonly { name: string; input: string; found: readonly ParsedReply[] }[] = [
  { name: 'nothing', input: '', found: [] },
  { name: 'one line', input: '220 Ready\r\n', found: [parsed(220, 'Ready')] },
  { name: 'a line that has not ended', input: '220 Ready', found: [] },
  {
    name: 'several lines',
    input: '220-Hello\r\nthere\r\n220 Ready\r\n',
    found: [parsed(220, 'Hello', 'there', 'Ready')],
  },
  { name: 'several lines that have not ended', input: '220-Hello\r\nthere\r\n', found: [] },
  { name: 'lone LF', input: '220-Hello\nthere\n220 Ready\n', found: [parsed(220, 'Hello', 'there', 'Ready')] },
  { name: 'no text, with SP', input: '226 \r\n', found: [parsed(226, '')] },
  { name: 'no text and no SP', input: '226\r\n', found: [parsed(226, '')] },
  { name: 'no SP', input: '226Done\r\n', found: [parsed(226, 'Done')] },
  { name: 'a tab', input: '226\tDone\r\n', found: [parsed(226, '\tDone')] },
  { name: 'blanks of the text stay', input: '220-  a\r\n220   b \r\n', found: [parsed(220, '  a', '  b ')] },
  { name: 'the last line without text', input: '220-a\r\n220\r\n', found: [parsed(220, 'a', '')] },
  {
    name: 'a banner in which every line carries the code',
    input: '220-a\r\n220-b\r\n220-\r\n220 c\r\n',
    found: [parsed(220, 'a', '220-b', '220-', 'c')],
  },
  {
    name: 'lines between that begin with digits',
    input: '230-a\r\n5 users\r\n2301 b\r\n230c\r\n230 d\r\n',
    found: [parsed(230, 'a', '5 users', '2301 b', '230c', 'd')],
  },
  {
    name: 'T055 nested replies',
    input: '220-a\r\n226-b\r\n226 c\r\n220 d\r\n',
    found: [parsed(220, 'a', '226-b', '226 c', 'd')],
  },
  { name: 'T055 a bare CR inside a line', input: '220 a\r230 in\r\n', found: [parsed(220, 'a230 in')] },
  { name: 'T055 more CRs than one', input: '220 a\r\r\n', found: [parsed(220, 'a')] },
  { name: 'T055 NUL inside a line', input: '220 a\x00230 in\r\n', found: [parsed(220, 'a230 in')] },
  { name: 'T055 NUL behind the text', input: '226 ok\0\r\n226\0\r\n', found: [parsed(226, 'ok'), parsed(226, '')] },
  {
    name: 'T055 NUL behind the line',
    input: '226 ok\r\n\x00150 go\r\n',
    found: [parsed(226, 'ok'), parsed(150, 'go')],
  },
  { name: 'T055 a bare CR that hides an end', input: '220-a\r\n\r220 b\r\n', found: [parsed(220, 'a', 'b')] },
  { name: 'T055 6yz', input: '631 protected\r\n200 ok\r\n', found: [malformed('not-a-reply', '631 protected')] },
  { name: 'code 000', input: '000 x\r\n', found: [malformed('not-a-reply', '000 x')] },
  { name: 'four digits', input: '2200 x\r\n', found: [malformed('not-a-reply', '2200 x')] },
  { name: 'two digits', input: '22\r\n', found: [malformed('not-a-reply', '22')] },
  { name: 'another protocol', input: 'SSH-2.0-x\r\n220 x\r\n', found: [malformed('not-a-reply', 'SSH-2.0-x')] },
  { name: 'a blank before the code', input: ' 220 x\r\n', found: [malformed('not-a-reply', ' 220 x')] },
  {
    name: 'text behind the end of a reply',
    input: '220 a\r\nb\r\n',
    found: [parsed(220, 'a'), malformed('not-a-reply', 'b')],
  },
  {
    name: 'blank lines between replies',
    input: '\r\n220 a\r\n\r\n \t\r\n\n230 b\r\n',
    found: [parsed(220, 'a'), parsed(230, 'b')],
  },
  { name: 'blank lines inside a reply stay', input: '220-a\r\n\r\n220 b\r\n', found: [parsed(220, 'a', '', 'b')] },
  { name: 'several replies in one segment', input: '150 a\r\n226 b\r\n', found: [parsed(150, 'a'), parsed(226, 'b')] },
  { name: 'T154 Latin-1 bytes', input: '220 caf\xe9 \xff\xf1\r\n', found: [parsed(220, 'caf\xe9 \xff\xf1')] },
  {
    name: 'T036 features with tabs and without blanks',
    input: '211-F\r\n\tA\r\nB\r\n211-C\r\n211 E\r\n',
    found: [parsed(211, 'F', '\tA', 'B', '211-C', 'E')],
  },
  { name: 'the longest line', input: `220 ${'x'.repeat(60)}\r\n`, found: [parsed(220, 'x'.repeat(60))] },
  {
    name: 'T055 a line that is too long',
    input: `220 ${'x'.repeat(61)}\r\n`,
    found: [malformed('line-too-long', `220 ${'x'.repeat(60)}`)],
  },
  {
    name: 'T055 a line that never ends',
    input: `220 ${'x'.repeat(999)}`,
    found: [malformed('line-too-long', `220 ${'x'.repeat(60)}`)],
  },
  {
    name: 'T055 a reply that never ends',
    input: `220-begin\r\n${'line\r\n'.repeat(99)}`,
    found: [malformed('reply-too-long', '220-begin')],
  },
];

describe.each(feedings)('ReplyParser, fed $feeding', ({ cut }) => {
  it.each(cases)('$name', ({ input, found }) => {
    expect(parse(cut(input))).toEqual(found);
  });

  it('a reply of exactly the longest length, and one byte more', () => {
    const longest = `220-a\r\n${`${'x'.repeat(14)}\r\n`.repeat(15)}\r\n220 b\r\n`;
    const limits = { ...LIMITS, maxReplyBytes: longest.length };
    expect(parse(cut(longest), limits)).toMatchObject([{ kind: 'reply', reply: { code: 220 } }]);
    expect(parse(cut(`220-aa${longest.slice(5)}`), limits)).toEqual([malformed('reply-too-long', '220-aa')]);
  });

  it('a single line longer than a whole reply may be', () => {
    expect(parse(cut('220 welcome\r\n'), { maxLineBytes: 64, maxReplyBytes: 8 })).toEqual([
      malformed('reply-too-long', '220 welcome'),
    ]);
  });
});

describe('ReplyParser', () => {
  it('T055 never throws, and finds the same in every way to cut the bytes', () => {
    fc.assert(
      fc.property(controlText, cuts, (text, positions) => {
        expect(parse(cutAt(text, positions))).toEqual(parse([bytes(text)]));
      }),
      { numRuns: 500 },
    );
  });

  it('finds clean replies only: a code from 100 to 599, no CR, LF, NUL in any line', () => {
    fc.assert(
      fc.property(controlText, (text) => {
        for (const found of parse([bytes(text)], ROOMY)) {
          if (found.kind === 'malformed') continue;
          expect(found.reply.code).toSatisfy((code: number) => code >= 100 && code <= 599);
          expect(found.reply.lines.join('')).not.toMatch(/[\0\r\n]/);
        }
      }),
    );
  });

  /** What serializing leaves as it is: nothing between that looks like a code. */
  const cleanReplies: fc.Arbitrary<Reply> = fc
    .tuple(fc.integer({ min: 100, max: 599 }), fc.array(lineText, { minLength: 1, maxLength: 6 }))
    .map(([code, [first = '', ...more]]) =>
      reply(code, first, ...more.map((line, index) => (index < more.length - 1 ? ` ${line}` : line))),
    );

  it('reads back what serializeReply wrote', () => {
    fc.assert(
      fc.property(fc.array(cleanReplies, { maxLength: 4 }), cuts, (given, positions) => {
        const text = given.map(serializeReply).join('');
        expect(parse(cutAt(text, positions), ROOMY)).toEqual(given.map((each) => ({ kind: 'reply', reply: each })));
      }),
    );
  });

  it('reads a reply that was relayed as the reply that was relayed', () => {
    fc.assert(
      fc.property(controlText, (text) => {
        const relayed = parse([bytes(text)], ROOMY).flatMap((found) => (found.kind === 'reply' ? [found.reply] : []));
        const again = parse([bytes(relayed.map(serializeReply).join(''))], ROOMY);
        expect(again.map((found) => found.kind === 'reply' && found.reply.code)).toEqual(relayed.map((r) => r.code));
      }),
    );
  });

  it('is finished after something malformed', () => {
    const parser = new ReplyParser(LIMITS);
    parser.push(bytes('hello\r\n220 a\r\n'));
    expect(parser.next()).toEqual(malformed('not-a-reply', 'hello'));
    expect(parser.next()).toBeUndefined();
    parser.push(bytes('220 b\r\n'));
    expect(parser.next()).toBeUndefined();
    expect(parser.buffered).toBe(0);
  });

  it('T043 counts the bytes behind a reply, those of an unfinished reply included', () => {
    const parser = new ReplyParser(LIMITS);
    parser.push(bytes('234 ok\r\n230-in\r\n'));
    expect(parser.next()).toEqual(parsed(234, 'ok'));
    expect(parser.buffered).toBe(8);
    expect(parser.next()).toBeUndefined();
    expect(parser.buffered).toBe(8);
    parser.push(bytes('x\n230'));
    expect(parser.next()).toBeUndefined();
    expect(parser.buffered).toBe(13);
    parser.push(bytes(' a\r\n'));
    expect(parser.next()).toEqual(parsed(230, 'in', 'x', 'a'));
    expect(parser.buffered).toBe(0);
  });

  it.each([
    ['an endless line', 'x'],
    ['endless lines', 'x\r\n'],
    ['endless empty lines', '\r\n'],
  ])('T055 holds no more than its limits and one chunk of %s', (_name, piece) => {
    const parser = new ReplyParser({ maxLineBytes: 8192, maxReplyBytes: 65_536 });
    const chunk = bytes(piece.repeat(1000));
    parser.push(bytes('220-begin\r\n'));
    let most = 0;
    const found: ParsedReply[] = [];
    for (let pushed = 0; pushed < 1024 * 1024; pushed += chunk.length) {
      parser.push(chunk);
      most = Math.max(most, parser.buffered);
      found.push(...pullAll(parser));
    }
    expect(found.map(({ kind }) => kind)).toEqual(['malformed']);
    expect(most).toBeLessThanOrEqual(65_536 + chunk.length);
    expect(parser.buffered).toBe(0);
  });

  it('shows at most 200 characters of what was no reply', () => {
    const [found] = parse([bytes(`${'x'.repeat(1000)}\r\n`)], ROOMY);
    expect(found).toEqual(malformed('not-a-reply', 'x'.repeat(200)));
  });

  it.each([0, -1, Number.NaN])('refuses %s as a limit', (limit) => {
    expect(() => new ReplyParser({ ...LIMITS, maxReplyBytes: limit })).toThrow(RangeError);
    expect(() => new ReplyParser({ ...LIMITS, maxLineBytes: limit })).toThrow(RangeError);
  });
});
