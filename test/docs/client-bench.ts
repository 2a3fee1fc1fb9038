/**
 * What stands before the examples of docs/clients.md: a gateway of its own process, with a log that tells which data connections resumed a TLS
 * session.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Running } from '../cli/run.ts';
import { freePorts } from '../interop/free-ports.ts';
import { testCertificate } from '../support/certificates.ts';
import { type LogLine, LogLines } from '../support/log-lines.ts';

const PASSIVE_PORTS = 4;

/** A running gateway on 127.0.0.1. */
export interface ClientBench {
  /** Ports of its listeners. */
  readonly explicit: number;
  readonly implicit: number;
  /** Log lines of transfers since the last call, of sessions that are over. */
  newTransfers(): Promise<readonly LogLine[]>;
  stop(): Promise<void>;
}

/** What differs from the defaults. */
export interface ClientBenchOptions {
  readonly backendPort: number;
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly sessionReuse: 'require' | 'prefer';
}

/** Starts it; its configuration is written into the folder. Rejects with what it said where it does not start. */
export async function startClientBench(folder: string, options: ClientBenchOptions): Promise<ClientBench> {
  const { backendPort, maxVersion, sessionReuse } = options;
  const { cert, key } = await testCertificate();
  const first = await freePorts(PASSIVE_PORTS);
  const file = join(folder, `${maxVersion}-${sessionReuse}.yaml`);
  await writeFile(
    file,
    `
listeners:
  - { name: explicit, address: 127.0.0.1, port: 0 }
  - { name: implicit, address: 127.0.0.1, port: 0, mode: implicit }
tls: { certificates: [{ cert: "${cert}", key: "${key}" }], maxVersion: ${maxVersion} }
policy: { sessionReuse: ${sessionReuse} }
data: { passive: { ports: ${first}-${first + PASSIVE_PORTS - 1} } }
backends: [{ name: legacy, host: 127.0.0.1, port: ${backendPort} }]
admin: { port: 0 }
`,
  );
  const running = new Running(['serve', '--config', file]);
  const logs = new LogLines();
  running.child.stdout?.pipe(logs);
  const portOf = async (listener: string) =>
    Number((await logs.until({ event: 'listening', listener }, 10_000))['port']);
  const [explicit, implicit] = await Promise.all([portOf('explicit'), portOf('implicit')]).catch(async (error) => {
    await running.kill();
    throw new Error(running.err, { cause: error });
  });
  let told = 0;
  return {
    explicit: explicit!,
    implicit: implicit!,
    async newTransfers() {
      // Lines are written in order: behind those of a visitor that only knocks stand all of the sessions before.
      const visitor = connect(explicit!, '127.0.0.1');
      await once(visitor, 'data');
      const client = `127.0.0.1:${visitor.localPort}`;
      visitor.destroy();
      await logs.until({ event: 'session-ended', client });
      const lines = logs.lines.slice(told).filter(({ event }) => event === 'transfer');
      told = logs.lines.length;
      return lines;
    },
    stop: () => running.kill(),
  };
}
