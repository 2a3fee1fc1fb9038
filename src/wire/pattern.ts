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
  return compare(outer, inner, (i, j, from) => {
    if (i === outer.length) return j === inner.length;
    if (outer[i] === '*') return from(i + 1, j) || (j < inner.length && from(i, j + 1));
    if (j === inner.length || inner[j] === '*') return false;
    return (outer[i] === '?' || outer[i] === inner[j]) && from(i + 1, j + 1);
  });
}

/**
 * Walks along two things at once, from their ends to their beginnings, and looks at each pair of places once. `step` says whether what is from
 * a pair on fits, and may ask that of the pairs right behind it: `(i + 1, j)`, `(i, j + 1)` and `(i + 1, j + 1)`.
 */
export function compare(
  one: { readonly length: number },
  two: { readonly length: number },
  step: (i: number, j: number, from: (i: number, j: number) => boolean) => boolean,
): boolean {
  let [row, below] = [new Uint8Array(two.length + 2), new Uint8Array(two.length + 2)];
  let at = one.length;
  const from = (i: number, j: number) => (i === at ? row : below)[j] === 1;
  for (; at >= 0; at -= 1) {
    for (let j = two.length; j >= 0; j -= 1) row[j] = step(at, j, from) ? 1 : 0;
    [row, below] = [below, row];
  }
  return below[0] === 1;
}
