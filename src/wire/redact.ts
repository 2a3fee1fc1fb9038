/**
 * Control lines as text that is safe to log: without secrets, and without characters that could forge a line, steer a
 * terminal or turn the direction of writing. Writes no log.
 */
import type { Command } from './command.ts';

const SECRET_ARGUMENTS: ReadonlySet<string> = new Set(['PASS', 'ACCT', 'ADAT']);
const MAX_LENGTH = 1024;
/** The longest UTF-8 sequence: no more bytes than this make one character. */
const MAX_SEQUENCE = 4;
const PLAIN = /^[ -~]*$/;
/** A well-formed UTF-8 sequence of two to four bytes (RFC 3629 §4), or else any one character. */
const SEQUENCE_OR_BYTE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|./gs;
/** Control, format (bidirectional too), unassigned and private characters, blanks other than SP, and invisible ones. */
const NOT_PRINTING = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/** The command for logs, already {@link printable}; arguments of PASS, ACCT and ADAT become `****`, whatever their length. */
export function describeCommand({ verb, argument }: Command): string {
  if (argument === undefined) return printable(verb);
  return SECRET_ARGUMENTS.has(verb.toUpperCase()) ? `${printable(verb)} ****` : printable(`${verb} ${argument}`);
}

/**
 * A Latin-1 line as text for logs: well-formed UTF-8 is decoded; other bytes are escaped as `\x1b`, and characters that
 * do not print as `\u202e` or `\u{e0001}`. At most 1024 characters, `…` at the end when more was cut off.
 */
export function printable(text: string): string {
  if (text.length <= MAX_LENGTH && PLAIN.test(text)) return text;
  const pieces: string[] = [];
  let length = 0;
  for (const [found] of text.slice(0, (MAX_LENGTH + 1) * MAX_SEQUENCE).matchAll(SEQUENCE_OR_BYTE)) {
    const piece = printablePiece(found);
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_LENGTH) return cut(pieces, length);
  }
  return pieces.join('');
}

/**
 * A Latin-1 text as one word, as FTP servers write names into xferlog: well-formed UTF-8 is decoded, and each blank and each
 * character that does not print becomes `_`. At most 1024 characters.
 */
export function asOneWord(text: string): string {
  const pieces = text.slice(0, MAX_LENGTH * MAX_SEQUENCE).match(SEQUENCE_OR_BYTE) ?? [];
  return pieces.slice(0, MAX_LENGTH).map(wordPiece).join('');
}

function wordPiece(found: string): string {
  if (found.length === 1) return /^[!-~]$/.test(found) ? found : '_';
  const character = Buffer.from(found, 'latin1').toString('utf8');
  return NOT_PRINTING.test(character) ? '_' : character;
}

function printablePiece(found: string): string {
  if (found.length === 1) return PLAIN.test(found) ? found : escapeUnit(found.charCodeAt(0));
  const character = Buffer.from(found, 'latin1').toString('utf8');
  return NOT_PRINTING.test(character) ? escapeCharacter(character) : character;
}

function escapeUnit(unit: number): string {
  return unit > 0xff ? `\\u${hex(unit, 4)}` : `\\x${hex(unit, 2)}`;
}

function escapeCharacter(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return point > 0xffff ? `\\u{${hex(point, 5)}}` : `\\u${hex(point, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Whole pieces only: no half of an escape, no half of a character. */
function cut(pieces: string[], length: number): string {
  let rest = length;
  while (rest > MAX_LENGTH - 1) rest -= pieces.pop()?.length ?? rest;
  return `${pieces.join('')}…`;
}
