/** How large a transfer will be, as far as somebody says so. */
import { describe, expect, it } from 'vitest';
import { SizeHints, sizeInReply } from '../../../src/session/size-hints.ts';
import { reply } from '../../../src/wire/reply.ts';

const size = (bytes: string, path = 'a.zip') => [{ verb: 'SIZE', argument: path }, reply(213, bytes)] as const;
const RETR = { verb: 'RETR', argument: 'a.zip' };
const STOR = { verb: 'STOR', argument: 'a.zip' };

describe('SIZE', () => {
  it('tells the size of a download of the same file, less what is skipped', () => {
    const hints = new SizeHints();
    hints.noticed(...size('12345'));
    expect(hints.expected(RETR, undefined)).toBe(12_345);
    expect(hints.expected(RETR, '345')).toBe(12_000);
    expect(hints.expected(RETR, '99999')).toBe(0);
    expect(hints.expected({ verb: 'RETR', argument: 'b.zip' }, undefined)).toBeUndefined();
    expect(hints.expected(STOR, undefined)).toBeUndefined();
  });

  it.each([
    ['a refusal', [{ verb: 'SIZE', argument: 'a.zip' }, reply(550, '12345')]],
    ['a number that is none', size('many')],
    ['a number that is no size', size('9'.repeat(30))],
  ] as const)('is not believed: %s', (_what, [command, answer]) => {
    const hints = new SizeHints();
    hints.noticed(command, answer);
    expect(hints.expected(RETR, undefined)).toBeUndefined();
  });

  it('is forgotten when another folder makes it another file', () => {
    const hints = new SizeHints();
    hints.noticed(...size('12345'));
    hints.noticed({ verb: 'CWD', argument: 'b' }, reply(250, 'Moved.'));
    expect(hints.expected(RETR, undefined)).toBeUndefined();
  });
});

it('ALLO tells the size of the next upload, and of no other', () => {
  const hints = new SizeHints();
  hints.noticed({ verb: 'ALLO', argument: '4096 R 10' }, reply(200, 'Fine.'));
  expect(hints.expected(STOR, undefined)).toBe(4096);
  hints.spend();
  expect(hints.expected(STOR, undefined)).toBeUndefined();
});

it.each([
  ['Opening BINARY mode data connection for a.zip (12345 bytes).', 12_345],
  ['Opening data connection for (2 bytes) (7 Bytes).', 2],
  ['Opening data connection.', undefined],
  ['12345 bytes', undefined],
])('150 %s', (text, bytes) => {
  expect(sizeInReply(reply(150, text))).toBe(bytes);
});
