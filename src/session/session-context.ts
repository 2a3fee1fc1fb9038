/**
 * What handlers see of a session and may set going: a view made anew for each command.
 */
import { ActiveBackendData } from '../backends/active-data.ts';
import type { Backend } from '../backends/backend.ts';
import type { BackendData } from '../backends/backend-data.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import { dialBackend } from '../backends/dial-backend.ts';
import { PassiveBackendData } from '../backends/passive-data.ts';
import type { ProxiedClient } from '../backends/proxy-preamble.ts';
import type { ListenerConfig, Policy } from '../config/schema.ts';
import type { ClientChannel } from '../control/client-channel.ts';
import type { Protection } from '../data/leg.ts';
import type { Identity } from '../data/rendezvous.ts';
import { asGatewayError } from '../errors/errors.ts';
import { type Endpoint, type Family, familyOf } from '../net/address.ts';
import { isOwnAddress } from '../net/own-addresses.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { refuseActiveTarget } from '../policy/active-target.ts';
import { addressKey } from '../policy/address-key.ts';
import { LimitReached } from '../policy/limit-reached.ts';
import type { ProtectionRule } from '../policy/protection.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import type { Command } from '../wire/command.ts';
import { serializeReply } from '../wire/reply.ts';
import { ActiveClientData } from './active-client-data.ts';
import { allowTransfer } from './allowed-transfer.ts';
import { ClientData } from './client-data.ts';
import { DataPlan } from './data-plan.ts';
import type { Login } from './login.ts';
import { newLogin } from './new-login.ts';
import type { AllowedTransfer, HandlerContext } from './outcome.ts';
import { type ControlSecurity, linkOf, type Phase } from './phase.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';
import type { Direction } from './verdict.ts';

export interface SessionContextOptions {
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly observer: SessionObserver;
  readonly phase: Phase;
  readonly standing: Standing;
  /** When the connection was accepted (`performance.now()`). */
  readonly acceptedAt: number;
  readonly client: ClientChannel;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
  /** A login has begun; it is the session's from here. */
  readonly onLogin: (login: Login) => void;
  /** A link was opened; the session owns it from here. */
  readonly onLink: (link: BackendLink) => void;
  /** Gives up the data connection that was set up before. */
  readonly dropPlan: () => void;
}

export class SessionContext implements HandlerContext {
  readonly #options: SessionContextOptions;

  constructor(options: SessionContextOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#options.phase;
  }

  get root(): HandlerContext['root'] {
    return this.#options.standing.root;
  }

  get control(): ControlSecurity {
    return this.#options.standing.control;
  }

  get protection(): Protection {
    return this.#options.standing.protection;
  }

  get policy(): Policy {
    const { listener, standing } = this.#options;
    return { ...listener.policy, ...standing.rules.policy };
  }

  get certified(): boolean {
    return this.#options.environment.contexts !== undefined;
  }

  get extendedOnly(): boolean {
    return this.#options.standing.extendedOnly;
  }

