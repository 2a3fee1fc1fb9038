/**
 * FTP replies: what they are, how they are written (strictly), and how they are read (tolerantly). Clients disagree on
 * where a reply ends, so whatever a backend said is written in the one form that all of them read alike.
 * Knows what no code means beyond its first digit.
 */
import { LineFramer } from './line-framer.ts';

/**
 * One reply, Latin-1. The first and the last line are the text behind the code; lines between are what was received
 * without CR and NUL, and may begin with a code of their own.
 */
export interface Reply {
  /** 100 to 599. */
  readonly code: number;
  readonly lines: readonly [string, ...string[]];
}

/** Makes a reply. Throws a RangeError unless the code is an integer from 100 to 599. */
export function reply(code: number, ...lines: [string, ...string[]]): Reply {
  if (!Number.isInteger(code) || code < 100 || code > 599) throw new RangeError(`not a reply code: ${code}`);
  return { code, lines };
}

/** 1yz: more replies to the same command follow (RFC 959 §4.2.1). */
export function isPreliminary({ code }: Reply): boolean {
  return firstDigit(code) === 1;
}

/** 2yz: done. */
export function isPositive({ code }: Reply): boolean {
  return firstDigit(code) === 2;
}

/** 3yz: accepted, and another command is needed. */
export function isIntermediate({ code }: Reply): boolean {
  return firstDigit(code) === 3;
}

/** 4yz: refused for now. */
export function isTransientFailure({ code }: Reply): boolean {
  return firstDigit(code) === 4;
}

/** 5yz: refused. */
export function isPermanentFailure({ code }: Reply): boolean {
  return firstDigit(code) === 5;
}

/** 4yz or 5yz. */
export function isFailure(r: Reply): boolean {
  return isTransientFailure(r) || isPermanentFailure(r);
}

/** Not 1yz: nothing more follows to this command. */
export function isFinal(r: Reply): boolean {
  return !isPreliminary(r);
}

function firstDigit(code: number): number {
  return Math.floor(code / 100);
}

const LINE_BREAKING = /[\0\r\n]/g;
const NO_BYTE = /[^\0-\xff]/g;
/** A digit, or a Telnet command that a client may strip from before one. */
const LOOKS_LIKE_A_CODE = /^(?:\d|\xff[\xf0-\xfe])/;

/**
 * The reply as bytes to send (Latin-1), so that curl, FileZilla, lftp, Python and commons-net see the same one reply in
 * it: CR, LF and NUL inside lines are dropped, a character that is no byte becomes `?`, and a line between that looks
 * like a code gets one leading SP (RFC 959 §4.2: "must pad the front") unless it begins with this code and `-`.
 */
export function serializeReply({ code, lines }: Reply): string {
  const texts = lines.map((line) => line.replace(LINE_BREAKING, '').replace(NO_BYTE, '?'));
  const last = texts.pop() ?? '';
  const [first, ...between] = texts;
  if (first === undefined) return `${code} ${last}\r\n`;
  const padded = between.map((line) => (mayEndReply(line, code) ? ` ${line}` : line));
  return [`${code}-${first}`, ...padded, `${code} ${last}`, ''].join('\r\n');
}

function mayEndReply(line: string, code: number): boolean {
  return LOOKS_LIKE_A_CODE.test(line) && !line.startsWith(`${code}-`);
}

/** A reply, or why the bytes are none, with the beginning of what was received (Latin-1, at most 200 characters). */
export type ParsedReply =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | {
      readonly kind: 'malformed';
      readonly problem: 'line-too-long' | 'reply-too-long' | 'not-a-reply';
      readonly excerpt: string;
    };

/** `line`: without its end, in bytes. `reply`: all lines of one reply with their ends, in bytes. */
export interface ReplyLimits {
  readonly maxLineBytes: number;
  readonly maxReplyBytes: number;
}

