/** What metrics say, in the text format of Prometheus. */

/** Sum over the lines that belong to a metric and carry all the labels. */
export function sumSeries(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  let sum = 0;
  for (const [, series = '', value] of text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))) {
    if (Object.entries(labels).every(([label, wanted]) => series.includes(`${label}="${wanted}"`)))
      sum += Number(value);
  }
  return sum;
}
