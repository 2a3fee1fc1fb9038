/**
 * In which folder the backend is, as it says itself, and which file a command means there. What it does not say is not guessed:
 * then a relative path stays unknown.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { TouchedPath } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import { isPositive, type Reply } from '../wire/reply.ts';

/** What moves the backend to another folder, or may rename that in which it is. */
const MOVES: ReadonlySet<string> = new Set(['CWD', 'XCWD', 'CDUP', 'XCUP', 'RNTO']);
const TELLS: ReadonlySet<string> = new Set(['PWD', 'XPWD']);
/** Commands before whose path servers take options, as ls does. */
const TAKES_OPTIONS: ReadonlySet<string> = new Set(['LIST', 'NLST']);

export class CurrentDirectory {
  readonly #link: BackendLink;
  #asked: Promise<void> | undefined;
  #path: string | undefined;

  /** Asks at once; `link` is logged in. */
  constructor(link: BackendLink) {
    this.#link = link;
    this.#ask();
  }

  /** As the backend said it last; undefined while it is asked, and where it does not say. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Resolves when the backend has answered what it was asked. Whoever has a turn on the link need not wait. */
  async settled(): Promise<void> {
    await this.#asked;
  }

  /** A command of the client was answered: it may have moved the backend, or tell where it is. */
  noticed({ verb }: Command, answer: Reply): void {
    if (MOVES.has(verb) && isPositive(answer)) this.#ask();
    if (TELLS.has(verb) && answer.code === 257) this.#path = directoryIn(answer);
  }

  /** Queued behind what is being said to the backend, and before what comes: it answers for the folder of now. */
  #ask(): void {
    this.#path = undefined;
    const asked = this.#link.exchange({ verb: 'PWD', argument: undefined }).then(
      (answer) => {
        // Or else it was moved again meanwhile.
        if (this.#asked === asked) this.#path = directoryIn(answer);
      },
      () => {},
    );
    this.#asked = asked;
  }
}

/** What a command with a path touches; `preliminary` is what the backend said to it before the data. */
export function touchedBy(
  directory: CurrentDirectory | undefined,
  { verb, argument }: Command,
  preliminary?: Reply,
): TouchedPath {
  const name =
    verb === 'STOU' ? chosenName(preliminary) : TAKES_OPTIONS.has(verb) ? withoutOptions(argument) : argument;
  // The backend chooses the name, and need not tell it.
  if (verb === 'STOU' && name === undefined) return { path: undefined, argument, directory: 'known' };
  const path = resolvePath(directory?.path, name ?? '');
  if (path !== undefined) return { path, argument, directory: 'known' };
  return { path: name === '' ? undefined : name, argument, directory: 'unknown' };
}

/**
 * The folder that a 257 tells (RFC 959 appendix II): in quotes, quotes in it doubled. Undefined where it is none, where it does
 * not begin with `/`, and where quotes are not doubled, so that its end cannot be told.
 */
export function directoryIn({ code, lines }: Reply): string | undefined {
  if (code !== 257) return undefined;
  const [, quoted = '', rest = ''] = /^[^"]*"((?:[^"]|"")*)"(.*)$/s.exec(lines[0]) ?? [];
  const directory = quoted.replaceAll('""', '"');
  const clear = directory.startsWith('/') && /^(?:$|[ .,;])/.test(rest) && !rest.includes('"');
  return clear ? directory : undefined;
}

/** The absolute path of a name in a folder, with `.`, `..` and `//` worked out; undefined where that depends on a folder that is unknown. */
export function resolvePath(directory: string | undefined, name: string): string | undefined {
  if (!name.startsWith('/') && directory === undefined) return undefined;
  const steps: string[] = [];
  for (const step of (name.startsWith('/') ? name : `${directory}/${name}`).split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  return `/${steps.join('/')}`;
}

/** Without `-la` and the like. */
function withoutOptions(argument: string | undefined): string | undefined {
  return argument?.replace(/^(?:-\S*(?: +|$))+/, '');
}

/** `150 FILE: pppp` (RFC 1123 §4.1.2.9). */
function chosenName(preliminary: Reply | undefined): string | undefined {
  return /^FILE: (.+)$/i.exec(preliminary?.lines.at(-1) ?? '')?.[1];
}
