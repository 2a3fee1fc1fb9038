import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeCommand, printable } from '../../../src/wire/redact.ts';
import { controlText, latin1 } from './chunks.ts';

/** UTF-8 text as it arrives: one Latin-1 character per byte. */
function received(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

describe('describeCommand', () => {
  it.each(['PASS', 'ACCT', 'ADAT', 'pass'])('hides the argument of %s and its length', (verb) => {
    expect(describeCommand({ verb, argument: 'hunter2' })).toBe(`${verb} ****`);
    expect(describeCommand({ verb, argument: '' })).toBe(`${verb} ****`);
    expect(describeCommand({ verb, argument: undefined })).toBe(verb);
  });

  it('shows other commands, escaped', () => {
    expect(describeCommand({ verb: 'RETR', argument: 'a b' })).toBe('RETR a b');
    expect(describeCommand({ verb: 'NOOP', argument: undefined })).toBe('NOOP');
    expect(describeCommand({ verb: 'USER', argument: 'a\x1b[31m' })).toBe('USER a\\x1b[31m');
  });

  it('never shows a secret', () => {
    fc.assert(
      fc.property(fc.constantFrom('PASS', 'ACCT', 'ADAT'), latin1, (verb, argument) => {
        expect(describeCommand({ verb, argument })).toBe(`${verb} ****`);
      }),
    );
  });
});

describe('printable', () => {
  it.each([
    ['plain text', 'RETR /a b\\c "d"', 'RETR /a b\\c "d"'],
    ['nothing', '', ''],
    ['T059 a terminal sequence', 'a\x1b[31m', 'a\\x1b[31m'],
    ['T059 CR and LF', 'a\r\nb', 'a\\x0d\\x0ab'],
    ['NUL, tab, DEL', '\0\t\x7f', '\\x00\\x09\\x7f'],
    ['valid UTF-8', received('Grüße – 日本 🚢'), 'Grüße – 日本 🚢'],
    ['T059 right-to-left override', received('a\u202egpj.exe'), 'a\\u202egpj.exe'],
    ['T059 isolates and marks', received('\u2066\u200f\u061c'), '\\u2066\\u200f\\u061c'],
    ['zero width and byte order mark', received('\u200b\u200d\ufeff'), '\\u200b\\u200d\\ufeff'],
    ['line and paragraph separator', received('\u2028\u2029'), '\\u2028\\u2029'],
    ['no-break and wide blanks', received('\u00a0\u3000'), '\\u00a0\\u3000'],
    ['C1 control as UTF-8', received('\u009b31m'), '\\u009b31m'],
    ['C1 control as a byte', '\x9b31m', '\\x9b31m'],
    ['invisible letters', received('\u3164\u034f'), '\\u3164\\u034f'],
    ['private use and unassigned', received('\ue000\u0378'), '\\ue000\\u0378'],
    ['tag characters', received('\u{e0041}'), '\\u{e0041}'],
    ['Latin-1', 'caf\xe9', 'caf\\xe9'],
    ['Latin-1 and UTF-8 in one line', `caf\xe9 ${received('é')}`, 'caf\\xe9 é'],
    ['a cut UTF-8 sequence', '\xe2\x82', '\\xe2\\x82'],
    ['overlong UTF-8', '\xc0\xaf\xe0\x80\xaf', '\\xc0\\xaf\\xe0\\x80\\xaf'],
    ['a surrogate as UTF-8', '\xed\xa0\x80', '\\xed\\xa0\\x80'],
    ['beyond Unicode', '\xf4\x90\x80\x80', '\\xf4\\x90\\x80\\x80'],
    ['Telnet', '\xff\xf4\xff\xf2ABOR', '\\xff\\xf4\\xff\\xf2ABOR'],
    ['a character that is no byte', '\u202e', '\\u202e'],
  ])('%s', (_name, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it.each([
    ['plain text of 1024', 'x'.repeat(1024), 'x'.repeat(1024)],
    ['plain text of 1025', 'x'.repeat(1025), `${'x'.repeat(1023)}…`],
    ['an escape that just fits', `${'x'.repeat(1020)}\x1b`, `${'x'.repeat(1020)}\\x1b`],
    ['an escape that does not fit', `${'x'.repeat(1021)}\x1b`, `${'x'.repeat(1021)}…`],
    ['characters of four bytes', received('🚢'.repeat(513)), `${'🚢'.repeat(511)}…`],
    ['characters of three bytes', received('日'.repeat(1024)), '日'.repeat(1024)],
  ])('at most 1024 characters: %s', (_name, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('gives at most 1024 printing characters for whatever bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(latin1, controlText, fc.string({ unit: 'binary' }).map(received)),
        fc.nat(60),
        (text, times) => {
          const shown = printable(text.repeat(times));
          expect(shown.length).toBeLessThanOrEqual(1024);
          expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });

  it('keeps UTF-8 of printing characters as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'ß', 'é', '中', '🚢', ' ', '/')), (characters) => {
        const text = characters.join('');
        expect(printable(received(text))).toBe(text);
      }),
    );
  });
});
