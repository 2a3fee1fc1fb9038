/**
 * Everything that runs for one configuration: gateway, side port, metrics and logger, started and stopped as one.
 * Knows nothing of files, of the command line and of signals.
 */
import { readFileSync } from 'node:fs';
import { jointOperations, onlyPart } from './admin/joint-operations.ts';
import { startAdmin } from './admin/server.ts';
import type { Config } from './config/schema.ts';
import { Gateway } from './gateway.ts';
import { gatewayOperations, replicasShown } from './gateway-operations.ts';
import { type ReloadReport, type ReloadSource, Reloads, type ReloadTrigger, withRefusal } from './lifecycle/reloads.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { Metrics } from './observe/metrics.ts';
import { Admissions } from './policy/admissions.ts';
import { BackendAdmissions } from './policy/backend-admissions.ts';
import { Ledger } from './policy/ledger.ts';
import { wholeOperations } from './whole-operations.ts';

/** Version of this package, as in its `package.json`. */
export const VERSION: string = readVersion();

/** What runs. */
export interface Service {
  readonly gateway: Gateway;
  /** Where the side port listens. */
  readonly admin: { readonly address: string; readonly port: number };
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Reads the configuration file again and puts it in force, or refuses it whole. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadReport>;
  /**
   * Takes no more sessions and lets running transfers finish within `timeouts.drain`; resolves when no session is left. The side port goes
   * on. May be called again.
   */
  drain(): Promise<void>;
  /** Ends sessions with 421, then the side port; resolves when every socket is closed. May be called again. */
  stop(): Promise<void>;
}

export interface ServiceOptions extends ReloadSource {
  /** In place of the one that the configuration describes. */
  readonly logger?: Logger;
}

/**
 * Starts a service in this process, whatever `workers` says: all of it or nothing. Rejects with Node's own error where a port cannot be
 * bound (`EADDRINUSE`, `EACCES` …).
 */
export async function startService(config: Config, options: ServiceOptions = {}): Promise<Service> {
  const logger = options.logger ?? createLogger(config.log);
  const metrics = new Metrics({ version: VERSION });
  const places = new Admissions(config.limits);
  const backendPlaces = new BackendAdmissions(config.backends);
  const counts = new Ledger(config.limits);
  const gateway = new Gateway({ config, logger, metrics, places, backendPlaces, counts });
  const reloads = new Reloads({
    ...options,
    config,
    logger,
    metrics,
    apply: async (next) => {
      const change = await gateway.prepare(next);
      try {
        await admin.replace(next.admin);
      } catch (error) {
        await change.abandon();
        throw error;
      }
      change.commit();
      places.change(next.limits);
      counts.change(next.limits);
      backendPlaces.change(next.backends);
      logger.level = next.log.level;
    },
    reopen: () => gateway.audit.reopen(),
  });
  const readiness = () => withRefusal(gateway.readiness(), reloads.refusal);
  const drain = () => {
    metrics.draining();
    return gateway.drain(reloads.config.timeouts.drain);
  };
  const replicas = () => replicasShown(gateway);
  const common = { version: VERSION, workers: 1, metrics, readiness, reloads, replicas, drain };
  const whole = { ...common, admissions: places, ledger: counts };
  const part = onlyPart(gatewayOperations(gateway, metrics));
  const operations = jointOperations(() => [part], wholeOperations(whole));
  const admin = await startAdmin({ config: config.admin, operations, metrics, logger });
  try {
    await gateway.start();
  } catch (error) {
    await admin.close();
    throw error;
  }
  void reloads.watch();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await reloads.stop();
    // The side port goes last, so that readiness tells of the stop while it lasts.
    await gateway.stop();
    await admin.close();
  };
  return {
    gateway,
    admin: endpointOf(admin),
    metrics,
    logger,
    reload: (trigger) => reloads.reload(trigger),
    drain,
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
