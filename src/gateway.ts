/**
 * The composition root: from a configuration to listeners, the passive range, backends and sessions. One object without
 * globals, so that several can live in one process.
 */
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { admit } from './admit.ts';
import type { Backend } from './backends/backend.ts';
import { BackendRoutes } from './backends/backend-routes.ts';
import { observedBackend } from './backends/observed-backend.ts';
import { prepareTls } from './backends/prepare-tls.ts';
import { readinessOfBackends } from './backends/readiness.ts';
import { watchBackend } from './backends/watch.ts';
import type { Config, ListenerConfig } from './config/schema.ts';
import { AdvertisedAddress } from './data/advertise.ts';
import { PassivePool, type UnclaimedCause } from './data/passive-pool.ts';
import { GatewayError } from './errors/errors.ts';
import { type Identify, identifyBy } from './identify.ts';
import type { Endpoint } from './net/address.ts';
import { type Listener, listen } from './net/listener.ts';
import { OpenSockets } from './net/open-sockets.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { writeEvent } from './observe/write-event.ts';
import { Admissions, type SessionPlaces } from './policy/admissions.ts';
import { BackendAdmissions, type BackendPlaces } from './policy/backend-admissions.ts';
import { DecisionHook } from './policy/decision-hook.ts';
import { LoginPace } from './session/login-pace.ts';
import type { Session } from './session/session.ts';
import type { SessionEnvironment } from './session/session-environment.ts';
import { loadServerContexts, type ServerContexts } from './tls/contexts.ts';

export interface GatewayOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Who counts sessions; by default the gateway itself, by `limits`. */
  readonly places?: SessionPlaces;
  /** Who counts sessions of backends; by default the gateway itself, by their `maxSessions`. */
  readonly backendPlaces?: BackendPlaces;
}

/** A listener as it was bound. */
export interface BoundListener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly mode: 'explicit' | 'implicit';
}

