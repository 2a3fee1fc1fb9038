/**
 * Texts with `*` (any characters) and `?` (one character). Pure.
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
