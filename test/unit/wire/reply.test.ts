import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isFailure,
  isFinal,
  isIntermediate,
  isPermanentFailure,
  isPositive,
  isPreliminary,
  isTransientFailure,
  type Reply,
  reply,
  serializeReply,
} from '../../../src/wire/reply.ts';
import { controlText, latin1 } from './chunks.ts';
import { clientRules } from './client-reply-rules.ts';

/** Lines as a hostile backend would like them to be. */
const hostileLine = fc.oneof(controlText, latin1, fc.constantFrom('226 fake', '5 files found', '226', '226-more'));
const replies: fc.Arbitrary<Reply> = fc
  .tuple(fc.integer({ min: 100, max: 599 }), fc.array(hostileLine, { minLength: 1, maxLength: 6 }))
  .map(([code, [first = '', ...more]]) => reply(code, first, ...more));

describe('the first digit of a reply', () => {
  it.each([
    [150, { preliminary: true }],
    [226, { positive: true }],
    [331, { intermediate: true }],
    [421, { transient: true, failure: true }],
    [550, { permanent: true, failure: true }],
  ])('%i', (code, expected) => {
    const r = reply(code, '');
    const all = {
      preliminary: false,
      positive: false,
      intermediate: false,
      transient: false,
      permanent: false,
      failure: false,
    };
    expect({
      preliminary: isPreliminary(r),
      positive: isPositive(r),
      intermediate: isIntermediate(r),
      transient: isTransientFailure(r),
      permanent: isPermanentFailure(r),
      failure: isFailure(r),
    }).toEqual({ ...all, ...expected });
    expect(isFinal(r)).toBe(code >= 200);
  });

  it.each([99, 600, 631, 0, -220, 220.5, Number.NaN])('refuses %s as a code', (code) => {
    expect(() => reply(code, 'text')).toThrow(RangeError);
  });
});

describe('serializeReply', () => {
  const cases: readonly { name: string; given: Reply; text: string }[] = [
    { name: 'one line', given: reply(200, 'OK'), text: '200 OK\r\n' },
    { name: 'no text', given: reply(226, ''), text: '226 \r\n' },
    { name: 'two lines', given: reply(220, 'Hello', 'Ready'), text: '220-Hello\r\n220 Ready\r\n' },
    {
      name: 'lines between as they are, an empty one too',
      given: reply(211, 'Features:', ' UTF8', '', 'plain', 'End'),
      text: '211-Features:\r\n UTF8\r\n\r\nplain\r\n211 End\r\n',
    },
    {
      name: 'T056 a line between that looks like the end',
      given: reply(226, 'a', '226 fake', 'b'),
      text: '226-a\r\n 226 fake\r\n226 b\r\n',
    },
    {
      name: 'T056 another code, a bare code, a number',
      given: reply(226, 'a', '550 no', '226', '5 files found', '200-x', 'b'),
      text: '226-a\r\n 550 no\r\n 226\r\n 5 files found\r\n 200-x\r\n226 b\r\n',
    },
    {
      name: 'a line between with the same code and a hyphen stays',
      given: reply(220, 'a', '220-b', '220-', 'c'),
      text: '220-a\r\n220-b\r\n220-\r\n220 c\r\n',
    },
    {
      name: 'T055 CR, LF and NUL inside lines are dropped',
      given: reply(220, 'a\r\n230 in', 'b\0c\r', '\r230 in', 'd\n'),
      text: '220-a230 in\r\nbc\r\n 230 in\r\n220 d\r\n',
    },
    {
      name: 'T055 a code behind a Telnet command',
      given: reply(220, 'a', '\xff\xf1230 in', '\xff\xff', 'b'),
      text: '220-a\r\n \xff\xf1230 in\r\n\xff\xff\r\n220 b\r\n',
    },
    {
      name: 'the first and the last line may look like anything',
      given: reply(226, '226 fake', '550 no'),
      text: '226-226 fake\r\n226 550 no\r\n',
    },
    { name: 'T154 Latin-1 bytes', given: reply(220, 'caf\xe9 \xff \x1b'), text: '220 caf\xe9 \xff \x1b\r\n' },
    { name: 'a character whose low byte is LF', given: reply(220, 'a\u010ab'), text: '220 a?b\r\n' },
  ];
  it.each(cases)('$name', ({ given, text }) => {
    expect(serializeReply(given)).toBe(text);
  });

  it.each(clientRules)('T055 T056 is one reply for $client', ({ codes }) => {
    fc.assert(
      fc.property(replies, (given) => {
        expect(codes(serializeReply(given))).toEqual([given.code]);
      }),
      { numRuns: 500 },
    );
  });

  it.each(clientRules)('T055 T056 replies behind one another stay apart for $client', ({ codes }) => {
    fc.assert(
      fc.property(fc.array(replies, { maxLength: 4 }), (given) => {
        expect(codes(given.map(serializeReply).join(''))).toEqual(given.map(({ code }) => code));
      }),
    );
  });
});
