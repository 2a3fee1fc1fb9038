/**
 * What follows from one configuration: certificates, backends, routes, and the environment of the sessions that begin under it. The
 * next configuration gets a generation of its own; sessions keep the one in which they began. Opens no port.
 */
import { lookup } from 'node:dns/promises';
import { isDeepStrictEqual } from 'node:util';
import { AccessTable } from './access/rules.ts';
import type { Backend } from './backends/backend.ts';
import { BackendRoutes } from './backends/backend-routes.ts';
import { observedBackend } from './backends/observed-backend.ts';
import { prepareTls, tellUnverified } from './backends/prepare-tls.ts';
import { watchBackend } from './backends/watch.ts';
import type { BackendConfig, Config } from './config/schema.ts';
import { AdvertisedAddress } from './data/advertise.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { DecisionHook } from './policy/decision-hook.ts';
import type { SessionEnvironment } from './session/session-environment.ts';
import { loadServerContexts, type ServerContexts } from './tls/contexts.ts';

/** What sessions share whatever their configuration is. */
export type SharedEnvironment = Omit<
  SessionEnvironment,
  'config' | 'contexts' | 'routes' | 'access' | 'decisionHook' | 'advertised'
>;

export interface GenerationOptions {
  readonly config: Config;
  readonly shared: SharedEnvironment;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The generation in force: its backends stay where their settings are the same, with what was learned about them. */
  readonly before: Generation | undefined;
  /** Names of backends that get no new sessions. */
  readonly drained: ReadonlySet<string>;
  /** The number of this one, where there are several behind one address. */
  readonly replica?: number | undefined;
}

export class Generation {
  readonly config: Config;
  readonly contexts: ServerContexts | undefined;
  readonly backends: readonly Backend[];
  readonly environment: SessionEnvironment;
  readonly #options: Omit<GenerationOptions, 'before'>;
  /** Until it is in force; afterwards nothing must keep the one before alive. */
  #before: Generation | undefined;
  #fresh: readonly Backend[];
  readonly #watching = new AbortController();

  private constructor({ before, ...options }: GenerationOptions, made: Made) {
    const { config, shared } = options;
    this.#options = options;
    this.#before = before;
    this.#fresh = made.fresh;
    this.config = config;
    this.contexts = made.contexts;
    this.backends = made.backends;
    this.environment = {
      ...shared,
      config,
      contexts: made.contexts,
      routes: made.routes,
      access: new AccessTable(config.access),
      decisionHook: made.decisionHook,
      advertised: new AdvertisedAddress(config.data.passive.advertise, resolveIpv4),
    };
  }

  /** Reads all files that the configuration names. Rejects with the error of the first that cannot be used. Changes nothing. */
  static async load(options: GenerationOptions): Promise<Generation> {
    const { config, logger, metrics, before, drained, replica } = options;
    const contexts = await loadServerContexts(
      config.tls,
      config.listeners.map(({ clientCertificates }) => clientCertificates),
      replica,
    );
    // Also of a backend that stays: its files may have changed.
    const fresh = config.backends.map((each) =>
      observedBackend(each, logger, metrics, drained, before?.backend(each.name)),
    );
    await prepareTls(fresh);
    const backends = fresh.map((each) => before?.sameBackend(each.config) ?? each);
    const routes = await BackendRoutes.load(config, backends);
    const decisionHook = await DecisionHook.load(config.decisionHook);
    return new Generation(options, { contexts, backends, fresh, routes, decisionHook });
  }

  /** Puts it in force: its backends are watched, in place of those of the generation before. */
  begin(): void {
    const { logger, metrics, shared, config, drained } = this.#options;
    const before = this.#before;
    before?.retire();
    shared.limits.change(config);
    for (const backend of before?.backends ?? []) if (!this.backends.includes(backend)) backend.retire();
    for (const { name } of this.backends) {
      metrics.backendConfigured(name);
      metrics.backendDrained(name, drained.has(name));
    }
    tellUnverified(this.backends, logger, metrics);
    metrics.certificates(this.contexts?.certificates ?? []);
    for (const { name } of before?.backends ?? []) if (this.backend(name) === undefined) metrics.backendGone(name);
    for (const [index, backend] of this.backends.entries()) {
      const { contexts } = this.#fresh[index] ?? backend;
      if (contexts !== undefined) backend.renew(contexts);
      void watchBackend({ backend, config, sockets: shared.sockets, signal: this.#watching.signal });
    }
    this.#before = undefined;
    this.#fresh = [];
  }

  /** Its backends are not watched any more. */
  retire(): void {
    this.#watching.abort();
  }

  backend(name: string): Backend | undefined {
    return this.backends.find((each) => each.name === name);
  }

  sameBackend(config: BackendConfig): Backend | undefined {
    return this.backends.find((each) => isDeepStrictEqual(each.config, config));
  }
}

interface Made extends Pick<SessionEnvironment, 'contexts' | 'routes' | 'decisionHook'> {
  readonly backends: readonly Backend[];
  /** As they would be without those that stay. */
  readonly fresh: readonly Backend[];
}

/** As the system resolves names, `/etc/hosts` included. */
async function resolveIpv4(name: string): Promise<readonly string[]> {
  const answers = await lookup(name, { family: 4, all: true });
  return answers.map(({ address }) => address);
}
