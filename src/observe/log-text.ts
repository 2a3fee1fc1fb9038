/**
 * Text for log lines that other people had a hand in: hides what could be a secret, and tells a thrown fault in flat fields.
 * Knows nothing of events.
 */
import { type ErrorCode, GatewayError } from '../errors/errors.ts';

const MAX_CAUSES = 5;

/**
 * The text, or `****` where it could hold the argument of PASS, ACCT or ADAT: a password with a NUL in it makes the whole
 * line malformed, and Telnet bytes may stand between the letters of the verb.
 */
export function hideSecrets(text: string): string {
  return /pass|acct|adat/i.test(text.replace(/[^a-z]/gi, '')) ? '****' : text;
}

/** The text as Latin-1, one character per byte: where it has other characters, as the bytes of its UTF-8 form. */
export function asLatin1(text: string): string {
  return /[^\u0000-\u00ff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** What a thrown fault says in a log line. */
export interface FaultText {
  /** Its code, or `internal-error`. */
  readonly cause: ErrorCode;
  readonly detail: string;
  /** Its stack and those of its causes. */
  readonly stack: string;
}

/** A thrown fault in flat fields. */
export function describeFault(error: unknown): FaultText {
  const stacks: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && depth <= MAX_CAUSES; depth += 1) {
    stacks.push(current instanceof Error ? (current.stack ?? current.message) : String(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return {
    cause: error instanceof GatewayError ? error.code : 'internal-error',
    detail: error instanceof Error ? error.message : String(error),
    stack: stacks.join('\ncaused by: '),
  };
}