const EXCERPT_LENGTH = 200;
const BLANK = /^[ \t]*$/;
/** Code, what follows it, text. Nothing need follow, and some devices leave the SP out, but a fourth digit is no code. */
const FIRST_LINE = /^([1-5]\d\d)(?:([ -])(.*)|(?!\d)(.*))$/s;

/**
 * Reads replies from bytes in any chunks. Tolerates what legacy backends send: lone LF, a code without text or without
 * SP, NUL and bare CR anywhere, blank lines between replies, other codes inside a multi-line reply. A reply of several
 * lines ends at its own code followed by SP or by the end of the line (RFC 959 §4.2).
 */
export class ReplyParser {
  readonly #framer: LineFramer;
  readonly #maxReplyBytes: number;
  /** A reply of several lines of which the end has not come yet. */
  #open: { readonly code: string; readonly first: string; readonly more: string[]; bytes: number } | undefined;
  #finished = false;

  /** Throws a RangeError when a limit is not a positive integer. */
  constructor({ maxLineBytes, maxReplyBytes }: ReplyLimits) {
    if (!Number.isSafeInteger(maxReplyBytes) || maxReplyBytes < 1) {
      throw new RangeError(`not a reply length: ${maxReplyBytes}`);
    }
    this.#framer = new LineFramer(maxLineBytes);
    this.#maxReplyBytes = maxReplyBytes;
  }

  /** Bytes that were pushed and not yet returned as replies; 0 after something malformed. */
  get buffered(): number {
    return this.#framer.buffered + (this.#open?.bytes ?? 0);
  }

  /** Takes a copy of the bytes. What comes after something malformed is dropped. */
  push(chunk: Uint8Array): void {
    if (!this.#finished) this.#framer.push(chunk);
  }

  /** The next reply, or undefined until more bytes come. `malformed` comes once, and nothing after it. */
  next(): ParsedReply | undefined {
    while (!this.#finished) {
      const before = this.#framer.buffered;
      const framed = this.#framer.next();
      if (framed === undefined) return undefined;
      if (framed.kind === 'too-long') return this.#malformed('line-too-long', framed.excerpt);
      const parsed = this.#takeLine(framed.text.replace(LINE_BREAKING, ''), before - this.#framer.buffered);
      if (parsed !== undefined) return parsed;
    }
    return undefined;
  }

  /** One line, cleaned, and the bytes that it had on the wire. */
  #takeLine(line: string, bytes: number): ParsedReply | undefined {
    const open = this.#open;
    if (open === undefined) return this.#beginReply(line, bytes);
    open.bytes += bytes;
    if (open.bytes > this.#maxReplyBytes) return this.#malformed('reply-too-long', `${open.code}-${open.first}`);
    const isLast = line.startsWith(open.code) && (line.length === 3 || line[3] === ' ');
    if (!isLast) {
      open.more.push(line);
      return undefined;
    }
    this.#open = undefined;
    return { kind: 'reply', reply: { code: Number(open.code), lines: [open.first, ...open.more, line.slice(4)] } };
  }

  #beginReply(line: string, bytes: number): ParsedReply | undefined {
    if (BLANK.test(line)) return undefined;
    const [, code, separator, separated, joined] = FIRST_LINE.exec(line) ?? [];
    if (code === undefined) return this.#malformed('not-a-reply', line);
    if (bytes > this.#maxReplyBytes) return this.#malformed('reply-too-long', line);
    const text = separated ?? joined ?? '';
    if (separator !== '-') return { kind: 'reply', reply: { code: Number(code), lines: [text] } };
    this.#open = { code, first: text, more: [], bytes };
    return undefined;
  }

  /** Nothing that follows can be trusted to begin a reply: the parser stops for good and lets go of what it holds. */
  #malformed(problem: 'line-too-long' | 'reply-too-long' | 'not-a-reply', received: string): ParsedReply {
    this.#finished = true;
    this.#open = undefined;
    this.#framer.discard();
    return { kind: 'malformed', problem, excerpt: received.slice(0, EXCERPT_LENGTH) };
  }
}
