/**
 * Which file a path of FTP means: absolute, with `.`, `..` and `//` worked out; and paths as they are compared. Pure. Latin-1, one
 * character for each byte. What a server might read in another way has no canonical form, and is told apart by why.
 */

/** How the server of a backend reads paths. */
export interface PathStyle {
  /** `windows`: `\` separates as well, and names have the rules of Windows. `other`: no path has a canonical form (MVS, VMS). */
  readonly style: 'posix' | 'windows' | 'other';
  /** Whether case does not count. With `windows` it never does. */
  readonly caseInsensitive: boolean;
  /** With `posix`: a `\` has no canonical form, or is a character like others. */
  readonly backslash: 'refuse' | 'character';
}

/** What most servers do. */
export const POSIX_PATHS: PathStyle = { style: 'posix', caseInsensitive: false, backslash: 'refuse' };

/** Why a path has no canonical form. */
export type PathProblem =
  | 'other-style'
  | 'directory-unknown'
  | 'too-long'
  | 'control-character'
  | 'overlong-utf8'
  | 'trailing-blank'
  | 'backslash'
  | 'windows-name'
  | 'wildcard';

/** A path that begins with `/` and has neither `.`, `..`, `//` nor a slash at its end; or why there is none. */
export type CanonicalPath =
  | { readonly path: string; readonly problem?: undefined }
  | { readonly path?: undefined; readonly problem: PathProblem };

/** Bytes of a canonical path, and of an argument; what Linux takes (`PATH_MAX`). */
const LONGEST_PATH = 4096;
/** IAC as well (RFC 854): quirk: ProFTPD 1.3.8 takes one of two out of a name, others do not. */
const CONTROL = /[\0-\x1f\x7f\xff]/;
/** UTF-8 that is longer than it need be (RFC 3629 §3): lenient readers see `/` or `.` in it. */
const OVERLONG =
  /[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}|[\xf8-\xfd][\x80-\xbf]/;
/** Streams, drives and the wildcards of Windows, `<>"` among them. */
const NOT_IN_WINDOWS_NAMES = /[<>:"|?*]/;
/** `CON`, `nul.txt`, `COM¹`: devices in every folder. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])[ ]*(?:\..*)?$/i;
/** `PROGRA~1`: the second name of another file. */
const SHORT_NAME = /~\d/;
/** What Windows may turn into `.`, `/` or `\` on the way to its own character sets. */
const LOOKALIKE = /[\u2024\u2044\u2215\u2216\u29f5\u29f8\uff0e\uff0f\uff3c]/;

/**
 * The path that `argument` means in a folder. `directory` is canonical, and undefined where the folder is not known: then only
 * absolute paths have one. An empty argument means the folder itself. Done twice, it changes nothing.
 */
export function canonicalPath(directory: string | undefined, argument: string, style: PathStyle): CanonicalPath {
  const problem = unreadable(argument, style);
  if (problem !== undefined) return { problem };
  const text = style.style === 'windows' ? argument.replaceAll('\\', '/') : argument;
  const absolute = text.startsWith('/');
  if (!absolute && directory === undefined) return { problem: 'directory-unknown' };
  const steps: string[] = [];
  for (const step of (absolute ? text : `${directory}/${text}`).split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  const path = `/${steps.join('/')}`;
  if (path.length > LONGEST_PATH) return { problem: 'too-long' };
  // Servers take blanks off the end of a line, and then mean another file.
  return argument.endsWith(' ') || path.endsWith(' ') ? { problem: 'trailing-blank' } : { path };
}

function unreadable(argument: string, { style, backslash }: PathStyle): PathProblem | undefined {
  if (style === 'other') return 'other-style';
  if (argument.length > LONGEST_PATH) return 'too-long';
  if (CONTROL.test(argument)) return 'control-character';
  if (OVERLONG.test(argument)) return 'overlong-utf8';
  if (style === 'windows') return unreadableInWindows(argument);
  return backslash === 'refuse' && argument.includes('\\') ? 'backslash' : undefined;
}

function unreadableInWindows(argument: string): PathProblem | undefined {
  return argument.split(/[/\\]/).some(isOtherwiseInWindows) ? 'windows-name' : undefined;
}

/** Names that Windows reads as another one: with dots or blanks at the end, with a stream, a device, a short name. */
function isOtherwiseInWindows(step: string): boolean {
  if (step === '.' || step === '..') return false;
  const name = textOf(step);
  const shortened = /[. ]$/.test(step) || SHORT_NAME.test(step);
  return shortened || NOT_IN_WINDOWS_NAMES.test(step) || DEVICE.test(name) || LOOKALIKE.test(name);
}

/**
 * Whether every server reads these words as the canonical path in its own folder: relative, without steps to be worked out, and
 * beginning with nothing that some read as an option, a home or a quotation. Everything else is sent in canonical form.
 */
export function isPlainName(argument: string, { style }: PathStyle): boolean {
  if (argument === '' || /^[-~'"`|/ ]|^[A-Za-z]:/.test(argument)) return false;
  return !/(?:^|\/)\.{1,2}(?:\/|$)|\/\//.test(argument) && !(style === 'windows' && argument.includes('\\'));
}

/** The path as it is compared with others: as text, composed (NFC), without case where that does not count. Never to be sent. */
export function comparablePath(path: string, { style, caseInsensitive }: PathStyle): string {
  const text = textOf(path).normalize('NFC');
  return style === 'windows' || caseInsensitive ? withoutCase(text) : text;
}

/** A text of a person as {@link comparablePath} has it. */
export function comparableText(text: string, { style, caseInsensitive }: PathStyle): string {
  const composed = text.normalize('NFC');
  return style === 'windows' || caseInsensitive ? withoutCase(composed) : composed;
}

/** Both ways, so that `ſ` is `s` and the Kelvin sign is `k`. */
function withoutCase(text: string): string {
  return text.toUpperCase().toLowerCase().normalize('NFC');
}

/** A well-formed UTF-8 sequence of two to four bytes (RFC 3629 §4). */
const SEQUENCE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/g;

/** Bytes as text: UTF-8 where they are that, and Latin-1 where not, so that a name is the same in both. */
function textOf(bytes: string): string {
  return bytes.replace(SEQUENCE, (found) => Buffer.from(found, 'latin1').toString('utf8'));
}
