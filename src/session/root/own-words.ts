/**
 * What a client is told where the words of a backend could tell of other places: the gateway's own, by verb and code. Numbers that clients
 * need are kept, and names that they have said themselves or need to know. Pure.
 */
import type { Command } from '../../wire/command.ts';
import { isPositive, isPreliminary, type Reply, reply } from '../../wire/reply.ts';
import { childOf, nameOf, parentOf, quotedPath, type VirtualRoot } from '../../wire/virtual-root.ts';
import { sizeInReply } from '../size-hints.ts';
import { exactName } from './file-pattern.ts';
import { entryFacts, type ListingView, listingLine } from './listing-lines.ts';

/** What an answer is about. */
export interface AnsweredPath {
  readonly root: VirtualRoot;
  /** Canonical, as the client sees it; undefined where the command has none. */
  readonly path: string | undefined;
  /** In which folder the client is. */
  readonly directory: string;
  /** The path is a file, or nothing: a folder, and what is in it, is not told of. */
  readonly isNoFolder: boolean;
}

type Words = (answer: Reply, about: AnsweredPath, command: Command) => Reply | undefined;

/** What some answers say that clients need; undefined where the backend did not say it. All else is in {@link DONE}. */
const TELLING: Readonly<Record<string, Words>> = {
  MKD: made,
  XMKD: made,
  SIZE: ({ code, lines }) => number(code, /^\s*(\d{1,20})\b/.exec(lines.at(-1) ?? '')?.[1]),
  // With a time in its argument it sets that, and need not tell any.
  MDTM: ({ code, lines }, _about, { argument = '' }) =>
    number(code, /^\s*(\d{14}(?:\.\d{1,9})?)\b/.exec(lines.at(-1) ?? '')?.[1]) ??
    (/^\d{14}(?:\.\d+)? /.test(argument) ? done(code, 'MDTM') : undefined),
  MFMT: ({ code }, { path }, { argument = '' }) => {
    const [, time] = /^(\d{14}(?:\.\d+)?) /.exec(argument) ?? [];
    return time === undefined || path === undefined ? undefined : reply(code, `Modify=${time}; ${path}`);
  },
  MLST: ({ code, lines }, { path }) => {
    const found = lines.slice(1, -1).map(entryFacts);
    const entry = found.find((each) => typeof each === 'object');
    if (entry === undefined || path === undefined) return undefined;
    return reply(code, 'Facts:', ` ${entry.facts} ${path}`, 'End.');
  },
  STAT: ({ code, lines }, { root, path, isNoFolder }) => {
    const matches = isNoFolder ? exactName(nameOf(path ?? '')) : undefined;
    const view: ListingView = { root, form: 'long', prefix: '', matches, skipsFolders: isNoFolder };
    const shown = lines.slice(1, -1).flatMap((line) => statusLine(line, view));
    return reply(code, 'Status:', ...shown, 'End of status.');
  },
  SYST: ({ code, lines }) => reply(code, /^Windows_NT\b/i.test(lines[0]) ? 'Windows_NT' : 'UNIX Type: L8'),
  REST: ({ code }, _about, { argument = '' }) => reply(code, `Restarting at ${argument}.`),
  OPTS: ({ code, lines }) => {
    const [, facts] = /^\s*MLST OPTS ?((?:[\w.]+;)*)\s*$/i.exec(lines[0]) ?? [];
    return reply(code, facts === undefined ? 'Done.' : `MLST OPTS ${knownFacts(facts)}`.trimEnd());
  },
};

/** By verb, where the answer is positive. */
const DONE: Readonly<Record<string, string>> = {
  CWD: 'Directory changed.',
  XCWD: 'Directory changed.',
  CDUP: 'Directory changed.',
  XCUP: 'Directory changed.',
  RMD: 'Directory removed.',
  XRMD: 'Directory removed.',
  DELE: 'Deleted.',
  RNFR: 'Ready for RNTO.',
  RNTO: 'Renamed.',
  TYPE: 'Type set.',
  NOOP: 'OK.',
  USER: 'Logged in.',
  PASS: 'Logged in.',
  ACCT: 'Logged in.',
  RETR: 'Transfer complete.',
  STOR: 'Transfer complete.',
  APPE: 'Transfer complete.',
  STOU: 'Transfer complete.',
  LIST: 'Listing complete.',
  NLST: 'Listing complete.',
  MLSD: 'Listing complete.',
};

/** By code, where it is not. */
const FAILED: Readonly<Record<number, string>> = {
  421: 'Service is not available, closing.',
  425: 'Cannot open a data connection.',
  426: 'Transfer aborted.',
  450: 'Not available now.',
  451: 'Failed, try again later.',
  452: 'No space left for it.',
  500: 'Unknown command.',
  501: 'Not understood.',
  502: 'Not available here.',
  503: 'Not in this order.',
  504: 'Not available in this form.',
  522: 'The data connection is not protected as it should be.',
  530: 'Not logged in.',
  532: 'An account is needed.',
  550: 'No such file or folder, or not permitted.',
  551: 'Not available in this form.',
  552: 'No space left for it.',
  553: 'This name is not allowed.',
};

