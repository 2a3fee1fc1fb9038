/**
 * The composition root: from a configuration to listeners, the passive range, backends and sessions, and from there to the next
 * configuration. One object without globals, so that several can live in one process.
 */
import type { Socket } from 'node:net';
import { admit } from './admit.ts';
import type { Backend } from './backends/backend.ts';
import { readinessOfBackends } from './backends/readiness.ts';
import { within } from './backends/within.ts';
import type { Config, ListenerConfig } from './config/schema.ts';
import { portsOf } from './config/worker-slices.ts';
import { ControlListeners } from './control-listeners.ts';
import type { PassiveUsage } from './data/passive-pool.ts';
import { GatewayError } from './errors/errors.ts';
import { Generation, type SharedEnvironment } from './generation.ts';
import { identifyBy } from './identify.ts';
import { OpenSockets } from './net/open-sockets.ts';
import { type PreparedChange, prepareAll } from './net/prepared-change.ts';
import { SpareBuffers } from './net/read-buffers.ts';
import { Audit } from './observe/audit/audit.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { RecentFailures } from './observe/recent-failures.ts';
import { writeEvent } from './observe/write-event.ts';
import { PassiveRange } from './passive-range.ts';
import { Admissions, type SessionPlaces } from './policy/admissions.ts';
import { BackendAdmissions, type BackendPlaces } from './policy/backend-admissions.ts';
import { Bandwidth } from './policy/bandwidth.ts';
import type { Counts } from './policy/claims.ts';
import { Ledger } from './policy/ledger.ts';
import { LimitsInForce } from './policy/limits-in-force.ts';
import type { Replication } from './replication/replication.ts';
import { LoginPace } from './session/login-pace.ts';
import { OpenSessions } from './session/open-sessions.ts';
import type { CertificateInUse } from './tls/contexts.ts';

