/**
 * Whether a backend has a file of some name, asked on the control connection. "There is none" is believed only in a way in which this backend
 * is known to tell of files that are there: who forbids a command may answer it with the same 550.
 */
import type { Command } from '../wire/command.ts';
import { isPositive, type Reply } from '../wire/reply.ts';

export interface Existing {
  /** `unknown`: the backend did not say, or cannot be believed. */
  readonly found: 'file' | 'nothing' | 'unknown';
  /** What it answered, as in `550 to MDTM, 500 to MLST`. */
  readonly answers: string;
}

/** Commands of RFC 3659 that a file answers, with the code that tells of one. */
const TELLING = { MDTM: 213, SIZE: 213, MLST: 250 } as const;
type Way = keyof typeof TELLING;

/** Patterns, options, and names that listings leave out. */
const NOT_FOR_STAT = /[*?[\]{}\\]|^[-~]|(?:^|\/)\.[^/]*$/;

export class Existence {
  readonly #ask: (command: Command) => Promise<Reply>;
  /** Ways in which this backend has told of something that is there. */
  readonly #proven = new Set<Way>();
  /** Whether MLST of the current folder was asked for. */
  #facts: 'not asked' | 'asked' = 'not asked';

  /** `ask` rejects where the backend is lost. */
  constructor(ask: (command: Command) => Promise<Reply>) {
    this.#ask = ask;
  }

  /** `path`: as it will be sent with STOR. Rejects where the backend is lost. */
  async of(path: string): Promise<Existing> {
    const answers: string[] = [];
    const told = (found: Existing['found']): Existing => ({ found, answers: answers.join(', ') });
    const ask = async (verb: string, argument: string | undefined): Promise<Reply> => {
      const answer = await this.#ask({ verb, argument });
      answers.push(`${answer.code} to ${verb}`);
      return answer;
    };
    const way = async (verb: Way): Promise<Existing['found']> => {
      // quirk: vsftpd 3.0.3: behind a time MDTM sets it, and a name may begin like one.
      const { code } = await ask(verb, /^\d/.test(path) ? `./${path}` : path);
      if (code === TELLING[verb]) this.#proven.add(verb);
      if (code === TELLING[verb]) return 'file';
      return code === 550 && this.#proven.has(verb) ? 'nothing' : 'unknown';
    };
    const first = await way('MDTM');
    if (first !== 'unknown') return told(first);
    await this.#proveFacts(ask);
    const second = await way(this.#proven.has('MLST') ? 'MLST' : 'SIZE');
    if (second !== 'unknown' || this.#proven.has('MLST') || NOT_FOR_STAT.test(path)) return told(second);
    return told(listed(await ask('STAT', path)));
  }

  /** The folder in which the backend is exists for certain. */
  async #proveFacts(ask: (verb: string, argument: undefined) => Promise<Reply>): Promise<void> {
    if (this.#facts === 'asked') return;
    this.#facts = 'asked';
    const { code } = await ask('MLST', undefined);
    if (code === TELLING.MLST) this.#proven.add('MLST');
  }
}

/** STAT answers with a listing, which has nothing between its first and its last line where there is no such file (RFC 959 §4.1.3). */
function listed(answer: Reply): Existing['found'] {
  if (!isPositive(answer) || answer.lines.length < 2) return 'unknown';
  return answer.lines.slice(1, -1).some((line) => line.trim() !== '') ? 'file' : 'nothing';
}
