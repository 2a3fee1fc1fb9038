/**
 * What commands do to files, and where in their argument the path is. The one source for rules, audit and the command table. Pure:
 * works out no path and knows no session.
 */
import type { Command } from './command.ts';

/** The classes of commands, as rules name them. */
export const COMMAND_CLASSES = [
  'read',
  'list',
  'write',
  'delete',
  'rename',
  'directories',
  'attributes',
  'site',
] as const;

export type CommandClass = (typeof COMMAND_CLASSES)[number];

/** Where a path stands in an argument, and what it means. */
export type PathForm =
  /** The whole argument; empty is the folder. */
  | 'whole'
  /** Behind options as `ls` has them; may be a pattern. */
  | 'listing'
  /** Behind a time, or the whole argument where it begins with none. */
  | 'time'
  /** The backend chooses a name in the folder, unless there is an argument. */
  | 'chosen'
  /** The parent of the folder. */
  | 'parent'
  /** Behind the words of SITE. */
  | 'site';

interface FileVerb {
  readonly verb: string;
  /** The first is what it does above all. None: it changes the folder. */
  readonly classes: readonly CommandClass[];
  readonly form: PathForm;
}

type Row = readonly [verbs: string, form: PathForm, ...classes: CommandClass[]];

/** RFC 959, RFC 775, RFC 3659, draft-somers-ftp-mfxx. SIZE and MDTM tell what whoever may read the file can find out anyway. */
const ROWS: readonly Row[] = [
  ['RETR', 'whole', 'read'],
  ['STOR APPE', 'whole', 'write'],
  ['STOU', 'chosen', 'write'],
  ['LIST NLST STAT', 'listing', 'list'],
  ['MLST MLSD', 'whole', 'list'],
  ['SIZE', 'whole', 'list', 'read'],
  ['MDTM', 'time', 'list', 'read'],
  ['MFMT', 'time', 'attributes'],
  ['DELE', 'whole', 'delete'],
  ['RNFR RNTO', 'whole', 'rename'],
  ['MKD RMD XMKD XRMD', 'whole', 'directories'],
  ['CWD XCWD', 'whole'],
  ['CDUP XCUP', 'parent'],
  ['SITE', 'site', 'site'],
];

/** Every verb that touches files, in upper case. */
export const FILE_VERBS: ReadonlyMap<string, FileVerb> = new Map(
  ROWS.flatMap(([verbs, form, ...classes]) => verbs.split(' ').map((verb) => [verb, { verb, classes, form }])),
);

/** How much is touched: what the path names; all below it as well; or everything that it matches as a pattern. */
export type Extent = 'itself' | 'below' | 'matching';

/** What a command touches. */
export type Target =
  /** No path: SITE UMASK. */
  | { readonly kind: 'nothing' }
  /** `before` and `after` are the rest of the argument. */
  | {
      readonly kind: 'path';
      readonly before: string;
      readonly path: string;
      readonly after: string;
      readonly extent: Extent;
    }
  /** A name in the folder that the backend chooses. */
  | { readonly kind: 'chosen' }
  /** There may be a path, and nobody can tell where. */
  | { readonly kind: 'unclear' };

/** One command, as rules see it. */
export interface FileCommand {
  /** The verb, or SITE with its first word. */
  readonly name: string;
  readonly classes: readonly CommandClass[];
  readonly target: Target;
  /** False for the words of SITE of which nobody knows here what they do. */
  readonly known: boolean;
}

/** What a command does to files; undefined where it does nothing to them. */
export function fileCommand({ verb, argument }: Command): FileCommand | undefined {
  const row = FILE_VERBS.get(verb);
  if (row === undefined) return undefined;
  const plain = { name: verb, classes: row.classes, known: true };
  switch (row.form) {
    case 'whole':
      return { ...plain, target: pathOf(argument ?? '') };
    case 'parent':
      return { ...plain, target: pathOf('..') };
    case 'chosen':
      return { ...plain, target: argument === undefined || argument === '' ? { kind: 'chosen' } : pathOf(argument) };
    case 'listing':
      // Without an argument STAT is about the session.
      if (verb === 'STAT' && argument === undefined) return undefined;
      return { ...plain, target: listed(argument ?? '') };
    case 'time':
      return timed(plain, argument ?? '');
    case 'site':
      return siteCommand(argument ?? '');
  }
}

function pathOf(path: string, before = '', after = '', extent: Extent = 'itself'): Target {
  return { kind: 'path', before, path, after, extent };
}

