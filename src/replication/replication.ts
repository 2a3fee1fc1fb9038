/**
 * One of several replicas behind one address: knows the others, tells them about the sessions here, and leads data connections that have
 * come to the wrong replica to the right one.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { peerPlace, type ReplicationConfig } from '../config/replication.ts';
import type { Config, PortRange } from '../config/schema.ts';
import { portsText, rangeText } from '../config/worker-slices.ts';
import type { Arrivals, Arrived, Claimant } from '../data/arrivals.ts';
import type { Elsewhere } from '../data/passive-pool.ts';
import { GatewayError } from '../errors/errors.ts';
import { firstByte } from '../net/first-byte.ts';
import { type Listener, listen } from '../net/listener.ts';
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
import { ownIndex, portsOfReplica } from './own-ports.ts';
import { ReplicationObserver, type ReplicationObserverOptions } from './replication-observer.ts';
import { Strays } from './strays.ts';
import { Tokens } from './tokens.ts';
import { TurnTaking } from './turn-taking.ts';

/** For the first byte of a connection (milliseconds). */
const PATIENCE = 5000;
/** The first byte of a TLS connection; anything else must be the header of a data connection. */
const TLS_HANDSHAKE = 0x16;
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
  #range: PortRange;
  #peer: Config['data']['peer'];
  #ports: ReadonlySet<number> = new Set();
  #timeouts: Config['timeouts'];

  /** Listens and connects to nothing yet: see {@link prepare}. */
  constructor(options: ReplicationOptions) {
    const { config, arrivals, sockets, signal } = options;
    this.#options = options;
    this.#config = config.replication;
    this.#timeouts = config.timeouts;
    this.#range = config.data.passive.ports;
    this.#peer = config.data.peer;
    this.index = ownIndex(config) ?? 0;
    this.#observer = new ReplicationObserver(options, () => this.#introduction);
    this.#claims = new Claims({
      ...{ index: this.index, instance: this.#instance, config: this.#config, tls: () => this.#environment.tls() },
      caller: (index) => this.#incoming.caller(index),
      link: (index) => this.#links.get(index),
      dismiss: (index) => this.#incoming.dismiss(index),
    });
    this.#turns = new TurnTaking({ index: this.index, links: () => this.#links.values() });
    this.#incoming = new IncomingLinks({
      ...this.#environment,
      desk: makeDesk({
        ...{ arrivals, tokens: this.#tokens, turns: this.#turns },
        ends: (message) => this.#handedOver.ends(message),
      }),
      judge: (introduction, socket) => this.#claims.judgeCaller(introduction, socket),
      onIntroduced: (introduction) => this.#introduced(introduction),
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
      owners: (port) => (port === null ? [...this.#links.values()] : this.#ownersOf(port)),
      isOwn: (port) => this.#ports.has(port),
      times: () => ({
        keepAlive: this.#timeouts.keepalive,
        // A client may connect long before it says what for.
        stall: this.#timeouts.dataStall + this.#timeouts.controlIdle,
        linger: this.#timeouts.linger,
      }),
      onHandover: (outcome, bytes) => this.#observer.handedOver(outcome, bytes),
      onFailed: (index, reason) => this.#observer.notHandedOver(index, reason),
    });
  }

  /**
   * Makes a configuration ready: its range, and the files by which replicas trust each other. All else stays as it was at the start. The
   * first time it binds the port for the others, and begins to connect to them.
   */
  async prepare({ data, timeouts }: Config): Promise<PreparedChange> {
    const tls = await loadPeerTls(this.#config);
    this.#tls ??= tls;
    const listener = this.#listener ?? (await this.#listen());
    const begins = this.#listener === undefined;
    return {
      commit: () => {
        this.#tls = tls;
        this.#timeouts = timeouts;
        this.#range = data.passive.ports;
        this.#peer = data.peer;
        const before = this.#ports;
        const own = this.ownPorts({ data });
        // Sessions may still wait on ports that they were given before.
        const awaited = [...before].filter((port) => this.#options.arrivals.isAwaited(port));
        this.#ports = new Set([...own, ...awaited]);
        this.#listener = listener;
        if (begins) this.#connect();
        else if (!isDeepStrictEqual(before, this.#ports)) this.#incoming.announce();
      },
      abandon: async () => {
        if (begins) await listener.close();
      },
    };
  }

  /** The ports that sessions of this replica are given. */
  ownPorts({ data }: Pick<Config, 'data'>): readonly number[] {
    return portsOfReplica(data.passive.ports, this.index, this.#config.count);
  }

  concerns(port: number): boolean {
    return this.#ownersOf(port).length > 0;
  }

  lead(port: number, arrived: Arrived): Promise<void> {
    return this.#strays.lead(port, arrived);
  }

  async turn({ address, identity }: Claimant, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (this.#range.first !== this.#range.last) return () => {};
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
      .map(({ index, isUp, ports }) => ({ index, up: isUp, ports: ports && portsText([...ports]) }))
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
    const { count } = this.#config;
    const ports = portsText([...this.#ports]);
    return {
      version: VERSION,
      index: this.index,
      count,
      instance: this.#instance,
      ports,
      range: rangeText(this.#range),
    };
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

  async #listen(): Promise<Listener> {
    const { address, port } = this.#config.listen;
    const { onError, sockets, signal } = this.#options;
    const onConnection = (socket: Socket) => void this.#accept(socket, sockets, signal);
    const keepAlive = this.#timeouts.keepalive;
    return listen({ address, port, keepAlive, readAhead: false, sockets: this.#linkSockets, onConnection, onError });
  }

  async #accept(socket: Socket, sockets: OpenSockets, signal: AbortSignal): Promise<void> {
    const byte = await firstByte(socket, PATIENCE, signal);
    if (byte === TLS_HANDSHAKE) return this.#incoming.accept(socket);
    if (byte === undefined) return;
    // From here on it is a data connection, and ends with those.
    sockets.track(socket);
    await this.#handedOver.accept(socket);
  }

  #connect(): void {
    for (let index = 0; index < this.#config.count; index += 1) this.#linkTo(index);
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
    });
    this.#links.set(index, link);
    void link.run();
  }

  #ownersOf(port: number): readonly OutgoingLink[] {
    const { count } = this.#config;
    const owners = [...this.#links.values()].filter(({ index, ports }) =>
      ports === undefined ? portsOfReplica(this.#range, index, count).includes(port) : ports.has(port),
    );
    return owners.length > 0 || this.#ports.has(port) ? owners : [...this.#links.values()];
  }

  /** More replicas than this one was told of: it will be told when it is restarted. */
  #introduced(introduction: Introduction): void {
    this.#hasBeenFound = true;
    this.#linkTo(introduction.index);
    this.#links.get(introduction.index)?.hasCalled();
    this.#observer.introduced(introduction);
  }
}
