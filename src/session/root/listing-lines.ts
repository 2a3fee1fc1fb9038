/**
 * Lines of listings as a client may see them who takes a folder for `/`: without the targets of links that lead out, without the folder
 * above, and without paths that only the backend knows. Pure. Latin-1, without line ends.
 */
import type { VirtualRoot } from '../../wire/virtual-root.ts';
import type { NameTest } from './file-pattern.ts';

/** What the lines of a listing are: those of LIST, of MLSD (RFC 3659 §7), or of NLST. */
export type ListingForm = 'long' | 'facts' | 'names';

export interface ListingView {
  readonly root: VirtualRoot;
  readonly form: ListingForm;
  /** Goes before each name of `names`: the client asked for another folder than its own, and wants names that it can use. */
  readonly prefix: string;
  /** Which entries were asked for; undefined for all. */
  readonly matches: NameTest | undefined;
  /** Without folders: what was asked for is none that can be entered. */
  readonly skipsFolders?: boolean;
}

/** As `ls -l` has it: type and permissions. */
const UNIX = /^([-a-zA-Z?])[-rwxsStTlLaA?]{9}\S*[ \t]/;
/** The name of a month in any language; never all digits, which are ids and sizes. */
const MONTH = String.raw`(?!\d+[ \t])\S{2,12}`;
const CLOCK = String.raw`\d{1,2}:\d\d(?::\d\d)?`;
const TIME = [
  String.raw`${MONTH}[ \t]+\d{1,2}[ \t]+(?:${CLOCK}|\d{4})`,
  String.raw`\d{1,2}[ \t]+${MONTH}[ \t]+(?:${CLOCK}|\d{4})`,
  String.raw`\d{4}-\d\d-\d\d[ \t]+${CLOCK}`,
].join('|');
/**
 * Everything up to the name: permissions, one to seven fields, the size, the time; behind that exactly one blank. Without a size before it an
 * owner, a group in numbers and a size would be a time as well.
 */
const BEFORE_UNIX_NAME = new RegExp(
  String.raw`^\S{10,}[ \t]+(?:\S+[ \t]+){1,7}?\d[\d.,]*[KMGTP]?[ \t]+(?:${TIME})[ \t]`,
);
const DOS = /^(\d{1,4}[-/.]\d\d[-/.]\d{1,4}[ \t]+\d{1,2}:\d\d(?:[ \t]?[AP]M)?[ \t]+(?:<[A-Z]+>|[\d.,]+)[ \t]+)(.*)$/is;
/** quirk: Windows writes the target of a link behind its name, as in `[\??\C:\other]`. */
const DOS_TARGET = /[ \t]\[[^[\]]*\]$/;
const FACTS = /^((?:[A-Za-z][\w.-]*=[^;]*;)+) (.*)$/s;
/** Headings of the folders of a recursive listing. */
const HEADING = /^(.+):$/s;
const HARMLESS = /^(?:total[ \t]+\d+)?[ \t]*$/i;
/** Easily Parsed LIST Format (cr.yp.to): facts, a tab and the name. */
const EPLF = /^\+([^\t]*)\t(.*)$/s;
/** A path within a text: a slash with a name behind it. */
const PATH_WITHIN = /[/\\][^ \t/\\]/;
const ARROW = ' -> ';

/** The line for the client; undefined where it is left out. What is not recognised, and has no path in it, stays as it is. */
export function listingLine(line: string, view: ListingView): string | undefined {
  switch (view.form) {
    case 'long':
      return longLine(line, view);
    case 'facts':
      return factsLine(line, view);
    case 'names':
      return nameLine(line, view);
  }
}

function longLine(line: string, view: ListingView): string | undefined {
  const [, type] = UNIX.exec(line) ?? [];
  if (type !== undefined) return unixLine(line, type, view);
  const [, before, name] = DOS.exec(line) ?? partsOfEplf(line);
  if (before !== undefined && name !== undefined) {
    const bare = name.replace(DOS_TARGET, '');
    if (view.skipsFolders === true && /<DIR>/i.test(before)) return undefined;
    return entry(before, /<(?:JUNCTION|SYMLINKD?)>/i.test(before) ? bare : name, '', view);
  }
  if (view.matches !== undefined) return undefined;
  if (HARMLESS.test(line)) return line;
  const [, heading] = HEADING.exec(line) ?? [];
  if (heading?.startsWith('/')) {
    const known = view.root.virtualPath(heading);
    return known && `${known}:`;
  }
  if (heading !== undefined && !climbs(heading)) return line;
  return PATH_WITHIN.test(line) ? undefined : line;
}

function partsOfEplf(line: string): readonly (string | undefined)[] {
  const [, facts, name] = EPLF.exec(line) ?? [];
  return facts === undefined ? [] : [line, `+${facts}\t`, name];
}