/** Words that begin with `-`, as `ls` takes them, each behind a blank. */
const OPTIONS = /^(?:-[A-Za-z\d]+(?: +|$))+/;
/** What servers take for a pattern, and what they take for the end of one. */
const WILDCARD = /[*?[{]/;

/** quirk: Pure-FTPd takes several words of options, ProFTPD takes the second for a name. They become one word. */
function listed(argument: string): Target {
  const [options = ''] = OPTIONS.exec(argument) ?? [];
  const path = argument.slice(options.length);
  // An option in long form, or a name that some take for one.
  if (path.startsWith('-')) return { kind: 'unclear' };
  const letters = options.replace(/[- ]/g, '');
  const before = options === '' ? '' : `-${letters}${path === '' ? '' : ' '}`;
  if (!WILDCARD.test(path)) {
    // Servers escape the characters of patterns with it: `\d` is `d`.
    if (path.includes('\\') && letters !== '') return { kind: 'unclear' };
    return pathOf(path, before, '', letters.includes('R') ? 'below' : 'itself');
  }
  const unclear = /[{\\]/.test(path) || letters.includes('R');
  return unclear ? { kind: 'unclear' } : pathOf(path, before, '', 'matching');
}

/** RFC 3659 §2.3. */
const TIME = /^(\d{14}(?:\.\d+)? )(.*)$/s;

/**
 * quirk: vsftpd 3.0.3: MDTM sets a time, as MFMT does, where the first word begins with a digit and has 8 or 14 bytes, or a point behind 14,
 * and no file has the whole for its name.
 */
const TAKEN_FOR_TIME = /^(\d(?:[^ ]{7}|[^ ]{13}|[^ ]{13}\.[^ ]*) )(.*)$/s;

function timed(plain: Omit<FileCommand, 'target'>, argument: string): FileCommand {
  const [, time, path = ''] = (plain.name === 'MFMT' ? TIME : TAKEN_FOR_TIME).exec(argument) ?? [];
  if (time !== undefined) return { ...plain, classes: ['attributes'], target: pathOf(path, time) };
  return { ...plain, target: plain.name === 'MFMT' ? { kind: 'unclear' } : pathOf(argument) };
}

/** MDTM of a name that begins with a digit, in words that no server takes for a time to be set; other commands as they are. */
export function asQuestion(command: Command): Command {
  const { verb, argument = '' } = command;
  if (verb !== 'MDTM' || !/^\d/.test(argument) || TIME.test(argument)) return command;
  return { verb, argument: `./${argument}` };
}

/** How the words behind a word of SITE are read. */
interface SiteWord {
  readonly classes: readonly CommandClass[];
  readonly target: (words: string) => Target;
}

const MODE = /^((?:[0-7]{3,4}|[ugoa]*[-+=][rwxst]*(?:,[ugoa]*[-+=][rwxst]*)*) )(.+)$/s;
const OWNER = /^([^- ][^ ]* )(.+)$/s;
/** `SITE UTIME 20301231235959 x`, and `SITE UTIME x 20301231235959 20301231235959 20301231235959 UTC`. */
const TIME_FIRST = /^(\d{12}(?:\d\d)? )(.+)$/s;
const TIMES_LAST = /^(.+?)((?: \d{14}){3} UTC)$/s;

/** Those that are let through where rules hold; all others would need a rule that names them. */
const SITE_WORDS: Readonly<Record<string, SiteWord>> = {
  CHMOD: { classes: ['attributes', 'site'], target: (words) => behind(MODE, words) },
  CHGRP: { classes: ['attributes', 'site'], target: (words) => behind(OWNER, words) },
  CHOWN: { classes: ['attributes', 'site'], target: (words) => behind(OWNER, words) },
  UTIME: { classes: ['attributes', 'site'], target: utimePath },
  UMASK: { classes: ['attributes', 'site'], target: () => ({ kind: 'nothing' }) },
  MKDIR: { classes: ['directories', 'site'], target: given },
  RMDIR: { classes: ['directories', 'site'], target: given },
  // A folder is copied with all that is in it.
  CPFR: { classes: ['read', 'site'], target: (words) => given(words, 'below') },
  CPTO: { classes: ['write', 'site'], target: given },
};

/** The words of SITE that need no rule of their own. */
export const SITE_COMMANDS: readonly string[] = Object.keys(SITE_WORDS);

function siteCommand(argument: string): FileCommand {
  const [, found = '', words = ''] = /^([A-Za-z]+)(?: (.*))?$/s.exec(argument) ?? [];
  const word = found.toUpperCase();
  const known = Object.hasOwn(SITE_WORDS, word) ? SITE_WORDS[word] : undefined;
  if (known === undefined)
    return { name: `SITE ${word}`, classes: ['site'], target: { kind: 'nothing' }, known: false };
  return { name: `SITE ${word}`, classes: known.classes, target: known.target(words), known: true };
}

function behind(form: RegExp, words: string): Target {
  const [, before, path] = form.exec(words) ?? [];
  return before === undefined || path === undefined ? { kind: 'unclear' } : pathOf(path, before);
}

function given(words: string, extent: Extent = 'itself'): Target {
  return words === '' ? { kind: 'unclear' } : pathOf(words, '', '', extent);
}

function utimePath(words: string): Target {
  const last = TIMES_LAST.exec(words);
  const first = TIME_FIRST.exec(words);
  if (last !== null && first !== null) return { kind: 'unclear' };
  if (last !== null) return pathOf(last[1] ?? '', '', last[2]);
  return first === null ? { kind: 'unclear' } : pathOf(first[2] ?? '', first[1]);
}

/** The command with another path in it. CDUP becomes a CWD, since who stands in a link may climb to somewhere else. */
export function withPath(command: Command, { name, target }: FileCommand, path: string): Command {
  if (target.kind !== 'path') return command;
  if (FILE_VERBS.get(command.verb)?.form === 'parent') return { verb: 'CWD', argument: path };
  if (command.argument === undefined && path === '') return command;
  const word = name.startsWith('SITE ') ? `${name.slice('SITE '.length)} ` : '';
  return { verb: command.verb, argument: `${word}${target.before}${path}${target.after}` };
}