export interface GatewayOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Ports of the passive range that are this gateway's; by default all of them. */
  readonly passivePorts?: readonly number[];
  /** Who counts sessions; by default the gateway itself, by `limits`. */
  readonly places?: SessionPlaces;
  /** Who counts sessions of backends; by default the gateway itself, by their `maxSessions`. */
  readonly backendPlaces?: BackendPlaces;
  /** Who counts what is limited for users, addresses and routes; by default the gateway itself. */
  readonly counts?: Counts;
  /** The bandwidths that are limited; by default they are all this gateway's. */
  readonly bandwidth?: Bandwidth;
  /** Names of backends that get no new sessions. */
  readonly drained?: Set<string>;
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
  /** Its audit log: to be opened anew when somebody has renamed its files. */
  readonly audit: Audit;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #sockets = new OpenSockets();
  readonly #stopping = new AbortController();
  readonly #firstConfig: Config;
  readonly #firstPorts: readonly number[];
  readonly #passive: PassiveRange;
  readonly #listeners: ControlListeners;
  readonly #shared: SharedEnvironment;
  /** The sessions that are open. */
  readonly sessions = new OpenSessions();
  /** Names of backends that get no new sessions, whatever the configuration. */
  readonly drained: Set<string>;
  /** The bandwidths that are limited, with their use. */
  readonly bandwidth: Bandwidth;
  /** What did not work for clients of this gateway. */
  readonly failures = new RecentFailures();
  /** What is in force; undefined before the start. */
  #generation: Generation | undefined;

  constructor(options: GatewayOptions) {
    const { config, logger, metrics } = options;
    this.drained = options.drained ?? new Set();
    this.bandwidth = options.bandwidth ?? new Bandwidth();
    this.#logger = logger;
    this.#metrics = metrics;
    this.audit = new Audit({ logger, metrics });
    this.#firstConfig = config;
    this.#firstPorts = options.passivePorts ?? portsOf(config.data.passive.ports);
    this.#passive = new PassiveRange({
      ...{ config, logger, metrics, sockets: this.#sockets, signal: this.#stopping.signal },
      onError: (error) => this.#acceptFailed(error),
    });
    this.#listeners = new ControlListeners({
      keepAlive: config.timeouts.keepalive,
      shared: true,
      sockets: this.#sockets,
      onError: (error) => this.#acceptFailed(error),
    });
    this.#shared = {
      places: options.places ?? new Admissions(config.limits),
      backendPlaces: options.backendPlaces ?? new BackendAdmissions(config.backends),
      limits: new LimitsInForce(config, options.counts ?? new Ledger(config.limits), this.bandwidth),
      pace: new LoginPace(),
      failures: this.failures,
      passivePool: this.#passive.pool,
      sockets: this.#sockets,
      spareBuffers: new SpareBuffers(),
      audit: this.audit,
      listensOn: (port) => this.#listensOn(port),
      onUnclaimed: (port, address) => this.#passive.unclaimed(port, address, 'unexpected'),
    };
  }

  /** Binds every listener and every passive port; rejects with all released when one cannot be bound. */
  async start(): Promise<void> {
    try {
      (await this.prepare(this.#firstConfig, this.#firstPorts)).commit();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Makes a configuration ready: reads its files and binds the ports that it has more. Rejects, with nothing changed, when something of
   * it cannot be had. Once it is in force, sessions that begin have it; those that run keep theirs.
   */
  async prepare(config: Config, passivePorts = portsOf(config.data.passive.ports)): Promise<PreparedChange> {
    const generation = await Generation.load({
      config,
      shared: this.#shared,
      logger: this.#logger,
      metrics: this.#metrics,
      before: this.#generation,
      drained: this.drained,
      replica: this.replication?.index,
    });
    const wanted = config.listeners.map((listener) => ({
      config: listener,
      welcome: this.#welcome(listener, generation),
    }));
    const opened = await prepareAll([
      () => this.audit.prepare(config.audit),
      () => this.#passive.prepare(config, passivePorts),
      () => this.#listeners.prepare(wanted),
    ]);
    if (this.#stopping.signal.aborted) {
      await opened.abandon();
      throw new GatewayError('shutting-down');
    }
    const commit = () => {
      const before = this.listeners;
      generation.begin();
      this.#generation = generation;
      opened.commit();
      this.#tellListeners(before);
    };
    return { commit, abandon: opened.abandon };
  }

  /**
   * Takes no more sessions (421), ends those without a running transfer, and lets the others finish theirs; after `deadline` milliseconds
   * they are cut as aborted. Resolves when none is left. The ports stay bound: see {@link stop}. Idempotent.
   */
  drain(deadline: number): Promise<void> {
    if (!this.sessions.isDraining) {
      writeEvent(this.#logger, 'draining', 'draining', { sessions: this.activeSessions, deadline });
    }
    const { replication } = this;
    const passed = replication && within(replication.drained(), deadline);
    return Promise.all([this.sessions.drain(deadline), passed]).then(() => {});
  }

  /** Says 421 to all sessions, cuts running transfers as aborted, and resolves when every socket is closed. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    writeEvent(this.#logger, 'stopping', 'stopping', { sessions: this.activeSessions });
    this.#stopping.abort(new GatewayError('shutting-down'));
    this.#generation?.retire();
    const closed = Promise.all([this.#listeners.close(), this.#passive.close()]);
    this.sessions.close(new GatewayError('shutting-down'));
    await this.#sockets.emptied(FAREWELL);
    await Promise.all([this.#sockets.destroyAll(), closed]);
    await within(this.sessions.drain(0), FAREWELL); // until they have told of their last transfers
    await this.replication?.stop();
    await this.audit.close();
    writeEvent(this.#logger, 'stopped', 'stopped', {});
  }

  /** The listeners with their real ports, after {@link start}. */
  get listeners(): readonly BoundListener[] {
    return this.#listeners.all.map(({ config: { name, address, mode }, listener }) => ({
      name,
      address,
      port: listener.local.port,
      mode,
    }));
  }

  get activeSessions(): number {
    return this.sessions.size;
  }

  /** Control and data sockets of both sides that are open. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Ports of the passive range with nobody waiting, and data connections that are waited for. */
  get passivePorts(): PassiveUsage {
    return this.#passive.pool.usage;
  }

  /** The other replicas behind the same address; undefined where there are none. */
  get replication(): Replication | undefined {
    return this.#passive.replication;
  }

  /** The certificates that clients are shown. */
  get certificates(): readonly CertificateInUse[] {
    return this.#generation?.contexts?.certificates ?? [];
  }

  /** The backends of the configuration in force. */
  get backends(): readonly Backend[] {
    return this.#generation?.backends ?? [];
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#stopping.signal.aborted) reasons.push('stopping');
    else if (this.sessions.isDraining) reasons.push('draining');
    if (this.#listeners.all.length === 0) reasons.push('no listener is bound');
    reasons.push(...(this.replication?.refusals ?? []), ...readinessOfBackends(this.backends));
    const { certificates } = this;
    if (certificates.length > 0 && certificates.every(({ notAfter }) => notAfter.getTime() < Date.now())) {
      reasons.push('every certificate has expired');
    }
    if (this.audit.refusal !== undefined) reasons.push(this.audit.refusal);
    return { ready: reasons.length === 0, reasons };
  }

  #listensOn(port: number): boolean {
    const { admin, data } = this.#generation?.config ?? this.#firstConfig;
    const { first, last } = data.passive.ports;
    return port === admin.port || (port >= first && port <= last) || this.listeners.some((each) => each.port === port);
  }

  #acceptFailed(error: Error): void {
    writeEvent(this.#logger, 'accept-failed', 'a connection could not be accepted', { detail: error.message });
  }

  /** What is done with clients of this listener. */
  #welcome(listener: ListenerConfig, { config, environment }: Generation): (socket: Socket) => void {
    const { control, trusted } = listener.proxyProtocol;
    const common = {
      listener,
      environment,
      sessions: this.sessions,
      logger: this.#logger,
      metrics: this.#metrics,
      signal: this.#stopping.signal,
    };
    const timeout = config.timeouts.proxyHeader;
    const identify = identifyBy({ ...common, channel: 'control', header: control, trusted, timeout });
    return (socket) => void admit({ ...common, identify, socket });
  }

  #tellListeners(before: readonly BoundListener[]): void {
    for (const { name, mode, address, port } of this.listeners) {
      if (before.some((each) => each.name === name && each.mode === mode && each.port === port)) continue;
      writeEvent(this.#logger, 'listening', `listening for ${mode} FTPS`, { listener: name, mode, address, port });
    }
  }
}
