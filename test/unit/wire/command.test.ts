import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, type ParsedCommand, parseCommand, serializeCommand } from '../../../src/wire/command.ts';
import { LineFramer } from '../../../src/wire/line-framer.ts';
import { controlText, cutAt, cuts, feedings, latin1, lineText } from './chunks.ts';

function command(verb: string, argument?: string): ParsedCommand {
  return { kind: 'command', command: { verb, argument } };
}

const empty: ParsedCommand = { kind: 'empty' };
const controlCharacter: ParsedCommand = { kind: 'invalid', problem: 'control-character' };
const malformedVerb: ParsedCommand = { kind: 'invalid', problem: 'malformed-verb' };

/** Lines as they come from the framer, with what they are. None of them holds LF. */
const cases: readonly { name: string; line: string; parsed: ParsedCommand }[] = [
  { name: 'verb alone', line: 'NOOP', parsed: command('NOOP') },
  { name: 'verb and SP: an empty argument', line: 'NOOP ', parsed: command('NOOP', '') },
  { name: 'verb and argument', line: 'RETR a.bin', parsed: command('RETR', 'a.bin') },
  { name: 'lower case verb, argument untouched', line: 'reTr aB', parsed: command('RETR', 'aB') },
  { name: 'T049 RETR without argument', line: 'RETR', parsed: command('RETR') },
  { name: 'T049 two blanks: the name begins with a blank', line: 'RETR  a', parsed: command('RETR', ' a') },
  { name: 'T050 trailing blanks belong to the name', line: 'RETR a  ', parsed: command('RETR', 'a  ') },
  { name: 'a tab in the argument', line: 'RETR \ta\t', parsed: command('RETR', '\ta\t') },
  { name: 'T049 tab before the verb', line: '\tRETR', parsed: malformedVerb },
  { name: 'T049 blank before the verb', line: ' RETR a', parsed: malformedVerb },
  { name: 'T049 tab behind the verb', line: 'RETR\ta', parsed: malformedVerb },
  { name: 'T049 digit in the verb', line: 'RETR1 a', parsed: malformedVerb },
  { name: 'T049 8-bit verb', line: 'R\xe9TR a', parsed: malformedVerb },
  { name: 'T049 16 letters', line: 'ABCDEFGHIJKLMNOP', parsed: command('ABCDEFGHIJKLMNOP') },
  { name: 'T049 17 letters', line: 'ABCDEFGHIJKLMNOPQ', parsed: malformedVerb },
  { name: 'T049 40 letters', line: 'x'.repeat(40), parsed: malformedVerb },
  { name: 'T050 0xE9 in a name', line: 'RETR caf\xe9', parsed: command('RETR', 'caf\xe9') },
  { name: 'T050 0xFF in a name', line: 'RETR \xff', parsed: command('RETR', '\xff') },
  { name: 'T050 doubled 0xFF in a name', line: 'RETR a\xff\xffb', parsed: command('RETR', 'a\xff\xffb') },
  {
    name: 'T050 Telnet bytes inside a name are the name',
    line: 'RETR \xff\xf4\xff\xf2a',
    parsed: command('RETR', '\xff\xf4\xff\xf2a'),
  },
  {
    name: 'T050 invalid UTF-8 in a name',
    line: 'STOR \xc3\x28\xed\xa0\x80',
    parsed: command('STOR', '\xc3\x28\xed\xa0\x80'),
  },
  { name: 'T045 bare CR in an argument', line: 'RETR a\rDELE b', parsed: controlCharacter },
  { name: 'bare CR at the end', line: 'RETR a\r', parsed: controlCharacter },
  { name: 'T047 NUL in an argument', line: 'RETR a\0b', parsed: controlCharacter },
  { name: 'T047 CR NUL', line: 'RETR a\r\0b', parsed: controlCharacter },
  { name: 'NUL in the verb', line: 'RE\0TR a', parsed: controlCharacter },
  { name: 'NUL alone', line: '\0', parsed: controlCharacter },
  { name: 'T051 IAC IP, IAC DM', line: '\xff\xf4\xff\xf2ABOR', parsed: command('ABOR') },
  { name: 'T051 IAC IP, IAC whose DM came out of band', line: '\xff\xf4\xffABOR', parsed: command('ABOR') },
  { name: 'T051 IAC IP, DM whose IAC came out of band', line: '\xff\xf4\xf2ABOR', parsed: command('ABOR') },
  { name: 'T051 DM alone', line: '\xf2ABOR', parsed: command('ABOR') },
  { name: 'T051 IAC alone', line: '\xffABOR', parsed: command('ABOR') },
  { name: 'T051 Telnet bytes and nothing else', line: '\xff\xf4\xff\xf2', parsed: empty },
  { name: 'T052 IAC WILL x', line: '\xff\xfb\x1fUSER a', parsed: command('USER', 'a') },
  { name: 'T052 IAC WONT, DO, DONT', line: '\xff\xfc\x01\xff\xfd\x03\xff\xfe\x18USER a', parsed: command('USER', 'a') },
  { name: 'T052 the option number may be NUL', line: '\xff\xfd\0USER a', parsed: command('USER', 'a') },
  { name: 'T052 the option number may be CR', line: '\xff\xfb\x0dUSER a', parsed: command('USER', 'a') },
  { name: 'a doubled IAC is no Telnet command', line: '\xff\xffABOR', parsed: malformedVerb },
  { name: 'an option without its number', line: '\xff\xfb', parsed: malformedVerb },
  { name: 'T040 empty line', line: '', parsed: empty },
  { name: 'blanks and tabs', line: ' \t ', parsed: empty },
  { name: 'T053 HTTP', line: 'GET / HTTP/1.1', parsed: command('GET', '/ HTTP/1.1') },
  { name: 'an HTTP header', line: 'Host: example.org', parsed: malformedVerb },
  { name: 'a TLS hello', line: '\x16\x03\x01\x02', parsed: malformedVerb },
];

