/** What `helm test` does in a cluster, done here: the script of the rendered pod, with its variables, by a real curl, before a real gateway. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { demoPorts, Running } from '../cli/run.ts';
import { describeWith, provideCurl } from '../deploy/tools.ts';
import { findHelm, renderChart } from '../support/helm.ts';
import { type Container, present, type Rendered } from '../support/kubernetes-objects.ts';
import { runProgram } from '../support/processes.ts';

const tools = await findHelm();
const curl = await provideCurl();
const found = typeof tools === 'string' ? tools : typeof curl === 'string' ? curl : { tools, curl };

describeWith('the test of the chart', found, ({ tools: { helm, python }, curl: packages }) => {
  let folder: string;
  let demo: Running;
  let ca: string;
  let ports: { readonly explicit: number; readonly implicit: number };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    const { first, args } = await demoPorts();
    ports = { explicit: Number(first), implicit: Number(first) + 1 };
    demo = new Running(['demo', ...args], { TMPDIR: folder });
    await demo.until(/The log follows/);
    ca = present(/--cacert (\S+)/.exec(demo.out)?.[1], 'authority of the demo').replaceAll("'", '');
  });
  afterAll(async () => {
    await demo?.kill();
    await rm(folder, { recursive: true, force: true });
  });

  const render = (values: object = {}) =>
    renderChart(
      { helm, python },
      {
        files: ['metallb.yaml'],
        values: { test: { credentials: { secret: 'login' }, folder: 'incoming', transfers: 2 }, ...values },
      },
    );

  /** Runs the script as the pod would, with what differs here. */
  async function transfer(rendered: Rendered, changes: Readonly<Record<string, string>> = {}) {
    const script = join(folder, 'transfer.sh');
    await writeFile(script, present(rendered.one('ConfigMap', '-test').data['transfer.sh'], 'script'));
    const given = podOf(rendered).env.map(({ name, value = 'demo' }) => [name, value]);
    const env = {
      ...packages.environment(folder),
      PATH: `${dirname(packages.path('usr/bin/curl'))}:/usr/bin:/bin`,
      TMPDIR: folder,
      ...Object.fromEntries(given),
      ...{ CA: ca, HOST: '127.0.0.1', PORT: String(ports.explicit), NAME: 'localhost' },
      ...changes,
    };
    return runProgram('/bin/sh', [script], { env, limit: 60_000 });
  }

  it('uploads and downloads, compares, and leaves nothing behind', async () => {
    const { code, output, errors } = await transfer(await render());
    expect(errors).toBe('');
    expect(code).toBe(0);
    expect(output).toBe(
      [
        '1: uploaded, downloaded, the same',
        '2: uploaded, downloaded, the same',
        `2 uploads and downloads through 127.0.0.1:${ports.explicit} as localhost: fine`,
        '',
      ].join('\n'),
    );
    expect((await readdir(folder)).filter((name) => name.startsWith('tmp.'))).toEqual([]);
    const { output: listing } = await transferred();
    expect(listing).not.toContain('sallyport-test-');
  });

  it('does so with implicit FTPS where that is the first listener', async () => {
    const rendered = await render({
      listeners: [{ name: 'implicit', port: 990, containerPort: 2990, mode: 'implicit' }],
    });
    const { code, errors } = await transfer(rendered, { PORT: String(ports.implicit) });
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it.each([
    ['the certificate has another name', { NAME: 'ftp.example.com' }, /curl: \(60\)/],
    ['nobody has signed the certificate', { CA: '/nonexistent' }, /curl: \(60\)/],
    ['the folder may not be written', { FOLDER: 'no-such-folder' }, /curl: \(9\)/],
  ])('fails where %s', async (_, changes, words) => {
    const { code, errors } = await transfer(await render(), changes);
    expect(code).not.toBe(0);
    expect(errors).toMatch(words);
  });

  it('fails where what comes back is not what was sent', async () => {
    const folderOfCurl = await mkdtemp(join(folder, 'curl-'));
    const real = packages.path('usr/bin/curl');
    const longer = 'while [ $# -gt 0 ]; do if [ "$1" = --output ]; then printf x >> "$2"; fi; shift; done';
    await writeFile(join(folderOfCurl, 'curl'), `#!/bin/sh\n'${real}' "$@" || exit\n${longer}\n`, { mode: 0o755 });
    const { code, output, errors } = await transfer(await render(), { PATH: `${folderOfCurl}:/usr/bin:/bin` });
    expect(code).not.toBe(0);
    expect(output + errors).toMatch(/cmp: EOF|differ/);
  });

  it('takes names and passwords with quotes as they are', async () => {
    const { code } = await transfer(await render(), { LOGIN_USER: 'a"b c\\d', LOGIN_PASSWORD: '"' });
    expect(code).toBe(0);
    expect(demo.err).toContain('"user":"a\\"b c\\d"');
  });

  it('runs as a pod that is confined like the gateway, with credentials from a Secret and never from values', async () => {
    const rendered = await render();
    const [pod] = rendered.all('Pod');
    expect(pod?.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'test' });
    expect(podOf(rendered)).toMatchObject({
      image: 'curlimages/curl:8.17.0',
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
    expect(podOf(rendered).env).toContainEqual({
      name: 'LOGIN_PASSWORD',
      valueFrom: { secretKeyRef: { name: 'login', key: 'password' } },
    });
    expect(podOf(rendered).env).toContainEqual({ name: 'HOST', value: 'ftp-sallyport.partners.svc.cluster.local' });
    expect(podOf(rendered).env).toContainEqual({ name: 'NAME', value: 'ftp.example.com' });
    const { matchLabels } = rendered.one('StatefulSet').spec.selector;
    expect(pod?.metadata.labels).not.toMatchObject(matchLabels);
  });

  it.each([
    ['node-port.yaml', 'ftp-sallyport.partners.svc.cluster.local', '30080'],
    ['per-replica.yaml', 'ftp-sallyport-0.partners.svc.cluster.local', '21'],
  ])('finds the gateway of %s', async (file, host, port) => {
    const rendered = await renderChart(
      { helm, python },
      { files: [file], values: { test: { credentials: { secret: 'login' } } } },
    );
    expect(podOf(rendered).env).toContainEqual({ name: 'HOST', value: host });
    expect(podOf(rendered).env).toContainEqual({ name: 'PORT', value: port });
  });

  /** What is in the folder into which the script has written. */
  function transferred() {
    const words = ['--silent', '--ssl-reqd', '--cacert', ca, '--user', 'demo:demo'];
    return runProgram(packages.path('usr/bin/curl'), [...words, `ftp://localhost:${ports.explicit}/incoming/`], {
      env: packages.environment(folder),
    });
  }
});

function podOf(rendered: Rendered): Container {
  return present(rendered.all('Pod')[0]?.spec.containers[0], 'pod of the test');
}
