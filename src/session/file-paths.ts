/**
 * What one command touches, in the folder where the client is: the place for rules, and the path to send. Pure.
 */
import type { Subject } from '../access/rules.ts';
import type { FileCommand, Target } from '../wire/file-commands.ts';
import { type CanonicalPath, canonicalPath, isPlainName, type PathStyle } from '../wire/path.ts';
import { anyNameIn, placeOfPath, placeOfWildcard, withAllBelow } from '../wire/place.ts';

/** The subject of a command, and the path that stands for the client's own words. */
export interface Resolved {
  readonly subject: Subject;
  /** Undefined where there is none, or none that is clear. */
  readonly path: string | undefined;
}

/** `folder`: where the client is, canonical; undefined where that is not known. */
export function resolve({ target }: FileCommand, folder: string | undefined, style: PathStyle): Resolved {
  switch (target.kind) {
    case 'nothing':
      return { subject: { kind: 'nothing' }, path: undefined };
    case 'unclear':
      return { subject: { kind: 'unclear', problem: 'form' }, path: undefined };
    case 'chosen': {
      if (folder === undefined) return { subject: { kind: 'unclear', problem: 'directory-unknown' }, path: undefined };
      return { subject: { kind: 'place', place: anyNameIn(placeOfPath(folder, style)) }, path: undefined };
    }
    case 'path':
      return resolvePath(target, folder, style);
  }
}

function resolvePath(target: Target & { kind: 'path' }, folder: string | undefined, style: PathStyle): Resolved {
  const { path, problem } =
    target.extent === 'matching' ? wildcard(target.path, folder, style) : canonicalPath(folder, target.path, style);
  if (problem !== undefined) return { subject: { kind: 'unclear', problem }, path: undefined };
  // The folder itself, and names that every server reads alike, go as they are: replies repeat them.
  const plain = target.path === '' || isPlainName(target.path, style);
  return { subject: { kind: 'place', place: placeOf(path, target.extent, style) }, path: plain ? target.path : path };
}

/** A command in the way in which some server reads it. */
export interface Reading {
  readonly command: FileCommand;
  readonly subject: Subject;
}

/** What else servers take a command for; rules must let all of it through. `path`: as {@link resolve} has it. */
export function otherReadings(
  file: FileCommand,
  path: string | undefined,
  folder: string | undefined,
  style: PathStyle,
): readonly Reading[] {
  const { name, target } = file;
  const read = (command: FileCommand): Reading => ({ command, subject: resolve(command, folder, style).subject });
  const apart = wordsApart(file, path).map(read);
  if (target.kind !== 'path') return apart;
  // Servers that set no times so look for a file of the whole name.
  if (name === 'MDTM' && target.before !== '') {
    const whole: Target = { ...target, before: '', path: target.before + target.path };
    return [read({ ...file, classes: ['list', 'read'], target: whole })];
  }
  // quirk: ProFTPD and Pure-FTPd do not heed the path of STOU; vsftpd and pyftpdlib make a name beside it.
  if (name === 'STOU') {
    const { subject } = resolve(file, folder, style);
    const beside = subject.kind === 'place' ? { ...subject, place: anyNameIn(subject.place.slice(0, -1)) } : subject;
    return [{ command: file, subject: beside }, read({ ...file, target: { kind: 'chosen' } })];
  }
  return apart;
}

/**
 * What the words of a path would be, each for itself, to a server that takes them for several: those that hand listings to `ls` do so, and
 * some with SITE. Empty where no server does.
 */
function wordsApart(file: FileCommand, path: string | undefined): readonly FileCommand[] {
  const { name, target } = file;
  if (path?.includes(' ') !== true || target.kind !== 'path' || !SPLIT.test(name)) return [];
  const words = path.split(' ').filter((word) => word !== '');
  if (words.length > MOST_WORDS) return [{ ...file, target: { kind: 'unclear' } }];
  return words.map((word) => {
    if (word.startsWith('-')) return { ...file, target: { kind: 'unclear' } };
    const single = target.extent === 'below' ? 'below' : 'itself';
    return { ...file, target: { ...target, path: word, extent: WILDCARD.test(word) ? 'matching' : single } };
  });
}

/** Each costs a look at every rule. */
const MOST_WORDS = 32;
/** No file system has longer names. Without bounds one command could cost a second with many rules. */
const LONGEST_PATTERN = 256;
const MOST_STARS = 8;
const SPLIT = /^(?:LIST|NLST|STAT|SITE .*)$/;
const WILDCARD = /[*?[]/;

function placeOf(path: string, extent: 'itself' | 'below' | 'matching', style: PathStyle) {
  if (extent === 'matching') return placeOfWildcard(path, style);
  const place = placeOfPath(path, style);
  return extent === 'below' ? withAllBelow(place) : place;
}

/** Only names behind the first pattern are left as they are: `..` behind it would lead anywhere. */
function wildcard(given: string, folder: string | undefined, style: PathStyle): CanonicalPath {
  const steps = given.split('/');
  const first = steps.findIndex((step) => /[*?[{]/.test(step));
  const behind = steps.slice(first).filter((step) => step !== '');
  if (behind.includes('..') || behind.includes('.')) return { problem: 'wildcard' };
  const stars = behind.join('').split(/[*[]/).length - 1;
  if (stars > MOST_STARS || behind.some((step) => step.length > LONGEST_PATTERN)) return { problem: 'wildcard' };
  const before = steps.slice(0, first).join('/');
  const fixed = canonicalPath(folder, first > 0 && before === '' ? '/' : before, style);
  if (fixed.path === undefined) return fixed;
  const path = `${fixed.path === '/' ? '' : fixed.path}/${behind.join('/')}`;
  // Whatever is wrong with a name is wrong with a pattern of names.
  const { problem } = canonicalPath(undefined, path.replace(/[*?]/g, 'x'), style);
  return problem === undefined ? { path } : { problem };
}
