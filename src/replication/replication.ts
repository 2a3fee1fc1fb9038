/**
 * One of several replicas behind one address: knows the others, tells them about the sessions here, and leads data connections that have
 * come to the wrong replica to the right one.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { peerPlace, type ReplicationConfig } from '../config/replication.ts';
import type { Config } from '../config/schema.ts';
import { portsText } from '../config/worker-slices.ts';
import type { Arrivals, Arrived, Claimant } from '../data/arrivals.ts';
import type { Elsewhere } from '../data/passive-pool.ts';
import { GatewayError } from '../errors/errors.ts';
import type { Listener } from '../net/listener.ts';
import { OpenSockets } from '../net/open-sockets.ts';
import type { PreparedChange } from '../net/prepared-change.ts';
import { loadPeerTls, type PeerTls } from '../tls/peer-tls.ts';
import { refusalsOf } from './acceptance.ts';
import { Claims } from './claims.ts';
import { makeDesk } from './desk.ts';
import { HandedOver } from './handed-over.ts';
import { IncomingLinks } from './incoming-links.ts';
import type { LinkEnvironment } from './link-environment.ts';
import { type Introduction, VERSION } from './messages.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { ownIndex } from './own-ports.ts';
import { ANSWER } from './questions.ts';
import { receive } from './reception.ts';
import { ReplicationObserver, type ReplicationObserverOptions } from './replication-observer.ts';
import { Strays } from './strays.ts';
import { Territory } from './territory.ts';
import { Tokens } from './tokens.ts';
import { TurnTaking } from './turn-taking.ts';

/** How long the last words may take (milliseconds). */
const FAREWELL = 500;

export interface ReplicationOptions extends ReplicationObserverOptions {
  readonly config: Config;
  readonly arrivals: Arrivals;
  /** Of data connections. */
  readonly sockets: OpenSockets;
  /** Fires when the gateway stops. */
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
}

/** Another replica, as this one sees it. */
export interface ReplicaSeen {
  readonly index: number;
  readonly up: boolean;
  /** The passive ports of its sessions, as it has said; undefined where it has not. */
  readonly ports: string | undefined;
}

export class Replication implements Elsewhere {
  readonly index: number;
  readonly #config: ReplicationConfig;
  readonly #options: ReplicationOptions;
  readonly #instance = randomBytes(16).toString('hex');
  readonly #links = new Map<number, OutgoingLink>();
  readonly #incoming: IncomingLinks;
  readonly #strays: Strays;
  readonly #handedOver: HandedOver;
  readonly #tokens = new Tokens();
  readonly #turns: TurnTaking;
  /** Of the connections between replicas themselves. */
  readonly #linkSockets = new OpenSockets();
  readonly #running = new AbortController();
  readonly #observer: ReplicationObserver;
  readonly #claims: Claims;
  /** Whether another replica has connected to this one, and was believed. */
  #hasBeenFound = false;
  #listener: Listener | undefined;
  #tls: PeerTls | undefined;
  readonly #territory: Territory;
  /** Resolves when the others know the ports of this one, as far as they can be reached. */
  #disclosed: Promise<void> | undefined;
  #peer: Config['data']['peer'];
  #timeouts: Config['timeouts'];

