/**
 * The pods of the chart at work, on a network like that of a cluster: each with a host name, an address and the files that the chart gives it, real
 * gateways in them; before them the ports of the rendered Service, each connection to any pod (HAProxy in the place of kube-proxy); and the script
 * of `helm test` as a client.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { MAIN } from '../cli/run.ts';
import { PASSWORD, USER } from '../interop/backends/backend.ts';
import { startVsftpd } from '../interop/backends/vsftpd.ts';
import { describeInterop, type TestBed } from '../interop/test-bed.ts';
import { describeWithHelm, findHelm, type HelmTools, RELEASE, renderChart } from '../support/helm.ts';
import { decoded, present, type Rendered, writePodFolders } from '../support/kubernetes-objects.ts';
import { type TestMachine, TestNetwork } from '../support/network-namespaces.ts';
import { sumSeries } from '../support/prometheus-text.ts';

const TITLE = 'the pods of the chart';
const REPLICAS = 3;
const SERVICE = '10.0.0.2';
const BACKEND = '10.0.0.20';
const podAddress = (index: number) => `10.0.0.${10 + index}`;
const podName = (index: number) => `${RELEASE.name}-sallyport-${index}`;

const tools = await findHelm();
if (typeof tools === 'string') await describeWithHelm(TITLE, () => {});
else await describeInterop(TITLE, (bed) => declare(tools, bed), { needsRoot: true });

function declare(helm: HelmTools, { packages, folder }: TestBed): void {
  const cleanups: (() => Promise<unknown>)[] = [];
  /** What the Secrets have that are there before the chart. */
  let secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  beforeAll(async () => {
    const { cert: ca, ...authority } = await generateAuthority();
    const sign = async (names: readonly string[]) => {
      const { cert, key } = await generateServerCertificate({ cert: ca, ...authority }, { names, alsoClient: true });
      return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca };
    };
    const clients = await sign(['ftp.example.com']);
    secrets = {
      'ftp-example-com': clients,
      'ftp-sallyport-tls': clients,
      'sallyport-peers': await sign(['*.ftp-sallyport-peers.partners.svc.cluster.local']),
    };
    await writeFile(join(folder, 'ca.crt'), ca);
  });
  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()?.();
  });

  it.each([
    ['a slice of data ports for each', 'metallb.yaml', 3 * 5],
    ['one data port for all', 'gcp-internal.yaml', 1],
    ['certificates in place of a key', 'everything.yaml', 3 * 4],
  ])(
    'serve clients through one Service with %s',
    async (_, file, dataPorts) => {
      const rendered = await renderChart(helm, {
        files: [file],
        values: {
          replicas: REPLICAS,
          exposure: { advertise: [{ address: 'ftp.example.com' }] },
          config: { backends: [{ name: 'legacy', host: BACKEND, port: 21 }], routes: [] },
          test: { credentials: { secret: 'login' }, folder: '', transfers: 2 * REPLICAS },
        },
      });
      const network = await TestNetwork.create('inside');
      if (typeof network === 'string') throw new Error(network);
      cleanups.push(() => network.close());
      const backendPort = await startBackend(network);
      const hosts = join(folder, 'hosts');
      const peers = Array.from({ length: REPLICAS }, (_each, index) => {
        const [name] = rendered.replication.peers.replace('{index}', String(index)).split(':');
        return `${podAddress(index)} ${name}\n`;
      });
      await writeFile(hosts, `127.0.0.1 localhost\n${peers.join('')}`);
      const pods: TestMachine[] = [];
      for (let index = 0; index < REPLICAS; index += 1) {
        const root = await mkdtemp(join(folder, 'pod-'));
        const config = await writePodFolders(rendered, {
          ...{ root, file: 'sallyport.yaml' },
          secretOf: (name) => secrets[name] ?? decoded(rendered.one('Secret', '-replication')),
          change: (text) => text.replace('port: 21\n', `port: ${backendPort}\n`),
        });
        pods.push(await startPod(network, index, { config, hosts }));
      }
      await Promise.all(pods.map((pod) => linked(pod)));
      const service = await startService(network, rendered);

      const { code, output, errors } = await transfer(network, rendered);
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      expect(output).toContain(`${2 * REPLICAS} uploads and downloads through ${SERVICE}:21 as ftp.example.com: fine`);
      expect(service).toBe(dataPorts);
      const handedOver = await Promise.all(
        pods.map(async (pod) =>
          sumSeries(await metrics(pod), 'sallyport_handed_over_data_connections_total', { way: 'sent' }),
        ),
      );
      expect(handedOver.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    },
    60_000,
  );

  async function startBackend(network: TestNetwork): Promise<number> {
    const machine = await network.machine({ inside: `${BACKEND}/24` });
    const here = await machine.here(packages, 'usr/sbin/vsftpd');
    const lines = [
      `listen_address=${BACKEND}`,
      `pasv_address=${BACKEND}`,
      'pasv_min_port=20000',
      'pasv_max_port=20999',
    ];
    const backend = await startVsftpd(here, lines, { listens: (port) => machine.listens(port) });
    cleanups.push(() => backend.stop());
    return backend.port;
  }

  /** A pod: its network, its host name, the names that the headless Service gives, and the gateway. */
  async function startPod(network: TestNetwork, index: number, { config, hosts }: Record<'config' | 'hosts', string>) {
    const machine = await network.machine({ inside: `${podAddress(index)}/24` });
    const script = 'hostname "$0" && mount --bind "$1" /etc/hosts && shift && exec "$@"';
    const gateway = [process.execPath, MAIN, 'serve', '--config', config];
    const words = ['--uts', '--mount', '--', 'sh', '-c', script, podName(index), hosts, ...gateway];
    const child = machine.start('unshare', words);
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
    const ended = new Promise((resolve) => child.once('close', resolve));
    cleanups.push(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    await vi.waitFor(
      async () => expect(await metrics(machine), Buffer.concat(said).toString()).toMatch(/^sallyport_/m),
      {
        timeout: 20_000,
        interval: 100,
      },
    );
    return machine;
  }

  async function metrics(pod: TestMachine): Promise<string> {
    const words = ['-q', '-sS', '--fail', 'http://127.0.0.1:9121/metrics'];
    const { output } = await pod.run(packages.path('usr/bin/curl'), words, { env: packages.environment(folder) });
    return output;
  }

  /** Resolves when a pod has found all others. */
  function linked(pod: TestMachine): Promise<void> {
    return vi.waitFor(async () => expect(sumSeries(await metrics(pod), 'sallyport_replica_up')).toBe(REPLICAS - 1), {
      timeout: 20_000,
      interval: 100,
    });
  }

  /** The Service as it is rendered: each port to the target port of any pod. Resolves with the number of its data ports. */
  async function startService(network: TestNetwork, rendered: Rendered): Promise<number> {
    const machine = await network.machine({ inside: `${SERVICE}/24` });
    const { ports } = rendered.one('Service').spec;
    const sections = ports.map(({ name, port, targetPort }) => {
      // In turns; those of data ports begin elsewhere, so that most data connections come to a pod that has not their session.
      const first = name.startsWith('data-') ? 1 : 0;
      const order = Array.from({ length: REPLICAS }, (_, index) => (index + first) % REPLICAS);
      const servers = order.map((index) => `  server pod${index} ${podAddress(index)}:${targetPort}\n`);
      return `listen ${name}\n  bind ${SERVICE}:${port}\n  balance roundrobin\n${servers.join('')}`;
    });
    const file = join(folder, 'haproxy.cfg');
    const limits = '  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n';
    await writeFile(file, `global\n  maxconn 500\ndefaults\n${limits}${sections.join('')}`);
    const child = machine.start(packages.path('usr/sbin/haproxy'), ['-db', '-f', file], packages.environment(folder));
    const ended = new Promise((resolve) => child.once('close', resolve));
    cleanups.push(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    await vi.waitFor(async () => expect(await machine.listens(21)).toBe(true), { timeout: 10_000, interval: 50 });
    return ports.filter(({ name }) => name.startsWith('data-')).length;
  }

  /** What `helm test` runs, on a machine of its own. */
  async function transfer(network: TestNetwork, rendered: Rendered) {
    const machine = await network.machine({ inside: '10.0.0.30/24' });
    const script = join(folder, 'transfer.sh');
    await writeFile(script, present(rendered.one('ConfigMap', '-test').data['transfer.sh'], 'script'));
    const [container] = rendered.all('Pod')[0]?.spec.containers ?? [];
    const given = present(container, 'container').env.flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, value]],
    );
    const env = {
      ...packages.environment(folder),
      PATH: `${join(packages.path('usr/bin/curl'), '..')}:/usr/bin:/bin`,
      TMPDIR: folder,
      ...Object.fromEntries(given),
      ...{ CA: join(folder, 'ca.crt'), HOST: SERVICE, LOGIN_USER: USER, LOGIN_PASSWORD: PASSWORD },
    };
    return machine.run('/bin/sh', [script], { env, limit: 50_000 });
  }
}
