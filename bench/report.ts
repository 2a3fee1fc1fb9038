/** The report as Markdown. */
import type { MachineFacts } from './machine.ts';
import type { Section } from './measurement.ts';

/** Everything that a run has found. */
export interface Report {
  /** Day of the run, as YYYY-MM-DD. */
  readonly date: string;
  readonly command: string;
  readonly machine: MachineFacts;
  readonly sections: readonly Section[];
}

/** The page `docs/benchmarks.md`. */
export function reportMarkdown({ date, command, machine, sections }: Report): string {
  const bars = sections.flatMap((section) => section.bars);
  return [
    '# Benchmarks',
    '',
    'What Sallyport costs, beside other programs, in one run on one machine. The programs take turns (A B C A B C …), so that what disturbs the',
    'machine disturbs all; the first round warms up and does not count. Everything is on loopback: ratios mean more than figures.',
    `Printed by \`${command}\` on ${date}; it fetches the other programs as Debian packages and needs root, because vsftpd does.`,
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(machine).map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '## Bars',
    '',
    ...table(
      ['what', 'bar', 'measured', ''],
      bars.map(({ what, bar, measured, met }) => [what, bar, measured, met ? 'met' : '**not met**']),
    ),
    ...sections.flatMap(({ title, how, columns, rows }) => ['', `## ${title}`, '', how, '', ...table(columns, rows)]),
    '',
  ].join('\n');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)];
}
