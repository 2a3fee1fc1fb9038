/**
 * The commands of `docs/installation.md` about containers, run as they stand there with real containers, built from the Dockerfiles and
 * the compose file as they are. Only the base images, Prometheus and Grafana are stand-ins: a Debian with Node, Debian's Prometheus, and a
 * program that sleeps.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { bootContainerMachine, type StandIn } from './containers.ts';
import { commandsOf } from './documented-commands.ts';
import type { RunOptions } from './systemd-machine.ts';
import { describeOnMachine, ROOT } from './tools.ts';

const COMMANDS = commandsOf('docs/installation.md');
const { services } = parse(read('deploy/compose.yaml')) as { services: Record<string, { image: string }> };

const STAND_INS: readonly StandIn[] = [
  { image: `library/${baseOf('deploy/docker/Dockerfile')}`, lines: [] },
  { image: `library/${baseOf('deploy/docker/legacy-backend/Dockerfile')}`, lines: [] },
  {
    image: services['prometheus']?.image ?? '',
    lines: [
      'COPY prometheus /bin/prometheus',
      'RUN install -d -o 65534 -g 65534 /prometheus',
      'USER 65534:65534',
      'ENTRYPOINT ["/bin/prometheus"]',
      'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]',
    ],
  },
  { image: services['grafana']?.image ?? '', lines: ['STOPSIGNAL SIGKILL', 'ENTRYPOINT ["sleep", "infinity"]'] },
];

// Images are built, and everything is started several times.
vi.setConfig({ testTimeout: 240_000 });

await describeOnMachine(
  'the containers',
  () => bootContainerMachine(STAND_INS),
  ({ machine, stop }) => {
    afterAll(stop);

    const inClone = (commands: string, options: RunOptions = {}) =>
      machine.must(commands, { folder: ROOT, limit: 200_000, ...options });
    const follow = (name: string, options: RunOptions = {}) =>
      inClone(COMMANDS.get(name) ?? `no block ${name}`, options);
    const inside = (commands: string) =>
      machine.must(`podman run --rm --network none --entrypoint sh sallyport:local -c '${commands}'`);

    it('are built by the commands of the document', async () => {
      await follow('image', { network: 'outer' });
      const { version } = JSON.parse(read('package.json')) as { version: string };
      const hardened = '--network none --read-only --cap-drop ALL --security-opt no-new-privileges';
      expect(await machine.must(`podman run --rm ${hardened} sallyport:local --version`)).toBe(`${version}\n`);
    });

    it('run the gateway as nobody in particular, in an image that installs nothing and has nothing of development', async () => {
      expect(await machine.must("podman image inspect --format '{{.Config.User}}' sallyport:local")).toBe(
        '65532:65532\n',
      );
      expect(await inside('id -u; id -g')).toBe('65532\n65532\n');
      expect(await inside('command -v npm npx corepack yarn || echo none')).toBe('none\n');
      const packages = (await inside('ls /opt/sallyport/node_modules')).trim().split('\n');
      const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
        string,
        Record<string, string>
      >;
      expect(packages).toEqual(expect.arrayContaining(Object.keys(dependencies ?? {})));
      // ajv comes with fastify as well.
      const left = Object.keys(devDependencies ?? {}).map((name) => name.split('/')[0]);
      expect(packages.filter((name) => left.includes(name))).toEqual(['ajv']);
      expect((await inside('ls /opt/sallyport')).trim().split('\n')).toEqual([
        'LICENSE',
        'dist',
        'node_modules',
        'package.json',
      ]);
    });

    it('start together as the compose file says', async () => {
      const [build = '', ...rest] = (COMMANDS.get('compose') ?? '').split('\n');
      await inClone(build, { network: 'outer' });
      await inClone(rest.join('\n'));
      await until('curl --silent http://127.0.0.1:9121/readyz', /"ready":true/);
      await machine.must('podman healthcheck run deploy_gateway_1');
    });

    it('serve clients, and count', async () => {
      const output = await follow('try');
      expect(output).toContain(
        'sallyport_transfers_total{direction="upload",backend="legacy",outcome="completed"} 1\n',
      );
      expect(output).toContain(
        'sallyport_transfers_total{direction="download",backend="legacy",outcome="completed"} 1\n',
      );
    });

    it('tell clients the address that they can reach, and keep the backend to themselves', async () => {
      const words = '--ssl-reqd --disable-epsv --cacert ca.crt --user demo:demo';
      expect((await machine.run(`curl --verbose ${words} ftp://127.0.0.1:2121/`, { folder: ROOT })).errors).toMatch(
        /< 227 .*\(127,0,0,1,195,8\d\)/,
      );
      expect(await machine.must('podman port deploy_backend_1')).toBe('');
    });

    it('are scraped by Prometheus, with the alerts', async () => {
      const api = 'curl --silent http://127.0.0.1:9090/api/v1';
      await until(`${api}/query?query=up`, /"job":"sallyport"\},"value":\[[\d.]+,"1"\]/);
      expect(await machine.must(`${api}/rules`)).toMatch(/SallyportNoBackendUp/);
    });

    it('go away', async () => {
      await follow('away');
      expect(await machine.must('podman ps --all --quiet; podman volume ls --quiet')).toBe('');
    });

    it('run alone before a backend elsewhere, with a configuration of their own', async () => {
      await machine.must('podman run --detach --init --name old sallyport-legacy-backend:local');
      const address = (await machine.must("podman inspect --format '{{.NetworkSettings.IPAddress}}' old")).trim();
      await machine.must('mkdir -p /etc/sallyport/tls && cat > /etc/sallyport/sallyport.yaml', {
        input: read('deploy/docker/sallyport.yaml').replace('host: backend', `host: ${address}`),
      });
      await inClone(`'${process.execPath}' src/cli/main.ts certs /etc/sallyport/tls --name localhost`);
      await follow('owner');
      expect(await follow('container-check')).toMatch(/sallyport\.yaml: fine/);
      await follow('container');
      await until('curl --silent http://127.0.0.1:9121/readyz', /"ready":true/);
      const words = '--silent --show-error --ssl-reqd --cacert /etc/sallyport/tls/ca.crt --user demo:demo';
      await inClone(`curl ${words} --upload-file LICENSE ftp://localhost/licence`);
      expect(await inClone(`curl ${words} ftp://localhost/licence`)).toBe(read('LICENSE'));
    });

    it('are healthy as long as the gateway answers', async () => {
      await machine.must('podman healthcheck run sallyport');
      expect(await machine.must("docker inspect --format '{{.State.Health.Status}}' sallyport")).toBe('healthy\n');
      const nothing = 'podman run --rm --network none --entrypoint node --env SALLYPORT_HEALTH_URL sallyport:local';
      const [, test = ''] = /CMD \["node", "-e", "(.*)"\]$/m.exec(read('deploy/docker/Dockerfile')) ?? [];
      expect((await machine.run(`${nothing} -e '${test}'`)).code).toBe(1);
    });

    it('take over a changed configuration when they are told', async () => {
      await machine.must(
        'echo "limits: { sessions: 5 }" >> /etc/sallyport/sallyport.yaml && docker kill --signal HUP sallyport',
      );
      await until('docker logs sallyport', /config-applied/);
    });

    it('stop in peace', async () => {
      await machine.must('docker stop sallyport');
      expect(await machine.must("podman inspect --format '{{.State.ExitCode}}' sallyport")).toBe('0\n');
    });

    /** Asks until the answer is the one that is waited for; rejects after a minute. */
    async function until(commands: string, wanted: RegExp): Promise<void> {
      const end = performance.now() + 60_000;
      for (;;) {
        const { output } = await machine.run(commands);
        if (wanted.test(output)) return;
        if (performance.now() > end) throw new Error(`${commands} still says: ${output}`);
        await delay(100);
      }
    }
  },
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function baseOf(dockerfile: string): string {
  return /^ARG BASE_IMAGE=(\S+)$/m.exec(read(dockerfile))?.[1] ?? '';
}
