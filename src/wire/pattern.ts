/**
 * Patterns: texts with `*` (any characters) and `?` (one character). Pure.
 */

/** Whether a text is one that the pattern means; from the first to the last character. */
export type Pattern = (text: string) => boolean;

/** Compiles several patterns into one that any of them satisfies. Matching takes time in proportion to both lengths. */
export function anyOf(patterns: readonly string[]): Pattern {
  return (text) => patterns.some((pattern) => matches(pattern, text));
}

/** Greedy with one point to go back to, so that no pattern takes exponential time. */
function matches(pattern: string, text: string): boolean {
  let [at, place] = [0, 0];
  let star: { readonly at: number; place: number } | undefined;
  while (place < text.length) {
    if (pattern[at] === '*') {
      star = { at, place };
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[place])) {
      at += 1;
      place += 1;
    } else if (star !== undefined) {
      star.place += 1;
      at = star.at + 1;
      place = star.place;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/**
 * Whether every text that `inner` matches is matched by `outer`: `outer` is matched against the pattern `inner` itself, where
 * its `*` stands for a character that only a `*` takes, and its `?` for one that `?` or `*` takes.
 */
export function patternCovers(outer: string, inner: string): boolean {
  const known = new Map<number, boolean>();
  const width = inner.length + 1;
  const from = (i: number, j: number): boolean => {
    const key = i * width + j;
    const before = known.get(key);
    if (before !== undefined) return before;
    const result = step(i, j);
    known.set(key, result);
    return result;
  };
  const step = (i: number, j: number): boolean => {
    if (i === outer.length) return j === inner.length;
    if (outer[i] === '*') return from(i + 1, j) || (j < inner.length && from(i, j + 1));
    if (j === inner.length || inner[j] === '*') return false;
    return (outer[i] === '?' || outer[i] === inner[j]) && from(i + 1, j + 1);
  };
  return from(0, 0);
}
