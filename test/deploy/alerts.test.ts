/** The alerts: Prometheus takes them, they fire when they must and not otherwise, and each leads to what can be done. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../../src/errors/errors.ts';
import { runProgram } from '../support/processes.ts';
import { nodeMetrics } from './live-metrics.ts';
import { unknownIn } from './metric-uses.ts';
import { describeWith, providePrometheus, ROOT } from './tools.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const FILE = join(ROOT, 'deploy/prometheus/alerts.yaml');
const RULES = (parse(readFileSync(FILE, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const RULE_TESTS = ['alerts.promtool.yaml', 'alerts-over-days.promtool.yaml'].map((name) =>
  join(import.meta.dirname, name),
);
const RUNBOOK = readFileSync(join(ROOT, 'docs/alerts.md'), 'utf8');
const OTHERS = await nodeMetrics();

describe('the alerts', () => {
  it.each(RULES)('$alert asks for metrics and labels that the gateway has', ({ expr }) => {
    expect(unknownIn(expr, OTHERS)).toEqual([]);
  });

  it('ask for causes that the gateway has', () => {
    const causes = RULES.flatMap(({ expr }) => [...expr.matchAll(/cause=~?"([^"]*)"/g)]).flatMap(([, value = '']) =>
      value.split('|'),
    );
    expect(causes.length).toBeGreaterThan(2);
    expect(causes.filter((cause) => !(cause in ERRORS))).toEqual([]);
  });

  it.each(RULES)('$alert says how bad it is, what it is about, and where to read on', ({
    alert,
    labels,
    annotations,
  }) => {
    expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) });
    expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook']);
    expect(annotations['runbook']).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
  });

  it('each have a section in docs/alerts.md, which has no other', () => {
    const sections = [...RUNBOOK.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(sections.toSorted()).toEqual(RULES.map(({ alert }) => alert).toSorted());
  });

  it('are each tested, to fire', () => {
    const tests = RULE_TESTS.map((file) => readFileSync(file, 'utf8')).join('\n');
    const fired = [...tests.matchAll(/^ *- alertname: (\S+)\n(?!.*exp_alerts: \[\])/gm)].map(([, name]) => name);
    expect(RULES.map(({ alert }) => alert).filter((alert) => !fired.includes(alert))).toEqual([]);
  });
});

describeWith('promtool', await providePrometheus(), (packages) => {
  const promtool = (...words: readonly string[]) =>
    runProgram(packages.path('usr/bin/promtool'), words, { env: packages.environment('/') });

  it('takes the alerts', async () => {
    expect(await promtool('check', 'rules', FILE)).toMatchObject({
      code: 0,
      output: expect.stringContaining(`SUCCESS: ${RULES.length} rules found`),
    });
  });

  it('takes the configuration of Prometheus, and finds the alerts through it', async () => {
    const result = await promtool('check', 'config', join(ROOT, 'deploy/prometheus/prometheus.yml'));
    expect(result).toMatchObject({ code: 0, output: expect.stringContaining('SUCCESS: 1 rule files found') });
  });

  it('sees each alert fire when it must, and not otherwise', async () => {
    const { code, output } = await promtool('test', 'rules', ...RULE_TESTS);
    expect(output).not.toMatch(/FAILED/);
    expect(code).toBe(0);
  });
});
