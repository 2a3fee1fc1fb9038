/**
 * A live report as text for a person who was just woken up: what is wrong stands out, and what to do stands below it. Pure.
 */
import { formatEndpoint } from '../../net/address.ts';
import type { Finding, Level } from './finding.ts';
import type { LiveReport } from './live-check.ts';

const WORDS: Readonly<Record<Level, string>> = { ok: 'ok', warning: 'warning', failed: 'FAILED' };
const LEVEL_WIDTH = 7;

/** Sections with one line for each finding, and a last line that sums up. `loggedIn`: whether a login was asked for. */
export function describeLiveReport(report: LiveReport, loggedIn: boolean): string {
  const sections: readonly (readonly [title: string, findings: readonly Finding[]])[] = [
    ['Ports', report.ports],
    ['Names told to clients', report.advertisedNames],
    ...report.backends.map(
      ({ name, host, port, findings }) =>
        [`Backend ${name}, ${formatEndpoint({ address: host, port })}`, findings] as const,
    ),
  ];
  const findings = sections.flatMap(([, found]) => found);
  const width = Math.max(...findings.map(({ check }) => check.length));
  const filled = sections.filter(([, found]) => found.length > 0);
  const texts = filled.map(([title, found]) => [title, ...describeFindings(found, width)].join('\n'));
  const hint = loggedIn ? [] : ['Login and data ports of the backends were not tried: add --user NAME.'];
  return [...texts, [...hint, `Live check: ${summary(findings)}`].join('\n'), ''].join('\n\n').replace(/\n\n$/, '\n');
}

/** The same remedy is told once, below the last of the findings in a row that it belongs to. */
function describeFindings(findings: readonly Finding[], width: number): readonly string[] {
  return findings.flatMap(({ check, level, message, remedy }, index) => {
    const line = `  ${WORDS[level].padEnd(LEVEL_WIDTH)}  ${check.padEnd(width)}  ${message}`;
    const again = findings[index + 1]?.remedy === remedy;
    return remedy === undefined || again ? [line] : [line, `  ${' '.repeat(LEVEL_WIDTH)}  -> ${remedy}`];
  });
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  const [broken, doubtful] = [count('failed'), count('warning')];
  const parts = [
    ...(broken > 0 ? [`${broken} failed`] : []),
    ...(doubtful > 0 ? [`${doubtful} warning${doubtful === 1 ? '' : 's'}`] : []),
  ];
  return parts.length === 0 ? 'all is well' : parts.join(', ');
}
