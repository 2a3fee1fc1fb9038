/**
 * The gateway between a client and a backend of the interop suite: in this process, configured by YAML text as an operator would,
 * with a certificate authority of its own. Reads its facts from the metrics, as an operator would too.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, vi } from 'vitest';
import { generateAuthority, generateClientCertificate, generateServerCertificate } from '../../src/certs/generate.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { PortRange } from '../../src/config/schema.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { type Service, startService } from '../../src/service.ts';
import { sumSeries } from '../support/prometheus-text.ts';
import { PASSWORD, USER } from './backends/backend.ts';
import type { Security, Target, TlsVersion } from './clients/client.ts';
import { freePorts } from './free-ports.ts';

const PASSIVE_PORTS = 10;
/** Clients that run side by side come from one address. */
const SESSIONS_PER_ADDRESS = 1000;

/** What stands behind the gateway, and where and how it listens. */
export interface GatewayOptions {
  readonly backendPort: number;
  /** Its address; 127.0.0.1 by default. */
  readonly backendHost?: string;
  /** Address of the listeners; 127.0.0.1 by default. */
  readonly address?: string;
  /** Whether clear text is refused (the default) or allowed. */
  readonly clearText?: 'refused' | 'allowed';
  /** Whether clients may give TLS up (CCC); not by default. */
  readonly ccc?: 'allow';
  /** How the data connections of the backend are made; `auto` by default. */
  readonly dataMode?: 'auto' | 'active';
  /** Size of the passive range. */
  readonly passivePorts?: number;
  /** Keys of `backends[]` in YAML flow style, such as `tls: explicit, ca: /ca.pem`. */
  readonly backend?: string;
  /** Keys of `audit` in YAML flow style. */
  readonly audit?: string;
  /** Clients must show a certificate, which stands in for the password or not. Clients are given one. */
  readonly clientCertificates?: 'beside-password' | 'in-place-of-password';
  /** Keys of the one route in YAML flow style, such as `readOnly: true`. */
  readonly route?: string;
  /** Keys of `limits` in YAML flow style. */
  readonly limits?: string;
  /** Rules of `access` in YAML flow style. */
  readonly access?: string;
  /** Folder of the backend that clients see as `/`. */
  readonly root?: string;
  /** Address of a balancer: only from there, with PROXY headers, and clients are sent there. */
  readonly balancer?: string;
}

