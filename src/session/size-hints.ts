/**
 * How large a transfer will be, as far as somebody has said so: for people who watch it. A hint, on which nothing depends.
 */
import type { Command } from '../wire/command.ts';
import { isPositive, type Reply } from '../wire/reply.ts';

/** A relative path means another file behind these. */
const MOVES: ReadonlySet<string> = new Set(['CWD', 'XCWD', 'CDUP', 'XCUP']);

/** What was said about sizes since the last move. */
export class SizeHints {
  #file: { readonly path: string; readonly bytes: number } | undefined;
  #announced: number | undefined;

  /** A command was answered: the backend tells the size of a file (RFC 3659 §4), or the client that of an upload (ALLO, RFC 959 §4.1.3). */
  noticed({ verb, argument = '' }: Command, answer: Reply): void {
    if (!isPositive(answer)) return;
    if (MOVES.has(verb)) this.#file = undefined;
    if (verb === 'SIZE') {
      const bytes = wholeNumber(answer.lines.at(-1) ?? '');
      this.#file = bytes === undefined ? undefined : { path: argument, bytes };
    }
    if (verb === 'ALLO') this.#announced = wholeNumber(argument.split(' ', 1)[0] ?? '');
  }

  /** Bytes of this file at the backend; undefined where it has not said so lately. */
  sizeOf(path: string | undefined): number | undefined {
    return this.#file !== undefined && this.#file.path === path ? this.#file.bytes : undefined;
  }

  /** Bytes of a transfer that begins; undefined where nobody said it. `restart` is the position of REST. */
  expected({ verb, argument }: Command, restart: string | undefined): number | undefined {
    if (verb === 'STOR' || verb === 'APPE') return this.#announced;
    if (verb !== 'RETR' || this.#file?.path !== argument) return undefined;
    return this.#file === undefined ? undefined : Math.max(0, this.#file.bytes - (wholeNumber(restart ?? '0') ?? 0));
  }

  /** A transfer command has come: what was announced counts for that one only, also where it did not begin. */
  spend(): void {
    this.#announced = undefined;
  }
}

/** What a backend said before the data, as in `150 Opening connection for a.zip (12345 bytes).` Behind REST some mean the whole, others the rest. */
export function sizeInReply(preliminary: Reply | undefined): number | undefined {
  const [, said] = /\((\d{1,15}) bytes\)/i.exec(preliminary?.lines.join(' ') ?? '') ?? [];
  return said === undefined ? undefined : Number(said);
}

/** A number of bytes, such as the position of REST; undefined where it is none. */
export function wholeNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : undefined;
}
