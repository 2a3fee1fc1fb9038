/**
 * Names with `*`, `?` and `[…]`, as shells and FTP servers read them. Pure. Latin-1, one character for each byte.
 */

/** Whether a name in a listing is meant. */
export type NameTest = (name: string) => boolean;

/** What makes a name a pattern; with braces some servers do the same. */
const WILD = /[*?[{]/;
/** In bytes; no file system has longer names. */
const LONGEST_PATTERN = 256;
const MOST_STARS = 8;
const BYTES = 256;

/** For each place in a run whether a byte may stand there: rows of {@link BYTES}. */
type Run = Uint8Array;

/** Whether a server may take this for more than one name. */
export function isPattern(name: string): boolean {
  return WILD.test(name);
}

/** The one name. */
export function exactName(wanted: string): NameTest {
  return (name) => name === wanted;
}

/**
 * The names that a pattern means, and the name that it is itself. Names that begin with a dot are meant by patterns that do so. Undefined
 * where it has more than 256 bytes or 8 stars; so one name costs no more than some 16,000 looks into a table.
 */
export function nameTest(pattern: string): NameTest | undefined {
  const pieces = pattern.split(/\*+/);
  if (pattern.length > LONGEST_PATTERN || pieces.length > MOST_STARS + 1) return undefined;
  const dotted = pattern.startsWith('.');
  const runs = pieces.map(runOf);
  return (name) => name === pattern || (name.startsWith('.') === dotted && matches(runs, name));
}

/** What stands between two stars. */
function runOf(piece: string): Run {
  const rows = Array.from(piece.matchAll(/\?|\[([!^]?)([^\]]+)\]|./gs), ([text, not = '', inside]) =>
    Uint8Array.from({ length: BYTES }, (_, code) => {
      if (text === '?') return 1;
      const character = String.fromCharCode(code);
      if (inside === undefined) return Number(character === text);
      return Number(isAmong(character, inside) === (not === ''));
    }),
  );
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

/** As in `a-z_`. */
function isAmong(character: string, set: string): boolean {
  for (let at = 0; at < set.length; at += 1) {
    const [first = '', dash, last = ''] = set.slice(at, at + 3);
    if (dash === '-' && last !== '') {
      if (first <= character && character <= last) return true;
      at += 2;
    } else if (first === character) {
      return true;
    }
  }
  return false;
}

/** The first run stands at the beginning, the last at the end, and each between them at the first place where it fits. */
function matches(runs: readonly Run[], name: string): boolean {
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined || !fits(first, name, 0)) return false;
  if (runs.length === 1) return lengthOf(first) === name.length;
  const end = name.length - lengthOf(last);
  let place = lengthOf(first);
  for (const run of runs.slice(1, -1)) {
    while (place + lengthOf(run) <= end && !fits(run, name, place)) place += 1;
    if (place + lengthOf(run) > end) return false;
    place += lengthOf(run);
  }
  return place <= end && fits(last, name, end);
}

function lengthOf(run: Run): number {
  return run.length / BYTES;
}

function fits(run: Run, name: string, place: number): boolean {
  const length = lengthOf(run);
  if (place + length > name.length) return false;
  for (let at = 0; at < length; at += 1) {
    if (run[at * BYTES + name.charCodeAt(place + at)] !== 1) return false;
  }
  return true;
}
