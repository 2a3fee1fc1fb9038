/**
 * The gateway as a process of its own, `sallyport serve` with a file of configuration, for what a test cannot do to itself: living by a
 * clock that is moved. One process has many backends; a client says with HOST which of them it wants. Facts come from its log.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { Running } from '../cli/run.ts';
import { LogLines } from '../support/log-lines.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { PASSWORD, USER } from './backends/backend.ts';
import type { MovableClock } from './clock.ts';
import { freePorts } from './free-ports.ts';

const PASSIVE_PORTS = 10;

/** A backend on 127.0.0.1; its name is also that of HOST. */
export interface NamedBackend {
  readonly name: string;
  readonly port: number;
  /** Keys of `backends[]` in YAML flow style, such as `tls: explicit, ca: /ca.pem`. */
  readonly keys: string;
}

/** A running process with an explicit listener on 127.0.0.1. */
export interface GatewayProcess {
  /** A session that has logged in to a backend, with TLS and PROT P. */
  logIn(backend: string, tls?: ConnectionOptions): Promise<ScriptedClient>;
  readonly logs: LogLines;
  stop(): Promise<void>;
}

/** Starts it in a folder with its certificates (see `writeCertificates`); resolves when it accepts. */
export async function startGatewayProcess(
  folder: string,
  clock: MovableClock,
  backends: readonly NamedBackend[],
): Promise<GatewayProcess> {
  const file = join(folder, 'sallyport.yaml');
  await writeFile(file, await configuration(folder, backends));
  const running = new Running(['serve', '--config', file], clock.environment);
  const logs = new LogLines();
  running.child.stdout?.pipe(logs);
  const { port } = await logs.until({ event: 'listening' }, 10_000).catch(async (error) => {
    await running.kill();
    throw new Error(running.err, { cause: error });
  });
  return {
    async logIn(backend, tls) {
      const client = await ScriptedClient.connect(
        { address: '127.0.0.1', port: Number(port) },
        { ...(tls && { tls }) },
      );
      await client.expect(220);
      await client.auth();
      await client.command(`HOST ${backend}`, 220);
      await client.login(USER, PASSWORD);
      await client.protect();
      return client;
    },
    logs,
    stop: () => running.kill(),
  };
}

async function configuration(folder: string, backends: readonly NamedBackend[]): Promise<string> {
  const first = await freePorts(PASSIVE_PORTS);
  return `
listeners: [{ name: explicit, address: 127.0.0.1, port: 0 }]
tls: { certificates: [{ cert: "${join(folder, 'server.pem')}", key: "${join(folder, 'server.key')}" }] }
data: { passive: { ports: ${first}-${first + PASSIVE_PORTS - 1} } }
backends:
${backends.map(({ name, port, keys }) => `  - { name: ${name}, host: 127.0.0.1, port: ${port}, ${keys} }`).join('\n')}
routes:
${backends.map(({ name }) => `  - { match: { host: ${name} }, backends: [${name}] }`).join('\n')}
admin: { address: 127.0.0.1, port: 0 }
`;
}
