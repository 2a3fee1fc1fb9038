/** The dashboard: Grafana can take it, it asks for what the gateway has, and a real Prometheus answers all of its questions. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'basic-ftp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { demoPorts, Running } from '../cli/run.ts';
import { freePorts } from '../interop/free-ports.ts';
import { Daemon } from '../support/processes.ts';
import { nodeMetrics } from './live-metrics.ts';
import { metricsIn, unknownIn } from './metric-uses.ts';
import { describeWith, providePrometheus, ROOT } from './tools.ts';

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
}

const DASHBOARD = JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/dashboard.json'), 'utf8')) as Dashboard;
const PANELS = DASHBOARD.panels.filter(({ type }) => type !== 'row');
const OTHERS = await nodeMetrics();

/** A panel in which nothing is drawn while nothing is wrong. */
const QUIET = [
  'Data connections that failed',
  'Strangers on passive ports',
  'TLS handshakes that failed',
  'Transfers accepted without TLS close',
  'Failures',
  'Audit log',
  'Limits reached',
  'Held back by bandwidth',
  'Replicas that can be asked',
  'Data connections handed over',
  'Links that failed',
];

describe('the dashboard', () => {
  it('has panels that lie side by side, each with a number and a title of its own', () => {
    const ids = DASHBOARD.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(PANELS.map(({ title, gridPos }) => `${title} ${gridPos.y}`)).size).toBe(PANELS.length);
    const overlaps = DASHBOARD.panels.flatMap((one) =>
      DASHBOARD.panels
        .filter((other) => other.id > one.id && overlap(one, other))
        .map((other) => `${one.title}, ${other.title}`),
    );
    expect(overlaps).toEqual([]);
    expect(DASHBOARD.panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
  });

  it('asks the data source and the gateways that are chosen', () => {
    expect(DASHBOARD.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ]);
    for (const { datasource, targets = [] } of PANELS) {
      expect(datasource).toEqual({ type: 'prometheus', uid: `\${datasource}` });
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) {
        const selectors = [...expr.matchAll(/\{([^}]*)\}/g)].map(([, selector]) => selector);
        expect(selectors.length).toBe(metricsIn(expr).length);
        for (const selector of selectors) expect(selector).toContain('instance=~"$instance"');
      }
    }
  });

  it.each(PANELS)('$title asks for metrics and labels that the gateway has', ({ targets = [] }) => {
    for (const { expr, legendFormat } of targets) {
      expect(unknownIn(expr, OTHERS)).toEqual([]);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      // What is summed up has only the labels that it is grouped by.
      if (/\b(?:by|sum|count|min|max)\b/.test(expr)) {
        const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
        expect(shown.filter((label) => !grouped.includes(label))).toEqual([]);
      }
    }
  });

  it('is what Grafana of the compose file is led to, with its data source', () => {
    const read = (path: string): unknown => parse(readFileSync(join(ROOT, 'deploy', path), 'utf8'));
    const { services } = read('compose.yaml') as { services: { grafana: { volumes: readonly string[] } } };
    const { volumes } = services.grafana;
    const { providers } = read('grafana/provisioning/dashboards/sallyport.yaml') as {
      providers: readonly { options: { path: string } }[];
    };
    expect(volumes).toContain(`./grafana/dashboard.json:${providers[0]?.options.path}/dashboard.json:ro`);
    const { datasources } = read('grafana/provisioning/datasources/prometheus.yaml') as {
      datasources: readonly { type: string; url: string }[];
    };
    expect(datasources.map(({ type, url }) => [type, url])).toEqual([['prometheus', 'http://prometheus:9090']]);
  });
});

describeWith('the dashboard before a real Prometheus', await providePrometheus(), (packages) => {
  let folder: string;
  let gateway: Running;
  let prometheus: Daemon;
  let api: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-prometheus-'));
    const { first, args } = await demoPorts();
    gateway = new Running(['demo', ...args], { TMPDIR: folder });
    await gateway.until(/The log follows/);
    await visit(first);
    const port = await freePorts(1);
    const written = readFileSync(join(ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8')
      .replaceAll('15s', '1s')
      .replace('gateway:9121', `127.0.0.1:${first + 2}`)
      .replace('alerts.yaml', join(ROOT, 'deploy/prometheus/alerts.yaml'));
    await writeFile(join(folder, 'prometheus.yml'), written);
    const words = [
      '--config.file=prometheus.yml',
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    prometheus = new Daemon(packages.path('usr/bin/prometheus'), words, { env: packages.environment(folder), folder });
    api = `http://127.0.0.1:${port}/api/v1`;
    // A rate needs two values.
    await until(async () => (await query('count_over_time(sallyport_build_info[1m]) >= 3')).length > 0);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await gateway?.kill();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(PANELS)('answers $title', async ({ title, targets = [] }) => {
    const answers = await Promise.all(targets.map(({ expr }) => query(asked(expr))));
    if (!QUIET.includes(title)) expect(answers.flat().length).toBeGreaterThan(0);
  });

  it('evaluates every alert, and none fires', async () => {
    const answer = await ask('/rules?type=alert');
    const { groups } = answer as {
      groups: readonly { rules: readonly { name: string; health: string; state: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(10);
    await until(async () => {
      const { groups: now } = (await ask('/rules?type=alert')) as typeof answer & { groups: typeof groups };
      return now.every((group) => group.rules.every(({ health }) => health === 'ok'));
    });
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
  });

  async function until(holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + 30_000;
    while (!(await holds().catch(() => false))) {
      if (performance.now() > end) throw new Error(`Prometheus has not come that far: ${prometheus?.log}`);
      await delay(100);
    }
  }

  async function ask(path: string): Promise<unknown> {
    const response = await fetch(`${api}${path}`);
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${error}`);
    return data;
  }

  async function query(expression: string): Promise<readonly unknown[]> {
    const { result } = (await ask(`/query?query=${encodeURIComponent(expression)}`)) as { result: readonly unknown[] };
    return result;
  }
});

/** A little of everything that clients do. */
async function visit(port: number): Promise<void> {
  const client = new Client();
  try {
    await client.connect('127.0.0.1', port);
    expect((await client.sendIgnoringError('USER demo')).code).toBe(530);
    expect((await client.sendIgnoringError('F00 bar')).code).toBeGreaterThan(499);
    await client.useTLS({ rejectUnauthorized: false });
    await client.login('demo', 'demo');
    await client.useDefaultSettings();
    await client.list();
    await client.uploadFrom(join(ROOT, 'LICENSE'), 'incoming/licence');
    await expect(client.downloadTo(new PassThrough(), 'nothing')).rejects.toThrow(/550/);
  } finally {
    client.close();
  }
}

/** As Grafana asks it, for all gateways. */
function asked(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
