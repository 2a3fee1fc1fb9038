/**
 * Data connections that have come to this replica and may belong to another: asks all that may have their sessions, decides, and hands them
 * over.
 */
import { isIP } from 'node:net';
import type { Arrivals, Arrived, Claim } from '../data/arrivals.ts';
import { Crowd } from '../data/crowd.ts';
import type { Prospect } from '../data/prospect.ts';
import type { UnclaimedCause } from '../data/unclaimed.ts';
import { asGatewayError, type GatewayError } from '../errors/errors.ts';
import { withoutZone } from '../net/address.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { ReadBuffers, SpareBuffers } from '../net/read-buffers.ts';
import { replicaOfKey } from '../tls/session-tls.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { formatProxyHeaderV2 } from '../wire/proxy-header-format.ts';
import { breakOff, convey } from './convey.ts';
import { decide, type Statement } from './decide.ts';
import type { OutgoingLink, Stray } from './outgoing-link.ts';
import { connectionName } from './tokens.ts';

/** Connections that wait for answers at a time, and those that are handed over. */
const MOST_ASKED = 512;
const MOST_CONVEYED = 4096;
/** How often it is told at most that bytes of one connection have moved (milliseconds). */
const PROGRESS = 2000;
/** For the connection to the owner (milliseconds). */
const PATIENCE = 5000;

/** What became of a connection that was handed over. */
export type Handover = 'completed' | 'reset' | 'stalled' | 'failed' | 'overload';

export interface StraysOptions {
  readonly index: number;
  readonly arrivals: Arrivals;
  /** The other replicas whose sessions may wait on a port, or have done so a moment ago; all of them for null. */
  readonly owners: (port: number | null) => readonly OutgoingLink[];
  /** Whether sessions here wait on this port. */
  readonly isOwn: (port: number) => boolean;
  /** Milliseconds. */
  readonly times: () => {
    readonly keepAlive: number;
    readonly stall: number;
    readonly linger: number;
    readonly dataStall: number;
  };
  readonly sockets: OpenSockets;
  /** Fires when the replica stops. */
  readonly signal: AbortSignal;
  readonly onHandover: (outcome: Handover, bytes: number) => void;
  /** A connection could not be handed over to this replica. */
  readonly onFailed: (index: number, reason: GatewayError) => void;
}

/** One who may be meant: another replica, or this one. */
interface Candidate {
  /** Whether anybody waits there for this address. */
  readonly isAwaited: boolean;
  readonly link: OutgoingLink | undefined;
  readonly token: Buffer | null;
  readonly claim: Claim | undefined;
}

export class Strays {
  readonly #options: StraysOptions;
  readonly #spareBuffers = new SpareBuffers();
  readonly #asked = new Crowd(MOST_ASKED);
  #conveyed = 0;
  /** Those that are being led, conveyed or not. */
  #led = 0;
  #emptied: (() => void)[] = [];

  constructor(options: StraysOptions) {
    this.#options = options;
  }

  /** How many connections go through this replica. */
  get conveyed(): number {
    return this.#conveyed;
  }

