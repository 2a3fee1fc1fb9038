/**
 * A side port for tests: in front of a real gateway, with tokens or without.
 */
import { jointOperations, onlyPart } from '../../src/admin/joint-operations.ts';
import type { Operations } from '../../src/admin/operations.ts';
import { type Admin, startAdmin } from '../../src/admin/server.ts';
import type { AdminConfig } from '../../src/config/admin.ts';
import { gatewayOperations } from '../../src/gateway-operations.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Admissions } from '../../src/policy/admissions.ts';
import { wholeOperations } from '../../src/whole-operations.ts';
import type { TestGateway } from './test-gateway.ts';

/** Tokens of tests. */
export const READ_TOKEN = 'read-0123456789abcdef';
export const WRITE_TOKEN = 'write-0123456789abcdef';

/** A side port on a free loopback port without any protection. */
export const OPEN: AdminConfig = {
  address: '127.0.0.1',
  port: 0,
  readToken: null,
  readTokenFile: null,
  writeToken: null,
  writeTokenFile: null,
  tls: { cert: null, key: null, clientCa: null },
};

/** A running side port, and how to ask it. */
export interface TestSidePort {
  readonly admin: Admin;
  readonly url: string;
  /** Asks with this token; with the write token unless another one is named. */
  ask(path: string, options?: { readonly method?: string; readonly token?: string | null }): Promise<Response>;
}

/** The operations of a test gateway. A reload reports that it was applied, and changes nothing. */
export function operationsOf(
  { gateway, config, metrics, counts }: TestGateway,
  drain = () => gateway.drain(60_000),
): Operations {
  const part = onlyPart(gatewayOperations(gateway, metrics));
  return jointOperations(
    () => [part],
    wholeOperations({
      version: '0.0.0-test',
      workers: 1,
      metrics,
      readiness: () => ({ ...gateway.readiness(), warnings: [] }),
      reloads: {
        config,
        reload: async () => ({ outcome: 'applied', problems: [], warnings: [], restartNeeded: [] }),
      },
      admissions: new Admissions(config.limits),
      ledger: counts,
      drain,
    }),
  );
}

/** Runs `play` with a side port before a test gateway. */
export async function withSidePort(
  house: TestGateway,
  config: Partial<AdminConfig>,
  play: (sidePort: TestSidePort) => Promise<void>,
): Promise<void> {
  const logger = createLogger({ level: 'trace', format: 'json', destination: house.logs });
  const operations = operationsOf(house);
  const admin = await startAdmin({ config: { ...OPEN, ...config }, operations, logger, metrics: house.metrics });
  const url = `${config.tls?.cert ? 'https' : 'http'}://127.0.0.1:${admin.port}`;
  const ask: TestSidePort['ask'] = (path, { method = 'GET', token = WRITE_TOKEN } = {}) =>
    fetch(url + path, { method, headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  try {
    await play({ admin, url, ask });
  } finally {
    await admin.close();
  }
}