/** A running gateway with an explicit and an implicit listener. */
export interface InteropGateway {
  readonly passivePorts: PortRange;
  target(security: Security, tls: TlsVersion): Target;
  /** Sum of a metric over all its series whose labels contain the given ones. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Bytes of each transfer that runs, by its path. */
  moved(): ReadonlyMap<string, number>;
  /** Writes the last warnings and errors of its log to the error output. */
  showLog(): void;
  /** Waits until every session and socket is gone; fails when some stay. */
  expectQuiet(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a gateway in front of a backend on 127.0.0.1. */
export async function startGateway(options: GatewayOptions): Promise<InteropGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-gateway-'));
  const log = new Complaints();
  try {
    const { authority, client } = await writeCertificates(folder);
    const certificate = options.clientCertificates === undefined ? undefined : client;
    const config = parseConfig(await configuration(folder, options));
    const service = await startService(config, { logger: createLogger({ ...config.log, destination: log }) });
    const address = options.balancer ?? options.address ?? '127.0.0.1';
    return interopGateway(service, {
      authority,
      certificate,
      folder,
      log,
      address,
      passivePorts: config.data.passive.ports,
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Parts {
  readonly authority: string;
  readonly certificate: Target['certificate'];
  readonly folder: string;
  readonly log: Complaints;
  /** Where clients connect to. */
  readonly address: string;
  readonly passivePorts: PortRange;
}

function interopGateway(service: Service, parts: Parts): InteropGateway {
  const { authority, certificate, folder, log, address, passivePorts } = parts;
  const { gateway, metrics } = service;
  const portOf = (mode: string) => gateway.listeners.find((listener) => listener.mode === mode)?.port ?? 0;
  return {
    passivePorts,
    target: (security, tls) => {
      const port = portOf(security === 'implicit' ? 'implicit' : 'explicit');
      return { host: address, port, security, tls, authority, certificate, user: USER, password: PASSWORD };
    },
    metric: async (name, labels = {}) => sumSeries(await metrics.render(), name, labels),
    moved: () =>
      new Map(
        [...gateway.sessions].flatMap((session): [string, number][] => {
          const { transfer } = session.snapshot();
          return transfer === null || transfer.direction === 'list' ? [] : [[transfer.path ?? '', transfer.bytes]];
        }),
      ),
    showLog: () => {
      process.stderr.write(`\nThe gateway complained:\n${log.complaints.join('')}\n`);
    },
    expectQuiet: () =>
      vi.waitFor(() => {
        expect({ sessions: gateway.activeSessions, sockets: gateway.openSockets }).toEqual({ sessions: 0, sockets: 0 });
      }, 10_000),
    async stop() {
      await service.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes an authority and the certificates of gateway and client; tells the paths of what a client needs. */
export async function writeCertificates(folder: string) {
  const authority = await generateAuthority();
  const server = await generateServerCertificate(authority, { names: ['localhost', '127.0.0.1', '127.0.0.8', '::1'] });
  const file = join(folder, 'authority.pem');
  await writeFile(file, authority.cert);
  await writeFile(join(folder, 'server.pem'), server.cert);
  await writeFile(join(folder, 'server.key'), server.key, { mode: 0o600 });
  const owner = await generateClientCertificate(authority, { commonName: USER });
  const client = { cert: join(folder, 'client.pem'), key: join(folder, 'client.key') };
  await writeFile(client.cert, owner.cert);
  await writeFile(client.key, owner.key, { mode: 0o600 });
  return { authority: file, client };
}

/** The keys of `tls` and `routes` about certificates of clients. */
function byCertificate(folder: string, how: GatewayOptions['clientCertificates']): { tls: string; routes: string } {
  if (how === undefined) return { tls: '', routes: '[]' };
  const password = how === 'in-place-of-password' ? 'not-needed' : 'required';
  const user = `{ from: subject-cn, password: ${password} }`;
  return {
    tls: `clientCertificates: { mode: require, ca: "${join(folder, 'authority.pem')}", user: ${user} }`,
    routes: password === 'required' ? '[]' : `[{ backends: [legacy], credentials: { password: "${PASSWORD}" } }]`,
  };
}

/** Undefined where nothing is said about the route. */
function oneRoute({ root, route }: GatewayOptions): string | undefined {
  const keys = [...(root === undefined ? [] : [`root: "${root}"`]), ...(route === undefined ? [] : [route])];
  return keys.length === 0 ? undefined : `[{ backends: [legacy], ${keys.join(', ')} }]`;
}

async function configuration(folder: string, options: GatewayOptions): Promise<string> {
  const { backendPort, address = '127.0.0.1', clearText = 'refused', balancer, passivePorts = PASSIVE_PORTS } = options;
  const rule = clearText === 'allowed' ? 'off' : 'enforce';
  const first = await freePorts(passivePorts);
  const certificates = byCertificate(folder, options.clientCertificates);
  const proxy = balancer === undefined ? '{}' : `{ control: required, trusted: ["${balancer}"] }`;
  return `
listeners:
  - { name: explicit, address: "${address}", port: 0, mode: explicit, proxyProtocol: ${proxy} }
  - { name: implicit, address: "${address}", port: 0, mode: implicit, proxyProtocol: ${proxy} }
tls:
  certificates: [{ cert: "${join(folder, 'server.pem')}", key: "${join(folder, 'server.key')}" }]
  ${certificates.tls}
routes: ${oneRoute(options) ?? certificates.routes}
access: { rules: [${options.access ?? ''}] }
policy: { requireTls: ${rule}, requireProtP: ${rule}, ccc: ${options.ccc ?? 'deny'} }
data:
  passive: { ports: ${first}-${first + passivePorts - 1} }
backends:
  - { name: legacy, host: ${options.backendHost ?? '127.0.0.1'}, port: ${backendPort}, dataMode: ${options.dataMode ?? 'auto'}, ${options.backend ?? ''} }
limits: { sessionsPerAddress: ${SESSIONS_PER_ADDRESS}, ${options.limits ?? ''} }
audit: { ${options.audit ?? ''} }
admin: { address: 127.0.0.1, port: 0 }
log: { level: info, format: json }
`;
}

/** A log that keeps the last of what went wrong. */
class Complaints extends Writable {
  #complaints: readonly string[] = [];

  /** The last lines about what went wrong. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const line = chunk.toString();
    const isGood = line.startsWith('{"level":"info"') && !/"outcome":"(?:failed|aborted|refused)"/.test(line);
    if (!isGood) this.#complaints = [...this.#complaints.slice(-9), line];
    done();
  }
}
