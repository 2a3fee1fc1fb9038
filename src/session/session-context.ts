/**
 * What handlers see of a session and may set going: a view made anew for each command.
 */
import type { Backend } from '../backends/backend.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import { openLink } from '../backends/open-link.ts';
import { openPassiveData } from '../backends/passive-data.ts';
import type { Config, ListenerConfig, Policy } from '../config/schema.ts';
import type { ClientChannel } from '../control/client-channel.ts';
import type { AdvertisedAddress } from '../data/advertise.ts';
import { DataLeg, type Protection } from '../data/leg.ts';
import type { PassivePool } from '../data/passive-pool.ts';
import { asGatewayError, type ErrorCode, type GatewayError } from '../errors.ts';
import { type Family, familyOf } from '../net/address.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { ProtectionRule } from '../policy/protection.ts';
import type { ServerContexts } from '../tls/contexts.ts';
import { serializeReply } from '../wire/reply.ts';
import { ClientData } from './client-data.ts';
import { DataPlan } from './data-plan.ts';
import type { HandlerContext } from './outcome.ts';
import type { ControlSecurity, Phase } from './phase.ts';
import type { Standing } from './standing.ts';

/** Everything that sessions share; none of it is changed by a session. */
export interface SessionEnvironment {
  readonly config: Config;
  readonly contexts: ServerContexts | undefined;
  readonly backend: Backend;
  readonly passivePool: PassivePool;
  readonly advertised: AdvertisedAddress;
  readonly sockets: OpenSockets;
}

export interface SessionContextOptions {
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly observer: SessionObserver;
  readonly phase: Phase;
  readonly standing: Standing;
  readonly client: ClientChannel;
  /** Fires when the session ends. */
  readonly signal: AbortSignal;
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

  get control(): ControlSecurity {
    return this.#options.standing.control;
  }

  get protection(): Protection {
    return this.#options.standing.protection;
  }

  get policy(): Policy {
    return this.#options.listener.policy;
  }

  get certified(): boolean {
    return this.#options.environment.contexts !== undefined;
  }

  get extendedOnly(): boolean {
    return this.#options.standing.extendedOnly;
  }

  get family(): Family {
    return familyOf(this.#options.client.peer.address);
  }

  get hasUnreadInput(): boolean {
    return this.#options.client.hasUnreadInput;
  }

  reportPolicy(rule: ProtectionRule, verb: string): void {
    this.#options.observer.policy(rule, 'report', verb);
  }

  loginFailed(link: BackendLink, user: string, error: GatewayError): void {
    // A session that ends for a reason of its own closes its link.
    if (this.#options.signal.aborted) return;
    const told = error.reply?.[0];
    this.#options.observer.loginFinished({
      backend: link.backend.name,
      user,
      outcome: 'failed',
      reply: told,
      cause: error.code,
    });
  }

  dataSetupFailed(code: ErrorCode, detail?: string): void {
    this.#options.observer.dataConnectionFailed('client', code, detail);
  }

  advertisedAddress(): Promise<string> {
    const { environment, client } = this.#options;
    return environment.advertised.for(client.peer.address, client.local.address);
  }

  async openLink(): Promise<BackendLink> {
    const { environment, observer, signal, onLink } = this.#options;
    const { backend, config, sockets } = environment;
    const begun = performance.now();
    try {
      const link = await openLink({
        backend,
        timeouts: config.timeouts,
        limits: config.limits,
        signal,
        sockets,
        onUnsolicited: (reply) => observer.unsolicitedReply(backend.name, serializeReply(reply).trimEnd()),
      });
      observer.backendConnected(backend.name, performance.now() - begun);
      onLink(link);
      return link;
    } catch (error) {
      const { code, detail } = asGatewayError(error, 'backend-unreachable');
      if (!signal.aborted) observer.backendFailed(backend.name, code, detail);
      throw error;
    }
  }

  planData(link: BackendLink): DataPlan | undefined {
    const { environment, client, standing, signal, dropPlan } = this.#options;
    const { config, passivePool, sockets } = environment;
    dropPlan();
    const expectation = passivePool.expect(client.peer.address);
    if (expectation === undefined) return undefined;
    const { timeouts } = config;
    const half = new ClientData({
      expectation,
      context: standing.context,
      protection: () => standing.protection,
      timeouts,
    });
    const backend = openPassiveData(link, { timeouts, signal, sockets });
    return new DataPlan(
      half,
      backend.then((raw) => new DataLeg({ side: 'backend', raw })),
    );
  }
}
