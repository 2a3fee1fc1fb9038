/**
 * Everything that runs for one configuration: gateway, side port, metrics and logger, started and stopped as one.
 * Knows nothing of files, of the command line and of signals.
 */
import { readFileSync } from 'node:fs';
import { startAdmin } from './admin/server.ts';
import type { Config } from './config/schema.ts';
import { Gateway } from './gateway.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { Metrics } from './observe/metrics.ts';
import { Admissions } from './policy/admissions.ts';

/** Version of this package, as in its `package.json`. */
export const VERSION: string = readVersion();

/** What runs. */
export interface Service {
  readonly gateway: Gateway;
  /** Where the side port listens. */
  readonly admin: { readonly address: string; readonly port: number };
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Ends sessions with 421, then the side port; resolves when every socket is closed. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a service in this process, whatever `workers` says: all of it or nothing. `logger` replaces the one that the configuration describes. Rejects with Node's own
 * error where a port cannot be bound (`EADDRINUSE`, `EACCES` …).
 */
export async function startService(config: Config, options: { readonly logger?: Logger } = {}): Promise<Service> {
  const logger = options.logger ?? createLogger(config.log);
  const metrics = new Metrics({ version: VERSION });
  const places = new Admissions(config.limits);
  const gateway = new Gateway({ config, logger, metrics, places });
  const readiness = () => gateway.readiness();
  const admin = await startAdmin({ ...config.admin, metrics, readiness, bans: () => places.bans, logger });
  try {
    await gateway.start();
  } catch (error) {
    await admin.close();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    // The side port goes last, so that readiness tells of the stop while it lasts.
    await gateway.stop();
    await admin.close();
  };
  return {
    gateway,
    admin: endpointOf(admin),
    metrics,
    logger,
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

function endpointOf({ address, port }: Service['admin']): Service['admin'] {
  return { address, port };
}

function readVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (typeof description === 'object' && description !== null && 'version' in description) {
    return String(description.version);
  }
  throw new Error('package.json has no version');
}