  /** Listens and connects to nothing yet: see {@link prepare}. */
  constructor(options: ReplicationOptions) {
    const { config, arrivals, sockets, signal } = options;
    this.#options = options;
    this.#config = config.replication;
    this.#timeouts = config.timeouts;
    this.#peer = config.data.peer;
    this.index = ownIndex(config) ?? 0;
    this.#territory = new Territory({
      ...{ index: this.index, count: this.#config.count, range: config.data.passive.ports },
      isAwaited: (port) => arrivals.isAwaited(port) || arrivals.ghosts.hasPort(port),
      links: () => [...this.#links.values()],
    });
    this.#observer = new ReplicationObserver(options, () => this.#introduction);
    this.#claims = new Claims({
      ...{ index: this.index, instance: this.#instance, config: this.#config, tls: () => this.#environment.tls() },
      caller: (index) => this.#incoming.caller(index),
      link: (index) => this.#links.get(index),
      dismiss: (index) => this.#incoming.dismiss(index),
      signal: this.#running.signal,
    });
    this.#turns = new TurnTaking({ index: this.index, links: () => this.#links.values() });
    this.#incoming = new IncomingLinks({
      ...this.#environment,
      desk: makeDesk({
        ...{ arrivals, tokens: this.#tokens, turns: this.#turns },
        isHaunted: (port, place) => this.#strays.isHaunted(port, place),
        ends: (message) => this.#handedOver.ends(message),
      }),
      judge: (introduction, socket) => this.#claims.judgeCaller(introduction, socket),
      onIntroduced: (introduction) => this.#introduced(introduction),
      onAnnounced: (introduction) => this.#announced(introduction),
      onLost: (index, heardAt) => this.#links.get(index)?.known.sign(heardAt),
      onRefused: (address, reason) => this.#observer.refused(address, reason),
    });
    this.#handedOver = new HandedOver({
      tokens: this.#tokens,
      signal,
      onAccepted: () => this.#observer.received('accepted'),
      onUnclaimed: (port, address, cause) => {
        this.#observer.received('forged');
        options.onUnclaimed(port, address, cause);
      },
    });
    this.#strays = new Strays({
      ...{ index: this.index, arrivals, sockets, signal },
      owners: (port) => (port === null ? [...this.#links.values()] : this.#territory.ownersOf(port)),
      isOwn: (port) => this.#territory.has(port),
      times: () => ({
        keepAlive: this.#timeouts.keepalive,
        // A client may connect long before it says what for.
        stall: this.#timeouts.dataStall + this.#timeouts.controlIdle,
        linger: this.#timeouts.linger,
        dataStall: this.#timeouts.dataStall,
      }),
      onHandover: (outcome, bytes) => this.#observer.handedOver(outcome, bytes),
      onFailed: (index, reason) => this.#observer.notHandedOver(index, reason),
    });
  }

  /**
   * Makes a configuration ready: its range, which the others must know before it is in force, and the files by which replicas trust each
   * other. All else stays as it was at the start. The first time it binds the port for the others, and begins to connect to them.
   */
  async prepare({ data, timeouts }: Config): Promise<PreparedChange> {
    const tls = await loadPeerTls(this.#config);
    this.#tls ??= tls;
    const listener = this.#listener ?? (await this.#listen());
    const begins = this.#listener === undefined;
    const retract = begins ? undefined : this.#territory.claim(data.passive.ports);
    if (retract !== undefined) await this.#disclose((link) => link.announce());
    return {
      commit: () => {
        this.#tls = tls;
        this.#timeouts = timeouts;
        this.#peer = data.peer;
        const isNew = this.#territory.enter(data.passive.ports);
        this.#listener = listener;
        if (begins) this.#connect();
        else if (isNew) void this.#disclose((link) => link.announce());
      },
      abandon: async () => {
        if (begins) await listener.close();
        retract?.();
        if (retract !== undefined) void this.#disclose((link) => link.announce());
      },
    };
  }

  /** The ports that sessions of this replica are given. */
  ownPorts({ data }: Pick<Config, 'data'>): readonly number[] {
    return this.#territory.share(data.passive.ports);
  }

  concerns(port: number): boolean {
    return this.#territory.ownersOf(port).length > 0;
  }

  lead(port: number, arrived: Arrived): Promise<void> {
    return this.#strays.lead(port, arrived);
  }

  async turn({ address, identity }: Claimant, signal: AbortSignal): Promise<(() => void) | undefined> {
    await this.#disclosed;
    if (signal.aborted) return undefined;
    if (!this.#territory.isShared) return () => {};
    const place = this.#peer === 'any' ? '' : address;
    return this.#turns.take(place, identity === 'distinct', signal);
  }

  /** Where others reach this one. */
  get port(): number | undefined {
    return this.#listener?.local.port;
  }

  /** The other replicas. */
  get others(): readonly ReplicaSeen[] {
    return [...this.#links.values()]
      .map(({ index, isUp, known: { ports } }) => ({ index, up: isUp, ports: ports && portsText([...ports]) }))
      .sort((one, other) => one.index - other.index);
  }

  /** Data connections of others that go through this one now. */
  get conveyed(): number {
    return this.#strays.conveyed;
  }

  /** Why this replica must get no clients; see {@link refusalsOf}. */
  get refusals(): readonly string[] {
    return refusalsOf(this.index, [...this.#links.values()], this.#hasBeenFound);
  }

  /** Resolves when no data connection of another replica goes through this one. */
  drained(): Promise<void> {
    return this.#strays.emptied();
  }

  /** Says goodbye to the others, and closes everything. Idempotent. */
  async stop(): Promise<void> {
    this.#incoming.close();
    this.#running.abort(new GatewayError('shutting-down'));
    const closed = this.#listener?.close();
    await this.#linkSockets.emptied(FAREWELL);
    await this.#linkSockets.destroyAll();
    await closed;
  }

  get #introduction(): Introduction {
    return { version: VERSION, index: this.index, instance: this.#instance, ...this.#territory.told };
  }

  get #environment(): LinkEnvironment {
    return {
      tls: () => {
        if (this.#tls === undefined) throw new Error('not prepared');
        return this.#tls;
      },
      sockets: this.#linkSockets,
      keepAlive: this.#timeouts.keepalive,
      introduction: () => this.#introduction,
      observer: this.#observer,
      signal: this.#running.signal,
    };
  }

  #listen(): Promise<Listener> {
    const { onError, sockets: dataSockets, signal } = this.#options;
    return receive({
      ...{ ...this.#config.listen, keepAlive: this.#timeouts.keepalive },
      ...{ linkSockets: this.#linkSockets, dataSockets, signal, onError },
      onLink: (socket) => this.#incoming.accept(socket),
      onData: (socket) => this.#handedOver.accept(socket),
    });
  }

  #connect(): void {
    for (let index = 0; index < this.#config.count; index += 1) this.#linkTo(index);
    // One that has called before there was anything to tell must be told now.
    this.#disclosed = this.#disclose((link) => (link.isUp ? link.announce() : link.attempted()));
  }

  #linkTo(index: number): void {
    const place = peerPlace(this.#config, index);
    if (place === undefined || index === this.index || this.#links.has(index)) return;
    const link = new OutgoingLink({
      ...this.#environment,
      index,
      place,
      judge: (introduction) => this.#claims.judge(introduction),
      isHeard: () => this.#incoming.caller(index) !== undefined,
      lateness: () => this.#timeouts.dataArrival,
    });
    this.#links.set(index, link);
    void link.run();
  }

  /** Tells all others which ports sessions here may have. Resolves when they know, or after a while. */
  async #disclose(tell: (link: OutgoingLink) => Promise<void>): Promise<void> {
    this.#incoming.announce();
    const enough = new AbortController();
    const told = Promise.all([...this.#links.values()].map(tell)).then(() => enough.abort());
    await Promise.race([told, sleep(ANSWER, undefined, { signal: enough.signal }).catch(() => {})]);
  }

  /** More replicas than this one was told of: it will be told when it is restarted. */
  #introduced(introduction: Introduction): void {
    this.#hasBeenFound = true;
    this.#linkTo(introduction.index);
    const link = this.#links.get(introduction.index);
    link?.known.introduced(introduction);
    link?.hasCalled();
    this.#observer.introduced(introduction);
  }

  #announced(introduction: Introduction): void {
    this.#links.get(introduction.index)?.known.announced(introduction);
    this.#observer.introduced(introduction);
  }
}
