/** What docs/kubernetes.md shows works: its values render, its helm commands are ones that helm takes, and what it links to is there. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { blocksOf, readDocument } from '../docs/documents.ts';
import { CHART, describeWithHelm, EXAMPLES, renderChart } from '../support/helm.ts';
import { runProgram } from '../support/processes.ts';

const ROOT = join(CHART, '../..');
const DOCUMENT = 'docs/kubernetes.md';
const BLOCKS = blocksOf(DOCUMENT);
const VALUES = BLOCKS.filter(({ words }) => words[0] === 'values');
/** Helm's commands that change a cluster, as they stand there. */
const INSTALLATIONS = BLOCKS.filter(({ language }) => language === 'sh').flatMap(({ text }) =>
  text.split('\n').filter((line) => line.startsWith('helm upgrade --install ')),
);

it('docs/kubernetes.md marks every block of values', () => {
  const unmarked = BLOCKS.filter(({ language, words }) => language === 'yaml' && words[0] !== 'values');
  expect(unmarked).toEqual([]);
  expect(VALUES.length).toBeGreaterThan(4);
});

it('every example is linked from docs/kubernetes.md, and every link leads to one', () => {
  const text = readDocument(DOCUMENT);
  const linked = [...text.matchAll(/\]\(\.\.\/helm\/examples\/([\w.-]+)\)/g)].map(([, file = '']) => file);
  // What it shows stands in several parts of the page.
  const apart = ['everything.yaml'];
  expect([...new Set([...linked, ...apart])].sort()).toEqual(readdirSync(EXAMPLES).sort());
  for (const file of linked) expect(existsSync(join(EXAMPLES, file)), file).toBe(true);
});

await describeWithHelm('docs/kubernetes.md', (tools) => {
  it.each(VALUES)('the values of line $line render', async ({ text, words }) => {
    const whole = words.includes('whole');
    const rendered = await renderChart(tools, { files: whole ? [] : ['metallb.yaml'], values: parse(text) });
    expect(rendered.one('StatefulSet').spec.template.spec.containers).toHaveLength(1);
  });

  it.each(INSTALLATIONS)('%s', async (line) => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    try {
      const [whole] = VALUES.filter(({ words }) => words.includes('whole'));
      await writeFile(join(folder, 'values.yaml'), whole?.text ?? '');
      const command = line
        .replace('helm upgrade --install', `'${tools.helm}' template --kube-version 1.34`)
        .replace('helm/sallyport', `'${CHART}'`);
      const { code, output, errors } = await runProgram('/bin/sh', ['-c', command], {
        folder,
        env: { PATH: '/usr/bin:/bin', HOME: folder },
        limit: 20_000,
      });
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      expect(output).toContain('kind: StatefulSet');
      expect(output.includes('helm.sh/hook: test')).toBe(line.includes('test.credentials.secret'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('the objects that its commands name are those of the chart', async () => {
    const [whole] = VALUES.filter(({ words }) => words.includes('whole'));
    const rendered = await renderChart(tools, { values: parse(whole?.text ?? '') });
    const text = BLOCKS.map((block) => block.text).join('\n');
    for (const [, kind = '', name] of text.matchAll(/(statefulset\/|service )(ftp-sallyport)/g)) {
      expect(rendered.one(kind.startsWith('service') ? 'Service' : 'StatefulSet').metadata.name).toBe(name);
    }
    expect(readDocument(DOCUMENT)).toContain(rendered.config().data.passive.ports);
    const name = rendered.replication.peers.replace('ftp-sallyport-{index}', '*').replace(/:\d+$/, '');
    expect(readDocument(DOCUMENT)).toContain(`\`${name}\``);
  });

  it('the notes tell what partners must reach', async () => {
    const notes = await notesOf('metallb.yaml');
    expect(notes).toContain('2 replicas, exposed as shared');
    expect(notes).toMatch(
      /\n {2}21 {2}explicit FTPS \(public\)\n {2}990 {2}implicit FTPS \(public-implicit\)\n {2}30000-30009 {2}data connections\n/,
    );
    expect(notes).toContain('Ports of each Service: 12.');
    expect(notes).toContain('replication.key.existingSecret');
    const node = await notesOf('node-port.yaml');
    expect(node).toMatch(/\n {2}30080 {2}explicit FTPS/);
    expect(await notesOf('host-network.yaml')).toContain('No NetworkPolicy');
    expect(await notesOf('everything.yaml')).toContain('helm --namespace partners test ftp');
    expect(await notesOf('aws-nlb-proxy-protocol.yaml')).toContain('header_placement=on_first_ack');
    expect(await notesOf('aws-nlb.yaml')).not.toContain('header_placement');
  });

  /** NOTES.txt, which `helm template` leaves out: rendered as an object of a copy of the chart. */
  async function notesOf(file: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    try {
      const chart = join(folder, 'sallyport');
      const copied = await runProgram('cp', ['-r', CHART, chart]);
      expect(copied.code).toBe(0);
      const object =
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ftp-sallyport-notes }\ndata:\n  notes: |\n' +
        '    {{- include (print $.Template.BasePath "/NOTES.txt") . | nindent 4 }}\n';
      await writeFile(join(chart, 'templates/notes-of-test.yaml'), object);
      const rendered = await renderChart(tools, { files: [file], chart });
      return rendered.one('ConfigMap', '-notes').data['notes'] ?? '';
    } finally {
      await rm(folder, { recursive: true });
    }
  }
});

it('the image in the chart is the version of the package', () => {
  const chart = parse(readDocument('helm/sallyport/Chart.yaml')) as { appVersion: string };
  const { version } = JSON.parse(readDocument('package.json')) as { version: string };
  expect(chart.appVersion).toBe(version);
  expect(existsSync(join(ROOT, 'deploy/docker/Dockerfile'))).toBe(true);
});
