/**
 * Places in a tree of files, step by step: one path, or all that a pattern means. Whether one place lies in another, whether two have
 * something in common, how far a path has led into a pattern. Pure. What is hard to tell counts as not inside.
 */
import { comparablePath, comparableText, type PathStyle } from './path.ts';
import { anyOf, compare, patternCovers } from './pattern.ts';

/** One name, a pattern for one (`*`, `?`), or any number of names, also none (`**`). */
type Step = { readonly kind: 'name' | 'pattern'; readonly text: string } | { readonly kind: 'any' };

/** From the root on. */
export type Place = readonly Step[];

const ANY: Step = { kind: 'any' };

/** What an operator's pattern means, as in `/in/**`: the folder and everything in it. */
export function placeOfPattern(pattern: string, style: PathStyle): Place {
  return stepsOf(comparableText(pattern, style)).map((text) =>
    text === '**' ? ANY : { kind: /[*?]/.test(text) ? 'pattern' : 'name', text },
  );
}

/** One canonical path. */
export function placeOfPath(path: string, style: PathStyle): Place {
  return stepsOf(comparablePath(path, style)).map((text) => ({ kind: 'name', text }));
}

/**
 * Everything that a pattern of a client may mean. Behind `[` no more is known of a name than its beginning; in Windows nothing is, since
 * patterns match second names, too.
 */
export function placeOfWildcard(path: string, style: PathStyle): Place {
  const widened = (text: string) =>
    style.style === 'windows' && /[*?[]/.test(text) ? '*' : text.replace(/\[.*$/s, '*');
  return stepsOf(comparablePath(path, style)).map((text) => ({
    kind: /[*?[]/.test(text) ? 'pattern' : 'name',
    text: widened(text),
  }));
}

/** Any one name in a folder. */
export function anyNameIn(folder: Place): Place {
  return [...folder, { kind: 'pattern', text: '*' }];
}

/** The place and everything below. */
export function withAllBelow(place: Place): Place {
  return [...place, ANY];
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '');
}

/** Whether everything of `inner` lies in `outer`. */
export function contains(outer: Place, inner: Place): boolean {
  return compare(outer, inner, (i, j, go) => {
    const [step, other] = [outer[i], inner[j]];
    if (step === undefined) return other === undefined;
    if (step.kind === 'any') return go(i + 1, j) || (other !== undefined && go(i, j + 1));
    return other !== undefined && go(i + 1, j + 1) && stepContains(step, other);
  });
}

/** Whether some path lies in both. */
export function meet(one: Place, two: Place): boolean {
  return compare(one, two, (i, j, go) => {
    const [step, other] = [one[i], two[j]];
    if (step?.kind === 'any') return go(i + 1, j) || (other !== undefined && go(i, j + 1));
    if (other?.kind === 'any') return go(i, j + 1) || (step !== undefined && go(i + 1, j));
    if (step === undefined || other === undefined) return step === other;
    return go(i + 1, j + 1) && stepsMeet(step, other);
  });
}

/** Where in a pattern a path has led to: numbers of steps. Empty where nothing of the pattern lies at the path or below it. */
export function positions(pattern: Place, path: Place): ReadonlySet<number> {
  let reached = closure(pattern, new Set([0]));
  for (const step of path) {
    const next = new Set<number>();
    for (const at of reached) {
      const here = pattern[at];
      if (here === undefined) continue;
      if (here.kind === 'any') next.add(at);
      else if (stepContains(here, step)) next.add(at + 1);
    }
    reached = closure(pattern, next);
  }
  return reached;
}

/** `**` stands for no name as well. */
function closure(pattern: Place, reached: Set<number>): Set<number> {
  for (const at of reached) if (pattern[at]?.kind === 'any') reached.add(at + 1);
  return reached;
}

function stepContains(outer: Step, inner: Step): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'any') return false;
  if (outer.kind === 'name') return inner.kind === 'name' && inner.text === outer.text;
  if (inner.kind === 'name') return anyOf([outer.text])(inner.text);
  return patternCovers(outer.text, inner.text);
}

function stepsMeet(one: Step, two: Step): boolean {
  if (one.kind === 'any' || two.kind === 'any') return true;
  if (one.kind === 'name') return stepContains(two, one);
  if (two.kind === 'name') return stepContains(one, two);
  const [a, b] = [one.text, two.text];
  return compare(a, b, (i, j, go) => {
    if (a[i] === '*') return go(i + 1, j) || (j < b.length && go(i, j + 1));
    if (b[j] === '*') return go(i, j + 1) || (i < a.length && go(i + 1, j));
    if (i === a.length || j === b.length) return i === a.length && j === b.length;
    return (a[i] === '?' || b[j] === '?' || a[i] === b[j]) && go(i + 1, j + 1);
  });
}
