/**
 * `sallyport demo` without its words: throw-away certificates, an embedded backend over a temporary folder and a gateway
 * before it, all on loopback. Knows nothing of the command line.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateAuthority, generateServerCertificate } from '../certs/generate.ts';
import { parseConfig } from '../config/load.ts';
import type { Config, PortRange } from '../config/schema.ts';
import type { Logger } from '../observe/logger.ts';
import { type Service, startService } from '../service.ts';
import { type DemoBackend, startDemoBackend } from './backend.ts';

/** Ports of a demo; 0 is any free port. */
export interface DemoPorts {
  readonly explicit: number;
  readonly implicit: number;
  readonly passive: PortRange;
  readonly admin: number;
  readonly backend: number;
}

/** A running demo. */
export interface Demo {
  readonly service: Service;
  readonly backend: DemoBackend;
  /** Real ports. */
  readonly ports: DemoPorts;
  /** PEM file of the authority that signed the certificate of the gateway. */
  readonly caFile: string;
  /** Folder that the backend serves. */
  readonly files: string;
  /** A file, outside of that folder, to try an upload with. */
  readonly sample: string;
  /** Stops everything and removes all files. */
  stop(): Promise<void>;
  /** Removes all files at once, for a process that is about to exit. */
  removeFiles(): void;
}

const CERTIFIED_NAMES = ['localhost', '127.0.0.1', '::1'];

/** Starts a demo, or rejects with nothing left behind: with Node's own error where a port is taken. */
export async function startDemo(ports: DemoPorts, logger?: Logger): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-demo-'));
  let backend: DemoBackend | undefined;
  try {
    const paths = await writeFiles(folder);
    backend = await startDemoBackend({ root: paths.files, port: ports.backend });
    const config = demoConfig(ports, backend, paths);
    const service = await startService(config, logger === undefined ? {} : { logger });
    return runningDemo(folder, paths, config, service, backend);
  } catch (error) {
    await backend?.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface DemoPaths {
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
  readonly files: string;
  readonly sample: string;
}

function runningDemo(
  folder: string,
  { caFile, files, sample }: DemoPaths,
  config: Config,
  service: Service,
  backend: DemoBackend,
): Demo {
  const portOf = (mode: 'explicit' | 'implicit'): number =>
    service.gateway.listeners.find((listener) => listener.mode === mode)?.port ?? 0;
  return {
    service,
    backend,
    ports: {
      explicit: portOf('explicit'),
      implicit: portOf('implicit'),
      passive: config.data.passive.ports,
      admin: service.admin.port,
      backend: backend.port,
    },
    caFile,
    files,
    sample,
    async stop() {
      await service.stop();
      await backend.close();
      await rm(folder, { recursive: true, force: true });
    },
    removeFiles: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The addresses of the gateway are those that the backend found to exist: IPv4, and IPv6 where this machine has it. */
function demoConfig(ports: DemoPorts, backend: DemoBackend, { cert, key }: DemoPaths): Config {
  const listeners = backend.endpoints.flatMap(({ address }) => {
    const suffix = address.includes(':') ? '-ipv6' : '';
    return [
      { name: `explicit${suffix}`, address, port: ports.explicit, mode: 'explicit' },
      { name: `implicit${suffix}`, address, port: ports.implicit, mode: 'implicit' },
    ];
  });
  const settings = {
    listeners,
    tls: { certificates: [{ cert, key }] },
    data: { passive: { ports: `${ports.passive.first}-${ports.passive.last}` } },
    backends: [{ name: 'demo', host: backend.endpoints[0]?.address ?? '127.0.0.1', port: backend.port }],
    admin: { address: '127.0.0.1', port: ports.admin },
    log: { format: 'pretty' },
  };
  // JSON is YAML: the demo goes the way of every configuration.
  return parseConfig(JSON.stringify(settings), { env: {} });
}

async function writeFiles(folder: string): Promise<DemoPaths> {
  const files = join(folder, 'files');
  const paths = {
    caFile: join(folder, 'ca.crt'),
    cert: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    files,
    sample: join(folder, 'sample.txt'),
  };
  const authority = await generateAuthority({ commonName: 'Sallyport demo CA', days: 7 });
  const server = await generateServerCertificate(authority, { names: CERTIFIED_NAMES, days: 7 });
  await writeFile(paths.caFile, authority.cert);
  await writeFile(paths.cert, server.cert);
  await writeFile(paths.key, server.key, { mode: 0o600 });
  await writeFile(paths.sample, 'This file was uploaded over TLS to a server that knows none.\n');
  await mkdir(join(files, 'reports'), { recursive: true });
  await mkdir(join(files, 'incoming'));
  await writeFile(join(files, 'welcome.txt'), 'Welcome. You read this over TLS from a plain FTP server.\n');
  await writeFile(
    join(files, 'reports', 'first quarter.csv'),
    'month,parcels\nJanuary,1204\nFebruary,987\nMarch,1466\n',
  );
  await writeFile(join(files, 'reports', 'größe.bin'), Buffer.alloc(65_536, 'sallyport '));
  return paths;
}