function unixLine(line: string, type: string, view: ListingView): string | undefined {
  if (view.skipsFolders === true && type === 'd') return undefined;
  const [before] = BEFORE_UNIX_NAME.exec(line) ?? [];
  // A time of another kind: nobody can tell where the name begins.
  const start = before ?? '';
  const rest = line.slice(start.length);
  // No name has a slash in it: behind an arrow that is a target, whatever the type says.
  const first = rest.indexOf(ARROW);
  const arrow = type === 'l' || PATH_WITHIN.test(rest.slice(first)) ? first : -1;
  const name = arrow === -1 ? rest : rest.slice(0, arrow);
  const target = arrow === -1 ? '' : shownTarget(rest.slice(arrow + ARROW.length), view.root);
  if (before !== undefined) return entry(before, name, target, view);
  const above = type === 'd' && /[ \t]\.\.\/?$/.test(name);
  if (above || view.matches !== undefined || PATH_WITHIN.test(name)) return undefined;
  return name + target;
}

/** ` -> target` where that is surely inside of the root; else nothing. */
function shownTarget(target: string, root: VirtualRoot): string {
  // Where the name of the link has an arrow in it, nobody can tell the two apart.
  if (` ${target}`.includes(ARROW)) return '';
  if (target.startsWith('/')) {
    const known = root.virtualPath(target.replace(/(?<=.)\/+$/, ''));
    return known === undefined ? '' : ARROW + known;
  }
  return climbs(target) || /^(?:~|[A-Za-z]:)|\\/.test(target) ? '' : ARROW + target;
}

/** Whether a line of LIST tells that this name is a link. */
export function isLinkLine(line: string, name: string): boolean {
  const [, type] = UNIX.exec(line) ?? [];
  if (type === undefined) return /<(?:JUNCTION|SYMLINKD?)>/i.test(line);
  if (type !== 'l') return false;
  const parts = line.split(ARROW);
  // A name can have arrows in it; the target stands behind the last.
  const named = parts.slice(0, name.split(ARROW).length).join(ARROW);
  return named.endsWith(` ${name}`) || named.endsWith(`/${name}`);
}

/** One entry in long form; the folder above is none, and neither is what was not asked for. */
function entry(before: string, name: string, target: string, { root, matches }: ListingView): string | undefined {
  const shown = ownName(name, root);
  if (shown === undefined || matches?.(withoutMark(shown)) === false) return undefined;
  return before + shown + target;
}

/** A name as the client may see it: absolute ones in its view. Undefined for what is outside. */
function ownName(name: string, root: VirtualRoot): string | undefined {
  if (name.startsWith('/')) return root.virtualPath(name);
  return climbs(name) ? undefined : name;
}

/** Without what `-F` puts behind it. */
function withoutMark(name: string): string {
  return name.replace(/^.*\/(?=.)/s, '').replace(/(?<=.)\/$/, '');
}

function climbs(path: string): boolean {
  return path.split(/[/\\]/).includes('..');
}

function factsLine(line: string, view: ListingView): string | undefined {
  const shown = entryFacts(line);
  if (shown !== undefined) return shown === 'above' ? undefined : entry(`${shown.facts} `, shown.name, '', view);
  if (HARMLESS.test(line)) return line;
  return view.matches !== undefined || PATH_WITHIN.test(line) ? undefined : line;
}

/** The facts of an entry (RFC 3659 §7.2) without those that tell of other places; `above` for the folder above. */
export function entryFacts(line: string): { readonly facts: string; readonly name: string } | 'above' | undefined {
  const [, facts, name] = FACTS.exec(line.replace(/^ /, '')) ?? [];
  if (facts === undefined || name === undefined) return undefined;
  if (/(?:^|;)type=pdir;/i.test(facts)) return 'above';
  return { facts: facts.replace(/([^;=]+)=([^;]*);/g, shownFact), name };
}

/** quirk: ProFTPD and others write `type=OS.unix=slink:/target`. */
function shownFact(whole: string, key: string, value: string): string {
  const [, link] = /^(OS\.[\w-]+=[\w-]+:?)/i.exec(value) ?? [];
  if (key.toLowerCase() === 'type' && link !== undefined) return `${key}=${link};`;
  if (key.toLowerCase() === 'media-type' && /^[\w.+-]+\/[\w.+-]+$/.test(value)) return whole;
  return /[/\\]/.test(value) ? '' : whole;
}

function nameLine(line: string, { root, prefix, matches }: ListingView): string | undefined {
  if (line.startsWith('/')) {
    const known = root.virtualPath(line);
    return known !== undefined && matches?.(withoutMark(known)) !== false ? known : undefined;
  }
  // More than one step is no name in the folder, but the words of a program.
  if (climbs(line) || PATH_WITHIN.test(line) || matches?.(withoutMark(line)) === false) return undefined;
  return line === '' ? line : prefix + line;
}