/** Whether the gateway can serve; and if not, all that stands against it. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** How long running sessions may take to go at {@link Gateway.stop} (milliseconds). */
const FAREWELL = 3000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #sockets = new OpenSockets();
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<Session>();
  readonly #places: SessionPlaces;
  #listeners: readonly { readonly config: ListenerConfig; readonly bound: Listener }[] = [];
  #passivePool: PassivePool | undefined;
  #backends: readonly Backend[] = [];
  #contexts: ServerContexts | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#places = options.places ?? new Admissions(options.config.limits);
  }

  /** Binds every listener and every passive port; rejects with all released when one cannot be bound. */
  async start(): Promise<void> {
    const { config, metrics } = this.#options;
    this.#contexts = await loadServerContexts(
      config.tls,
      config.listeners.map(({ clientCertificates }) => clientCertificates),
    );
    for (const { name, notAfter } of this.#contexts?.certificates ?? []) metrics.certificateExpiry(name, notAfter);
    try {
      const passivePool = await this.#openPassivePool();
      const environment = await this.#environment(passivePool);
      this.#listeners = await this.#listen(environment);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Says 421 to all sessions, cuts running transfers as aborted, and resolves when every socket is closed. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { logger } = this.#options;
    writeEvent(logger, 'stopping', 'stopping', { sessions: this.#sessions.size });
    this.#stopping.abort(new GatewayError('shutting-down'));
    const closed = Promise.all([
      ...this.#listeners.map(({ bound }) => bound.close()),
      this.#passivePool?.close() ?? Promise.resolve(),
    ]);
    for (const session of this.#sessions) session.close(new GatewayError('shutting-down'));
    await this.#sockets.emptied(FAREWELL);
    await this.#sockets.destroyAll();
    await closed;
    writeEvent(logger, 'stopped', 'stopped', {});
  }

  /** The listeners with their real ports, after {@link start}. */
  get listeners(): readonly BoundListener[] {
    return this.#listeners.map(({ config, bound }) => ({
      name: config.name,
      address: config.address,
      port: bound.local.port,
      mode: config.mode,
    }));
  }

  get activeSessions(): number {
    return this.#sessions.size;
  }

  /** Control and data sockets of both sides that are open. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Ports of the passive range with nobody waiting, and data connections that are waited for. */
  get passivePorts(): { readonly free: number; readonly waiting: number } {
    return this.#passivePool?.usage ?? { free: 0, waiting: 0 };
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#stopping.signal.aborted) reasons.push('stopping');
    if (this.#listeners.length === 0) reasons.push('no listener is bound');
    reasons.push(...readinessOfBackends(this.#backends));
    const certificates = this.#contexts?.certificates ?? [];
    if (certificates.length > 0 && certificates.every(({ notAfter }) => notAfter.getTime() < Date.now())) {
      reasons.push('every certificate has expired');
    }
    return { ready: reasons.length === 0, reasons };
  }

  async #openPassivePool(): Promise<PassivePool> {
    const { config, metrics } = this.#options;
    const pool = await PassivePool.open({
      addresses: distinctAddresses(config.listeners.map(({ address }) => address)),
      ports: config.data.passive.ports,
      peer: config.data.peer,
      identification: config.timeouts.tlsHandshake,
      wait: config.timeouts.passivePort,
      keepAlive: config.timeouts.keepalive,
      sockets: this.#sockets,
      ...this.#identifyData(),
      onUnclaimed: (port, address, cause) => this.#unclaimed(port, address, cause),
      onError: (error) => this.#acceptFailed(error),
    });
    this.#passivePool = pool;
    metrics.setPassivePortsReader(() => ({ free: pool.usage.free, waiting: pool.usage.waiting }));
    return pool;
  }

  async #environment(passivePool: PassivePool): Promise<SessionEnvironment> {
    const { config, logger, metrics, backendPlaces = new BackendAdmissions(config.backends) } = this.#options;
    this.#backends = config.backends.map((backend) => observedBackend(backend, logger, metrics));
    await prepareTls(this.#backends, logger, metrics);
    const routes = await BackendRoutes.load(config, this.#backends);
    const decisionHook = await DecisionHook.load(config.decisionHook);
    for (const backend of this.#backends) {
      void watchBackend({ backend, config, sockets: this.#sockets, signal: this.#stopping.signal });
    }
    return {
      config,
      contexts: this.#contexts,
      routes,
      decisionHook,
      backendPlaces,
      pace: new LoginPace(),
      passivePool,
      advertised: new AdvertisedAddress(config.data.passive.advertise, resolveIpv4),
      sockets: this.#sockets,
      places: this.#places,
      listensOn: (port) => this.#listensOn(port),
      onUnclaimed: (port, address) => this.#unclaimed(port, address, 'unexpected'),
    };
  }

  #listensOn(port: number): boolean {
    const { admin, data } = this.#options.config;
    const { first, last } = data.passive.ports;
    return port === admin.port || (port >= first && port <= last) || this.listeners.some((each) => each.port === port);
  }

  #unclaimed(port: number, address: string, cause: UnclaimedCause): void {
    const { logger, metrics } = this.#options;
    metrics.unclaimedDataConnection(cause);
    const fields = { port, address, problem: cause };
    writeEvent(logger, 'data-connection-unclaimed', 'this data connection belongs to nobody', fields);
  }

  /** The setting of the passive range is that of any listener; they agree. */
  #identifyData(): { readonly identify?: (socket: Socket) => Promise<Endpoint | undefined> } {
    const settings = this.#options.config.listeners.map(({ proxyProtocol }) => proxyProtocol);
    if (settings.every(({ data }) => data === 'off')) return {};
    const trusted = settings.flatMap((each) => each.trusted);
    const identify = this.#identifyBy('data', 'required', trusted);
    return { identify: async (socket) => (await identify(socket))?.client };
  }

  #identifyBy(channel: 'control' | 'data', header: 'off' | 'required', trusted: readonly string[]): Identify {
    const { config, logger, metrics } = this.#options;
    const timeout = config.timeouts.proxyHeader;
    return identifyBy({ channel, header, trusted, timeout, logger, metrics, signal: this.#stopping.signal });
  }

  #acceptFailed(error: Error): void {
    writeEvent(this.#options.logger, 'accept-failed', 'a connection could not be accepted', { detail: error.message });
  }

  async #listen(environment: SessionEnvironment): Promise<{ config: ListenerConfig; bound: Listener }[]> {
    const { config, logger, metrics } = this.#options;
    const listeners: { config: ListenerConfig; bound: Listener }[] = [];
    this.#listeners = listeners;
    for (const listener of config.listeners) {
      const { control, trusted } = listener.proxyProtocol;
      const identify = this.#identifyBy('control', control, trusted);
      const bound = await listen({
        address: listener.address,
        port: listener.port,
        keepAlive: config.timeouts.keepalive,
        shared: true,
        sockets: this.#sockets,
        onConnection: (socket) =>
          void admit({
            socket,
            identify,
            listener,
            environment,
            places: this.#places,
            logger,
            metrics,
            signal: this.#stopping.signal,
            onSession: (session) => this.#sessions.add(session),
            onEnd: (session) => this.#sessions.delete(session),
          }),
        onError: (error) => this.#acceptFailed(error),
      });
      listeners.push({ config: listener, bound });
      const { name, mode } = listener;
      writeEvent(logger, 'listening', `listening for ${mode} FTPS`, { listener: name, mode, ...bound.local });
    }
    return listeners;
  }
}

/** As the system resolves names, `/etc/hosts` included. */
async function resolveIpv4(name: string): Promise<readonly string[]> {
  const answers = await lookup(name, { family: 4, all: true });
  return answers.map(({ address }) => address);
}

/** Addresses to bind the passive range on: those of the listeners; `::` covers all of IPv4 and IPv6. */
function distinctAddresses(addresses: readonly string[]): readonly string[] {
  if (addresses.includes('::')) return ['::'];
  const distinct = [...new Set(addresses)];
  if (!distinct.includes('0.0.0.0')) return distinct;
  return distinct.filter((address) => address === '0.0.0.0' || address.includes(':'));
}
