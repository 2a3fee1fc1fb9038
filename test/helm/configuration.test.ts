/**
 * The configuration that the chart writes is one that the gateway takes: each is judged in folders like those of its pod, with every file that the
 * objects mount, and nothing else.
 */

import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { judge } from '../../src/cli/judge.ts';
import { MAIN } from '../cli/run.ts';
import { describeWithHelm, EXAMPLES, renderChart } from '../support/helm.ts';
import { decoded, type Rendered, writePodFolders } from '../support/kubernetes-objects.ts';
import { runProgram } from '../support/processes.ts';

const FILES = readdirSync(EXAMPLES).sort();
const SECRET = 'example-of-a-secret-that-is-long-enough';

const MAY_UNSHARE = (await runProgram('unshare', ['--uts', 'true'])).code === 0;

/** More values than the examples have. */
const VARIANTS: readonly (readonly [string, string, unknown])[] = [
  ['dual stack', 'metallb.yaml', { exposure: { service: { ipFamilyPolicy: 'PreferDualStack' } } }],
  ['one replica of five to come', 'metallb.yaml', { replicas: 1, exposure: { passivePorts: { slices: 5 } } }],
  ['no slices for one replica', 'metallb.yaml', { replicas: 1, config: { workers: 2 } }],
  ['headers on control connections alone', 'proxy-protocol.yaml', { proxyProtocol: { data: false } }],
  [
    'a side port with HTTPS and tokens',
    'metallb.yaml',
    {
      credentials: { files: [{ secret: 'side-port' }] },
      config: {
        admin: {
          readTokenFile: '/etc/sallyport/credentials/side-port/read',
          tls: {
            cert: '/etc/sallyport/credentials/side-port/tls.crt',
            key: '/etc/sallyport/credentials/side-port/tls.key',
          },
        },
      },
    },
  ],
  [
    'certificates of clients on one listener',
    'metallb.yaml',
    {
      credentials: { files: [{ secret: 'partner-ca', folder: 'partners' }] },
      listeners: [
        { name: 'public', port: 21, containerPort: 2121 },
        {
          name: 'partners',
          port: 990,
          containerPort: 2990,
          mode: 'implicit',
          options: {
            clientCertificates: { mode: 'require', ca: '/etc/sallyport/credentials/partners/ca.crt' },
          },
        },
      ],
    },
  ],
];

await describeWithHelm('the configuration that the chart writes', (tools) => {
  let folder: string;
  let pem: { readonly cert: string; readonly key: string; readonly ca: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    const authority = await generateAuthority();
    const names = ['ftp.example.com', '*.ftp-sallyport-peers.partners.svc.cluster.local'];
    pem = { ...(await generateServerCertificate(authority, { names, alsoClient: true })), ca: authority.cert };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(FILES)('%s passes sallyport check', async (file) => {
    await checkAll(await renderChart(tools, { files: [file] }));
  });

  it.each(VARIANTS)('so does %s', async (_, file, values) => {
    await checkAll(await renderChart(tools, { files: [file], values }));
  });

  // Only root may give a process a host name of its own.
  it.skipIf(!MAY_UNSHARE)('passes the command itself, in a pod that has its name', async () => {
    const path = await mount(await renderChart(tools, { files: ['everything.yaml'] }), 'sallyport.yaml');
    const named = 'hostname "$0" && exec "$@"';
    const check = (host: string) =>
      runProgram('unshare', ['--uts', 'sh', '-c', named, host, process.execPath, MAIN, 'check', '--config', path]);
    expect(await check('ftp-sallyport-2')).toMatchObject({ code: 0, errors: '' });
    // More pods than slices.
    const beyond = await check('ftp-sallyport-3');
    expect(beyond.code).toBe(2);
    expect(beyond.output + beyond.errors).toContain('found 3 in the name of this host (ftp-sallyport-3)');
  });

  it('gives each replica an index of its own where the name of its host is that of the node', async () => {
    const rendered = await renderChart(tools, { files: ['host-network-balanced.yaml'] });
    const indexes = [0, 1, 2].map((index) => rendered.config(`ftp-sallyport-${index}.yaml`).replication?.index);
    expect(indexes).toEqual([0, 1, 2]);
    expect(rendered.container.args.at(-1)).toBe('/etc/sallyport/config/$(POD_NAME).yaml');
  });

  async function checkAll(rendered: Rendered): Promise<void> {
    const files = Object.keys(rendered.one('ConfigMap').data);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      process.env['LEGACY_USER'] = SECRET;
      const judgement = await judge(await mount(rendered, file, withoutHostname)).finally(
        () => delete process.env['LEGACY_USER'],
      );
      expect(judgement).toMatchObject({ errors: [], valid: true });
      expect(judgement.warnings).toEqual([]);
    }
  }

  async function mount(rendered: Rendered, file: string, change?: (text: string) => string): Promise<string> {
    const root = await mkdtemp(join(folder, 'pod-'));
    return writePodFolders(rendered, { root, file, secretOf: (name) => secretOf(rendered, name), change });
  }

  /** What a Secret has: that of the chart, or what its kind of use has. */
  function secretOf(rendered: Rendered, name: string): Record<string, string> {
    const made = rendered.all('Secret').find(({ metadata }) => metadata.name === name);
    if (made !== undefined) return decoded(made);
    const tokens = { read: `${SECRET}-read`, write: `${SECRET}-write` };
    return { 'tls.crt': pem.cert, 'tls.key': pem.key, 'ca.crt': pem.ca, key: SECRET, password: SECRET, ...tokens };
  }
});

/** The name of this host is not that of a pod. */
function withoutHostname(text: string): string {
  return text.replace('index: hostname', 'index: 0');
}
