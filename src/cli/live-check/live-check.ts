/**
 * Tries what a configuration promises: binds its ports, resolves its names, talks to its backends. Leaves nothing behind.
 */
import { Backend } from '../../backends/backend.ts';
import type { BackendConfig, Config } from '../../config/schema.ts';
import { OpenSockets } from '../../net/open-sockets.ts';
import { probeAfterLogin } from './after-login.ts';
import { probeBeforeLogin } from './before-login.ts';
import { type Finding, type Level, worst } from './finding.ts';
import { checkAdvertisedNames, checkBackendName } from './names.ts';
import { checkPorts } from './ports.ts';
import type { Login } from './secrets.ts';

/** Time for goodbyes to reach the backends (milliseconds). */
const GOODBYE = 1000;

/** Everything that was found. */
export interface LiveReport {
  /** The worst level of all findings. */
  readonly level: Level;
  readonly ports: readonly Finding[];
  /** Names that clients are told in replies to PASV. */
  readonly advertisedNames: readonly Finding[];
  readonly backends: readonly BackendReport[];
}

/** What was found of one backend. */
export interface BackendReport {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly findings: readonly Finding[];
}

/** Checks all at once. Without a login the backends are asked only what everybody may ask. */
export async function checkLive(config: Config, login: Login | undefined): Promise<LiveReport> {
  const sockets = new OpenSockets();
  const ports = await checkPorts(config);
  const [advertisedNames, backends] = await Promise.all([
    checkAdvertisedNames(config),
    Promise.all(config.backends.map((backend) => probeBackend(backend, config, sockets, login))),
  ]);
  await sockets.emptied(GOODBYE);
  await sockets.destroyAll();
  const level = worst([...ports, ...advertisedNames, ...backends.flatMap(({ findings }) => findings)]);
  return { level, ports, advertisedNames, backends };
}

async function probeBackend(
  backend: BackendConfig,
  { timeouts, limits }: Config,
  sockets: OpenSockets,
  login: Login | undefined,
): Promise<BackendReport> {
  const { name, host, port } = backend;
  const report = (...findings: readonly Finding[]): BackendReport => ({ name, host, port, findings });
  const resolved = await checkBackendName(host, timeouts.backendConnect);
  const names = resolved === undefined ? [] : [resolved];
  if (resolved?.level === 'failed') return report(...names);
  const probe = { backend: new Backend(backend), timeouts, limits, sockets };
  const { greeted, findings } = await probeBeforeLogin(probe);
  const inside = greeted && login !== undefined ? await probeAfterLogin(probe, login) : [];
  return report(...names, ...findings, ...inside);
}