  /** Resolves when no connection goes through this replica, and none waits to hear whose it is. */
  async emptied(): Promise<void> {
    if (this.#led > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  /** Finds out whose a connection is, and hands it over; closes it where there is nobody. Never rejects. */
  async lead(port: number, arrived: Arrived): Promise<void> {
    this.#led += 1;
    try {
      await this.#lead(port, arrived);
    } finally {
      this.#led -= 1;
      if (this.#led === 0) for (const resolve of this.#emptied.splice(0)) resolve();
    }
  }

  async #lead(port: number, arrived: Arrived): Promise<void> {
    const { arrivals } = this.#options;
    const client = { ...arrived.peer, address: withoutZone(arrived.peer.address) };
    const stray = { port, client };
    // Nobody can be asked about a client that is gone already.
    if (arrived.socket.destroyed || isIP(client.address) === 0) return void arrived.socket.destroy();
    const place = this.#asked.enter(client.address);
    const links = this.#options.owners(port);
    const where = arrivals.place(port, client.address);
    const isHaunted = this.isHaunted(port, where);
    const { claim, ...own } = arrivals.prospect(port, arrived.peer.address, isHaunted);
    const answers = await Promise.all(
      links.map(async (link) => ({ link, said: await link.ask(stray, place.pushedOut) })),
    );
    place.leave();
    if (place.pushedOut.aborted) return arrivals.close(port, client.address, arrived.socket, 'overload');
    const here = { link: undefined, token: null, claim, isAwaited: own.here > 0 };
    const statements: Statement<Candidate>[] = [{ replica: here, prospect: own }];
    for (const { link, said } of answers) {
      if (said === undefined) continue;
      const { token, ...prospect } = said;
      const replica = { link, token, claim: undefined, isAwaited: prospect.here > 0 };
      statements.push({ replica, prospect: prospect satisfies Prospect });
    }
    const silent = answers.flatMap(({ link, said }) =>
      said === undefined ? [{ perhaps: link.known.mayWait(port, where, link.circumstances) }] : [],
    );
    const decision = decide(statements, isHaunted ? [...silent, { perhaps: true }] : silent);
    if (decision.kind === 'nobody') {
      const isGone = silent.length > 0 && !this.#options.isOwn(port);
      arrivals.close(port, client.address, arrived.socket, isGone ? 'owner-gone' : decision.cause);
    } else if (decision.kind === 'give') await this.#give(stray, arrived, decision.to);
    else await this.#contest(stray, arrived, decision.among);
  }

  /**
   * Whether a connection may be for a session of a replica that is gone, also where another has taken its place. Where nobody else can be
   * meant, that one is as a single gateway that was restarted.
   */
  isHaunted(port: number, place: string): boolean {
    const { isOwn: isOurs, owners: ownersOf } = this.#options;
    const owners = ownersOf(port);
    const isOwn = isOurs(port);
    return ownersOf(null)
      .filter((link) => isOwn || owners.some((owner) => owner !== link))
      .some((link) => link.known.isHaunted(port, place, link.circumstances));
  }

  /** TLS must say which replica is meant; meanwhile clients may have to be told 150, so that they say it. */
  async #contest(stray: Stray, arrived: Arrived, among: readonly Candidate[]): Promise<void> {
    const { arrivals } = this.#options;
    const { port, client } = stray;
    const ends = among.map(({ link }) =>
      link === undefined ? arrivals.contest(port, arrived.peer.address) : link.contest(stray),
    );
    const hello = await arrivals.hello(port, arrived);
    const winner = hello && (await this.#recognise(stray, hello));
    // One connection that is closed was that of one of them at most.
    const payer = isGiven(winner) ? -1 : among.findIndex(({ isAwaited }) => isAwaited);
    for (const [index, end] of ends.entries()) end(index === payer);
    if (winner === undefined) return;
    if (isGiven(winner)) await this.#give(stray, arrived, winner);
    else arrivals.close(port, client.address, arrived.socket, winner);
  }

  /** Who is meant by a hello: the replica whose number the ticket key has; by a session id, whoever knows it. */
  async #recognise(stray: Stray, hello: ClientHello): Promise<Candidate | UnclaimedCause> {
    const { arrivals, owners, index } = this.#options;
    const claim = arrivals.recognise(stray.port, hello);
    if (claim !== undefined) return { link: undefined, token: null, claim, isAwaited: true };
    const named = new Set(hello.ticketKeyNames.map(replicaOfKey));
    const links = owners(null).filter((link) => named.size === 0 || named.has(link.index));
    if (named.size > 0 && (links.length === 0 || (named.size === 1 && named.has(index)))) return 'unidentified';
    if (named.size === 0 && hello.sessionId.length === 0) return 'unidentified';
    const place = this.#asked.enter(stray.client.address);
    const answers = await Promise.all(
      links.map(async (link) => ({ link, token: await link.recognise(stray, hello, place.pushedOut) })),
    );
    place.leave();
    if (place.pushedOut.aborted) return 'overload';
    const found = answers.find(({ token }) => token instanceof Buffer);
    if (found?.token instanceof Buffer) {
      return { link: found.link, token: found.token, claim: undefined, isAwaited: true };
    }
    return answers.some(({ token }) => token === undefined) ? 'owner-gone' : 'unidentified';
  }

  async #give(stray: Stray, arrived: Arrived, { link, token, claim }: Candidate): Promise<void> {
    const { arrivals } = this.#options;
    if (claim !== undefined) claim(arrived);
    else if (link !== undefined && token !== null) await this.#handOver(stray, arrived, link, token);
    else arrivals.close(stray.port, stray.client.address, arrived.socket, 'unexpected');
  }

  async #handOver({ port, client }: Stray, arrived: Arrived, link: OutgoingLink, token: Buffer): Promise<void> {
    const { onHandover, onFailed, arrivals } = this.#options;
    if (this.#conveyed >= MOST_CONVEYED) {
      onHandover('overload', 0);
      return arrivals.close(port, client.address, arrived.socket, 'overload');
    }
    this.#conveyed += 1;
    try {
      const source = client;
      const destination = { address: withoutZone(arrived.local.address), port };
      const header = formatProxyHeaderV2({ source, destination }, { token });
      const { outcome, bytes } = await this.#convey(arrived, link, header, connectionName(token));
      onHandover(outcome, bytes);
    } catch (error) {
      breakOff(arrived.socket);
      onHandover('failed', 0);
      onFailed(link.index, asGatewayError(error, 'replication-unreachable'));
    } finally {
      this.#conveyed -= 1;
    }
  }

  async #convey({ socket: client }: Arrived, link: OutgoingLink, header: Buffer, connection: string) {
    const { sockets, signal, times } = this.#options;
    const { keepAlive, stall, linger, dataStall } = times();
    const telling = Math.min(dataStall / 4, PROGRESS);
    const buffers = new ReadBuffers(this.#spareBuffers);
    const codes = { failed: 'replication-unreachable', timeout: 'replication-timeout' } as const;
    const owner = await dial({ ...link.place, timeout: PATIENCE, keepAlive, signal, sockets, buffers, codes });
    owner.write(header);
    return convey({
      ...{ client, owner, buffers, stall, linger, telling, signal },
      onEnded: (bytes) => link.notify({ type: 'ended', connection, bytes }),
      onProgress: (bytes) => link.mention({ type: 'progress', connection, bytes }),
      onDelivered: (whole) => link.notify({ type: 'delivered', connection, whole }),
    });
  }
}

function isGiven(winner: Candidate | UnclaimedCause | undefined): winner is Candidate {
  return typeof winner === 'object';
}
