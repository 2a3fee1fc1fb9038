/** Medians, and figures as text. */

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** Median, with least and greatest: `1.20 (1.18–1.31)`. */
export function spread(values: readonly number[], digits = 2): string {
  const ends = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${ends.join('–')})`;
}

/** Milliseconds of a time in seconds: `4.12 ms`. */
export function milliseconds(seconds: number): string {
  return `${(seconds * 1_000).toFixed(2)} ms`;
}

/** How many times `of` is in `value`: `1.31 ×`. */
export function times(value: number, of: number): string {
  return `${(value / of).toFixed(2)} ×`;
}