const BY_CLASS: Readonly<Record<number, string>> = {
  1: 'Opening data connection.',
  2: 'Done.',
  3: 'More is needed.',
  4: 'Not possible now.',
  5: 'Not possible.',
};

/** Facts of MLSD and MLST (RFC 3659 §7.5), of Unix, and of others that servers have. */
const FACTS = /^(?:type|size|sizd|modify|create|perm|unique|lang|media-type|charset|(?:unix|win32|x)\.[a-z]+)$/i;
const FACTS_OF_OTHERS =
  /^(?:unix\.(?:mode|owner|group|uid|gid|ownername|groupname|atime|ctime)|win32\.ea|x\.(?:hidden|size|mode))$/i;

/** The answer of a backend in words of the gateway. */
export function inOwnWords(command: Command, answer: Reply, about: AnsweredPath): Reply {
  const { code } = answer;
  if (isPreliminary(answer)) return beginning(command, answer, about);
  if (!isPositive(answer)) return code < 400 ? done(code, command.verb) : refusal(code);
  if (command.verb === 'STOU') return reply(code, named(command, answer, about) ?? DONE['STOU'] ?? '');
  const telling = TELLING[command.verb];
  if (telling === undefined) return done(code, command.verb);
  // An answer without what it is for is none.
  return telling(answer, about, command) ?? refusal(550);
}

/** A refusal in words of the gateway. */
export function refusal(code: number): Reply {
  return reply(code, FAILED[code] ?? BY_CLASS[Math.floor(code / 100)] ?? '');
}

/** Of the features of a backend only their names, and the facts of MLST. */
export function featureInOwnWords<F extends { readonly name: string; readonly parameters: string | undefined }>(
  feature: F,
): F {
  const { name, parameters = '' } = feature;
  if (name === 'MLST') return { ...feature, parameters: knownFacts(parameters) };
  return { ...feature, parameters: name === 'REST' && parameters === 'STREAM' ? parameters : undefined };
}

function done(code: number, verb: string): Reply {
  return reply(code, DONE[verb] ?? BY_CLASS[Math.floor(code / 100)] ?? '');
}

function number(code: number, found: string | undefined): Reply | undefined {
  return found === undefined ? undefined : reply(code, found);
}

function made({ code }: Reply, { path }: AnsweredPath): Reply | undefined {
  return path === undefined ? undefined : reply(code, `${quotedPath(path)} created.`);
}

/** 1yz. Clients read the size of a file there, and the name of STOU. */
function beginning(command: Command, answer: Reply, about: AnsweredPath): Reply {
  const size = sizeInReply(answer);
  if (command.verb === 'STOU') return reply(answer.code, named(command, answer, about) ?? BY_CLASS[1] ?? '');
  return reply(answer.code, size === undefined ? (BY_CLASS[1] ?? '') : `Opening data connection (${size} bytes).`);
}

/**
 * `FILE: pppp` (RFC 1123 §4.1.2.9), as the client can use it. quirk: wu-ftpd and others tell the name behind the data, in words; Pure-FTPd
 * 1.0.50 in the first of several lines.
 */
function named({ argument }: Command, { lines }: Reply, { root, path, directory }: AnsweredPath): string | undefined {
  const [name] = lines.flatMap((line) => {
    const [, told] = /\bFILE: ?(.+)$/is.exec(line) ?? /\(unique file name: ?([^)]+)\)/i.exec(line) ?? [];
    return told ?? [];
  });
  if (name === undefined) return undefined;
  if (name.startsWith('/')) {
    const known = root.virtualPath(name);
    return known === undefined ? undefined : `FILE: ${shownFrom(directory, known)}`;
  }
  if (/[/\\]/.test(name)) return undefined;
  const folder = argument === undefined || path === undefined ? directory : folderOfChosen(argument, path);
  return `FILE: ${shownFrom(directory, childOf(folder, name))}`;
}

/** In which folder the backend chooses a name, where STOU has a path. */
export function folderOfChosen(argument: string, path: string): string {
  return argument.endsWith('/') ? path : parentOf(path);
}

/** The name alone where it is in the client's own folder. */
function shownFrom(directory: string, path: string): string {
  return parentOf(path) === directory ? nameOf(path) : path;
}

/** One line of `STAT path`; only entries, since all else is in the words of the backend. */
function statusLine(line: string, view: ListingView): string[] {
  const bare = line.replace(/^(?:\d{3}-)? ?/, '');
  if (!/^(?:[-a-zA-Z?][-rwxsStTlL]{9}|\d{1,4}[-/.]\d\d[-/.]\d{1,4} )/.test(bare)) return [];
  const shown = listingLine(bare, view);
  return shown === undefined ? [] : [` ${shown}`];
}

function knownFacts(facts: string): string {
  const isKnown = (fact: string) => {
    const name = fact.replace(/\*$/, '');
    return FACTS.test(name) && (!name.includes('.') || FACTS_OF_OTHERS.test(name));
  };
  return facts
    .split(';')
    .filter((fact) => isKnown(fact))
    .map((fact) => `${fact};`)
    .join('');
}
