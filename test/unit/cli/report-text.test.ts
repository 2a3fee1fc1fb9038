/** The live report as text. */
import { describe, expect, it } from 'vitest';
import { failed, ok, warning, worst } from '../../../src/cli/live-check/finding.ts';
import { describeLiveReport } from '../../../src/cli/live-check/report-text.ts';

const REPORT = {
  level: 'failed',
  ports: [failed('passive port', 'port 1: taken', 'Stop it.'), failed('passive port', 'port 2: taken', 'Stop it.')],
  advertisedNames: [],
  backends: [
    {
      name: 'legacy',
      host: '2001:db8::1',
      port: 21,
      findings: [ok('TCP', 'connected'), warning('EPSV', '500 What?', 'Set dataMode: pasv.')],
    },
  ],
} as const;

describe('the text of a live report', () => {
  it('is aligned, tells a remedy once and leaves out what is empty', () => {
    expect(describeLiveReport(REPORT, true)).toBe(`Ports
  FAILED   passive port  port 1: taken
  FAILED   passive port  port 2: taken
           -> Stop it.

Backend legacy, [2001:db8::1]:21
  ok       TCP           connected
  warning  EPSV          500 What?
           -> Set dataMode: pasv.

Live check: 2 failed, 1 warning
`);
  });

  it('says what was not tried without a user', () => {
    expect(describeLiveReport(REPORT, false)).toContain('were not tried: add --user NAME.\nLive check: 2 failed');
  });
});

describe('the worst level', () => {
  it('is failed before warning before ok', () => {
    expect(worst([])).toBe('ok');
    expect(worst(REPORT.backends[0].findings)).toBe('warning');
    expect(worst([...REPORT.backends[0].findings, ...REPORT.ports])).toBe('failed');
  });
});