  get family(): Family {
    return familyOf(this.#options.client.local.address);
  }

  get hasUnreadInput(): boolean {
    return this.#options.client.hasUnreadInput;
  }

  reportPolicy(rule: ProtectionRule, verb: string): void {
    this.#options.observer.policy(rule, 'report', verb);
  }

  get servername(): string | undefined {
    return this.#options.standing.tls?.servername;
  }

  knowsHost(host: string): boolean {
    return this.#options.environment.routes.knowsHost(host);
  }

  async isBanned(): Promise<boolean> {
    const { environment, client } = this.#options;
    if (environment.config.limits.ban.failures === 'off') return false;
    return environment.places.isBanned(client.peer.address);
  }

  async countLogin(): Promise<void> {
    const { environment, client, observer } = this.#options;
    const { counts, limits } = environment.limits;
    const { loginRate: rate } = limits.perAddress;
    if (rate === 'unlimited') return;
    const [whose, key] = [addressKey(client.peer.address), 'limits.perAddress.loginRate'];
    const exceeded = await counts.attempt([{ limit: 'loginRate', scope: 'address', whose, key, rate }]);
    if (exceeded === undefined) return;
    const reached = new LimitReached('too-many-logins-of-address', exceeded.refused);
    observer.limits.reached(reached, 'USER');
    throw reached;
  }

  allowTransfer(command: Command, direction: Direction): Promise<AllowedTransfer> {
    return allowTransfer(command, direction, this.#options.standing);
  }

  beginLogin(user: string): Login {
    const { client, phase, onLogin } = this.#options;
    const before = linkOf(phase);
    const open = (backend: Backend, patience: number) => this.#openLink(backend, patience);
    const login = newLogin({ ...this.#options, user, address: client.peer.address, before, open });
    onLogin(login);
    // Not before: the loss of a link that a login still has ends the session.
    if (login.link !== before) before?.close();
    return login;
  }

  advertisedAddress(): Promise<string> {
    const { environment, client, signal } = this.#options;
    const address = environment.advertised.for(client.peer.address, client.local.address);
    // A resolver may take long; a session that has ended must not wait for it.
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      address.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** As a backend that knows the PROXY protocol is told of it. */
  get #proxiedClient(): ProxiedClient {
    const { client, observer } = this.#options;
    const { tls } = observer;
    const shown = tls?.clientCertificate;
    const certificate = shown && { commonName: shown.commonNames[0] };
    return {
      ends: { source: client.peer, destination: client.local },
      ...(tls && { alpn: tls.protocol, authority: tls.servername, tls: { ...tls, certificate } }),
    };
  }

  async #openLink(backend: Backend, patience: number): Promise<BackendLink> {
    const { environment, observer, signal, onLink } = this.#options;
    const { config, sockets, backendPlaces } = environment;
    const begun = performance.now();
    try {
      const link = await dialBackend({
        ...{
          backend,
          places: backendPlaces,
          timeouts: config.timeouts,
          patience,
          limits: config.limits,
          signal,
          sockets,
          client: this.#proxiedClient,
        },
        onUnsolicited: (reply) => observer.unsolicitedReply(backend.name, serializeReply(reply).trimEnd()),
      });
      observer.backendConnected(backend.name, performance.now() - begun, link.tls?.facts, link);
      onLink(link);
      return link;
    } catch (error) {
      const { code, detail } = asGatewayError(error, 'backend-unreachable');
      if (!signal.aborted) observer.backendFailed(backend.name, code, detail);
      throw error;
    }
  }

  /** Whether a data connection of this session can be told by TLS alone, and whether the client is known to do it right. */
  #identity(): Identity {
    const { tls, protection, resumes } = this.#options.standing;
    if (tls === undefined || protection === 'clear' || resumes === 'no') return 'none';
    if (this.policy.sessionReuse === 'off') return 'none';
    // Where addresses say nothing, what a client mixes up sometimes is better than nothing.
    if (tls.mixedUp) return this.#options.environment.config.data.peer === 'any' ? 'provable' : 'none';
    return resumes === 'yes' ? 'distinct' : 'provable';
  }

  #recognises(): ((hello: ClientHello) => boolean) | undefined {
    const { tls } = this.#options.standing;
    return tls === undefined || this.#identity() === 'none' ? undefined : (hello) => tls.recognises(hello);
  }

  async planPassive(link: BackendLink): Promise<{ readonly plan: DataPlan; readonly port: number } | undefined> {
    const { environment, client, standing, signal, dropPlan } = this.#options;
    dropPlan();
    const claimant = {
      ...{ address: client.peer.address, session: standing },
      ...{ recognises: this.#recognises(), identity: this.#identity() },
    };
    const expectation = await environment.passivePool.expect(claimant, signal);
    if (signal.aborted) expectation?.release('unused');
    if (expectation === undefined || signal.aborted) return undefined;
    const half = new ClientData({
      expectation,
      tls: standing.tls,
      sessionReuse: this.policy.sessionReuse,
      protection: () => standing.protection,
      timeouts: environment.config.timeouts,
    });
    return { plan: new DataPlan(half, this.#backendData(link)), port: half.port };
  }

  planActive(link: BackendLink, port: number): DataPlan {
    const { environment, client, listener, standing, dropPlan } = this.#options;
    const { config, sockets } = environment;
    dropPlan();
    const half = new ActiveClientData({
      // Never an address that a client wrote: that of its control connection.
      target: { address: client.peer.address, port },
      // Behind a PROXY header the local address is that of the balancer.
      localAddress: listener.proxyProtocol.control === 'off' ? client.local.address : undefined,
      tls: standing.tls,
      sessionReuse: this.policy.sessionReuse,
      timeouts: config.timeouts,
      sockets,
    });
    return new DataPlan(half, this.#backendData(link));
  }

  offers(verb: string): boolean {
    return this.#options.standing.files?.offers(verb) ?? true;
  }

  get activeMode(): 'allow' | 'deny' {
    return this.#options.environment.config.data.active;
  }

  refuseActiveTarget(target: Endpoint): string | undefined {
    const { environment, client } = this.#options;
    const { address } = client.peer;
    const isOurs = (port: number) => environment.listensOn(port) && isOwnAddress(address);
    return refuseActiveTarget(target, { client: address, isOurs });
  }

  #backendData(link: BackendLink): BackendData {
    const { environment, signal } = this.#options;
    const { config, sockets, spareBuffers, onUnclaimed } = environment;
    const { timeouts } = config;
    if (link.backend.config.dataMode === 'active') {
      return new ActiveBackendData(link, { timeouts, sockets, onUnclaimed });
    }
    return new PassiveBackendData(link, { timeouts, signal, sockets, spareBuffers });
  }
}
