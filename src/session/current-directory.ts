/**
 * In which folder the backend is, as it says itself, and which file a command means there. What it does not say is not guessed:
 * then a relative path stays unknown, and so does one that only the backend can work out.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { TouchedPath } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import { fileCommand } from '../wire/file-commands.ts';
import { isPositive, type Reply } from '../wire/reply.ts';

/** What moves the backend to another folder, or may rename that in which it is. */
const MOVES: ReadonlySet<string> = new Set(['CWD', 'XCWD', 'CDUP', 'XCUP', 'RNTO']);
const TELLS: ReadonlySet<string> = new Set(['PWD', 'XPWD']);

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
  const name = verb === 'STOU' ? chosenName(preliminary) : nameIn(verb, argument);
  // The backend chooses the name, and need not tell it.
  if (verb === 'STOU' && name === undefined) return { path: undefined, argument, directory: 'known' };
  return { ...resolvePath(directory?.path, name ?? ''), argument };
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

/** Names that are no path in a folder: `~ann/x` may be in a home; `\x` and `C:\x` on Windows are absolute. */
const ELSEWHERE = /^(?:~|\\|[A-Za-z]:[/\\])/;

/**
 * Where a name in a folder is: absolute, with `.` and `//` worked out, and `..` at the root. Behind another step `..` stays, since
 * that step may be a link, and then only the backend knows where it leads; the folder counts as unknown then, and where it is undefined
 * for a relative name.
 */
export function resolvePath(directory: string | undefined, name: string): Pick<TouchedPath, 'path' | 'directory'> {
  const absolute = name.startsWith('/');
  if (!absolute && (directory === undefined || ELSEWHERE.test(name))) {
    return { path: name === '' ? undefined : name, directory: 'unknown' };
  }
  const steps = (absolute ? name : `${directory}/${name}`).split('/').filter((step) => step !== '' && step !== '.');
  const first = steps.findIndex((step) => step !== '..');
  const inside = first === -1 ? [] : steps.slice(first);
  // Windows takes `\` for `/`.
  const climbs = inside.some((step) => step.split('\\').includes('..'));
  return { path: `/${inside.join('/')}`, directory: climbs ? 'unknown' : 'known' };
}

/** The path in an argument. */
function nameIn(verb: string, argument: string | undefined): string | undefined {
  const target = fileCommand({ verb, argument })?.target;
  return target?.kind === 'path' ? target.path : argument;
}

/** `150 FILE: pppp` (RFC 1123 §4.1.2.9). */
function chosenName(preliminary: Reply | undefined): string | undefined {
  return /^FILE: (.+)$/i.exec(preliminary?.lines.at(-1) ?? '')?.[1];
}
