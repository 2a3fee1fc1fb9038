/** The key of replicas over upgrades: helm asks the cluster for it. Here stands a server in its place that says what a cluster would. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHART, describeWithHelm, EXAMPLES, RELEASE } from '../support/helm.ts';
import { runProgram } from '../support/processes.ts';

const SECRET = 'ftp-sallyport-replication';

await describeWithHelm('the key that the chart makes', ({ helm }) => {
  let folder: string;
  let cluster: Server;
  let kubeconfig: string;
  let kept: string | undefined;
  const asked: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    cluster = createServer(({ url = '' }, response) => {
      const path = url.split('?')[0] ?? '';
      asked.push(path);
      const body = answerTo(path);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      const missing = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };
      response.end(JSON.stringify(body ?? missing));
    });
    await new Promise<void>((resolve) => cluster.listen(0, '127.0.0.1', resolve));
    kubeconfig = join(folder, 'config');
    const server = `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'one',
      clusters: [{ name: 'one', cluster: { server } }],
      contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
      users: [{ name: 'one', user: {} }],
    };
    await writeFile(kubeconfig, JSON.stringify(config));
  });
  afterAll(async () => {
    cluster?.closeAllConnections();
    await new Promise((resolve) => cluster.close(resolve));
    await rm(folder, { recursive: true });
  });

  /** What little of the API helm asks for. */
  function answerTo(path: string): unknown {
    const secrets = { name: 'secrets', singularName: '', namespaced: true, kind: 'Secret', verbs: ['get', 'list'] };
    if (path === '/version') return { major: '1', minor: '34', gitVersion: 'v1.34.0' };
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
    if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: [] };
    if (path === '/api/v1') return { kind: 'APIResourceList', groupVersion: 'v1', resources: [secrets] };
    if (path !== `/api/v1/namespaces/${RELEASE.namespace}/secrets/${SECRET}` || kept === undefined) return undefined;
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET }, data: { key: kept } };
  }

  async function keyOfUpgrade(): Promise<string | undefined> {
    const words = [
      'template',
      RELEASE.name,
      CHART,
      '--namespace',
      RELEASE.namespace,
      '--dry-run=server',
      '--kube-version',
      '1.34',
    ];
    const { code, output, errors } = await runProgram(helm, [...words, '--values', join(EXAMPLES, 'metallb.yaml')], {
      env: { PATH: '/usr/bin:/bin', HOME: folder, KUBECONFIG: kubeconfig },
      limit: 20_000,
    });
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    return /^ {2}key: (\S+)$/m.exec(output)?.[1];
  }

  it('is another one each time as long as there is none', async () => {
    kept = undefined;
    const first = await keyOfUpgrade();
    expect(first).toMatch(/^[A-Za-z0-9+/=]{64}$/);
    expect(await keyOfUpgrade()).not.toBe(first);
    expect(asked).toContain(`/api/v1/namespaces/${RELEASE.namespace}/secrets/${SECRET}`);
  });

  it('stays as it is once it is there', async () => {
    kept = Buffer.from('the key that the replicas have, from the first installation').toString('base64');
    expect(await keyOfUpgrade()).toBe(kept);
    expect(await keyOfUpgrade()).toBe(kept);
  });
});