/** Lines behind the framer, parsed. */
function parseLines(chunks: readonly Uint8Array[]): ParsedCommand[] {
  const framer = new LineFramer(8192);
  const parsed: ParsedCommand[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let framed = framer.next(); framed !== undefined; framed = framer.next()) {
      if (framed.kind === 'line') parsed.push(parseCommand(framed.text));
    }
  }
  return parsed;
}

describe.each(feedings)('parseCommand behind the framer, fed $feeding', ({ cut }) => {
  it.each(cases)('$name', ({ line, parsed }) => {
    expect(parseLines(cut(`${line}\r\n`))).toEqual([parsed]);
  });
});

describe('parseCommand', () => {
  it('refuses LF, which the framer never leaves in a line', () => {
    expect(parseCommand('RETR a\nDELE b')).toEqual(controlCharacter);
  });

  it('never throws, and gives the same commands for every way to cut the bytes', () => {
    fc.assert(
      fc.property(controlText, cuts, (text, positions) => {
        expect(parseLines(cutAt(text, positions))).toEqual(parseLines(cutAt(text, [])));
      }),
    );
  });

  it('lets no CR, LF or NUL and no verb but letters through', () => {
    fc.assert(
      fc.property(fc.oneof(latin1, controlText), (text) => {
        const parsed = parseCommand(text);
        if (parsed.kind !== 'command') return;
        expect(parsed.command.verb).toMatch(/^[A-Z]{1,16}$/);
        expect(parsed.command.argument ?? '').not.toMatch(/[\0\r\n]/);
      }),
    );
  });
});

const commands: fc.Arbitrary<Command> = fc.record({
  verb: fc.stringMatching(/^[A-Z]{1,16}$/),
  argument: fc.option(lineText, { nil: undefined }),
});

describe('serializeCommand', () => {
  it.each([
    [{ verb: 'NOOP', argument: undefined }, 'NOOP\r\n'],
    [{ verb: 'NOOP', argument: '' }, 'NOOP \r\n'],
    [{ verb: 'RETR', argument: ' a  ' }, 'RETR  a  \r\n'],
    [{ verb: 'RETR', argument: '\xff\xff\xe9' }, 'RETR \xff\xff\xe9\r\n'],
  ])('%j is %j', (given, line) => {
    expect(serializeCommand(given)).toBe(line);
  });

  it('is read back as the same one command, however it is cut', () => {
    fc.assert(
      fc.property(commands, cuts, (given, positions) => {
        expect(parseLines(cutAt(serializeCommand(given), positions))).toEqual([{ kind: 'command', command: given }]);
      }),
    );
  });

  it.each(['a\rb', 'a\nDELE b', 'a\0', '\r\n', 'a\u010aDELE b', '\u20ac'])('refuses the argument %j', (argument) => {
    expect(() => serializeCommand({ verb: 'RETR', argument })).toThrow(RangeError);
  });

  it.each(['', 'RETR a', 'RETR\r\nDELE', 'RETR\n', 'X'.repeat(17), '\xff\xf4ABOR'])('refuses the verb %j', (verb) => {
    expect(() => serializeCommand({ verb, argument: undefined })).toThrow(RangeError);
  });

  it('does not repeat a refused argument in its error: it may be a password', () => {
    expect(() => serializeCommand({ verb: 'PASS', argument: 'hunter2\0' })).toThrow(/^(?!.*hunter2)/);
  });
});
