/**
 * The connections that other replicas have made to this one: who they are, and what they ask about the sessions here.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Crowd } from '../data/crowd.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { endpoint, formatEndpoint } from '../net/address.ts';
import { Channel } from './channel.ts';
import type { Desk } from './desk.ts';
import type { LinkEnvironment } from './link-environment.ts';
import {
  type Answer,
  type Introduction,
  MalformedMessage,
  portsIn,
  type Question,
  readQuestion,
  VERSION,
} from './messages.ts';

/** For a handshake and for a greeting (milliseconds, each). */
const PATIENCE = 5000;
/** Contests and turns of one replica at a time. */
const MOST_LEASES = 100_000;
/** Connections that have not said yet who they are. */
const MOST_UNKNOWN = 64;

export interface IncomingLinksOptions extends LinkEnvironment {
  readonly desk: Desk;
  /** Raises GatewayError where this replica cannot be the one with that index. */
  readonly judge: (introduction: Introduction, socket: TLSSocket) => Promise<void>;
  /** Somebody was let in, or was not; or has other ports than before. */
  readonly onIntroduced: (introduction: Introduction) => void;
  readonly onAnnounced: (introduction: Introduction) => void;
  /** The connection of one who was let in is over; it was heard last then (`performance.now()`). */
  readonly onLost: (index: number, heardAt: number) => void;
  readonly onRefused: (address: string, reason: GatewayError) => void;
}

type Connection = Channel<Question, Answer>;

/** Gives back what another replica has asked for; `closed`: the connection that was contested was nobody's. */
type Lease = (closed: boolean) => void;

interface Caller {
  readonly introduction: Introduction;
  readonly connection: Connection;
}

export class IncomingLinks {
  readonly #options: IncomingLinksOptions;
  readonly #callers = new Map<number, Caller>();
  readonly #unknown = new Crowd(MOST_UNKNOWN);

  constructor(options: IncomingLinksOptions) {
    this.#options = options;
  }

  /** Who is connected with that index. */
  caller(index: number): { readonly introduction: Introduction; readonly heardAt: number } | undefined {
    const caller = this.#callers.get(index);
    return caller && { introduction: caller.introduction, heardAt: caller.connection.heardAt };
  }

  /** Closes the connection of a replica that has fallen silent. */
  dismiss(index: number): void {
    this.#callers
      .get(index)
      ?.connection.close(new GatewayError('replication-silent', { detail: 'another has its index' }));
  }

  /** Serves a connection that begins as TLS does. Never rejects. */
  async accept(raw: Socket): Promise<void> {
    const from = endpoint(raw.remoteAddress, raw.remotePort);
    const place = this.#unknown.enter(from.address);
    place.pushedOut.addEventListener('abort', () => raw.destroy(), { once: true });
    const caller = await this.#introduced(raw, formatEndpoint(from));
    place.leave();
    if (caller !== undefined) await this.#serve(caller);
  }

  /** Tells all of them. */
  announce(): void {
    const { revision, ports, range } = this.#options.introduction();
    const announcement = { type: 'announce', revision, ports, range } as const;
    for (const { connection } of this.#callers.values()) connection.send(announcement);
  }

  /** Says goodbye to all, and closes their connections. */
  close(): void {
    const ghosts = this.#options.desk.ghosts();
    for (const { connection } of this.#callers.values()) {
      connection.send({ type: 'goodbye', ghosts });
      connection.close(new GatewayError('shutting-down'));
    }
  }

  async #introduced(raw: Socket, address: string): Promise<Caller | undefined> {
    const { tls, signal, judge, introduction: own, onRefused, onIntroduced } = this.#options;
    let connection: Connection | undefined;
    try {
      const socket = await tls().accept(raw, { timeout: PATIENCE, signal });
      connection = new Channel({ socket, read: readQuestion });
      const introduction = await firstWord(connection);
      await judge(introduction, socket);
      connection.send({ type: 'welcome', ...own() });
      onIntroduced(introduction);
      return { introduction, connection };
    } catch (error) {
      const reason = asGatewayError(error, 'replication-protocol');
      if (!signal.aborted) onRefused(address, reason);
      const { code } = reason.cause instanceof GatewayError ? reason.cause : reason;
      if (code !== 'replication-protocol' && !signal.aborted) connection?.send({ type: 'refused', cause: code });
      connection?.close(reason);
      return undefined;
    }
  }

  async #serve(caller: Caller): Promise<void> {
    const { connection, introduction } = caller;
    const { index } = introduction;
    const { signal } = this.#options;
    const leases = new Map<number, Lease>();
    this.#callers
      .get(index)
      ?.connection.close(new GatewayError('replication-closed', { detail: 'has connected anew' }));
    this.#callers.set(index, caller);
    const onAbort = () => this.close();
    signal.addEventListener('abort', onAbort, { once: true });
    connection.listen((question) => this.#answer(caller, leases, question));
    if (signal.aborted) onAbort();
    await connection.ended;
    signal.removeEventListener('abort', onAbort);
    for (const giveBack of leases.values()) giveBack(false);
    this.#options.onLost(index, connection.heardAt);
    if (this.#callers.get(index) === caller) this.#callers.delete(index);
  }

  #answer({ connection, introduction }: Caller, leases: Map<number, Lease>, question: Question): void {
    const { desk, onAnnounced } = this.#options;
    switch (question.type) {
      case 'announce': {
        const { id, revision, ports, range } = question;
        onAnnounced({ ...introduction, revision, ports, range });
        return connection.send({ type: 'noted', id });
      }
      case 'ask':
        return connection.send({ type: 'answer', id: question.id, ...desk.ask(question) });
      case 'contest':
        if (mayLease(leases, question)) leases.set(question.id, desk.contest(question));
        return;
      case 'request': {
        const { id } = question;
        if (mayLease(leases, question))
          leases.set(
            id,
            desk.turn(question, () => connection.send({ type: 'granted', id })),
          );
        return;
      }
      case 'recognise':
        return connection.send({ type: 'recognised', id: question.id, token: desk.recognise(question) });
      case 'done':
      case 'withdraw':
        leases.get(question.id)?.(question.type === 'done' && question.closed);
        leases.delete(question.id);
        return;
      case 'ended':
      case 'progress':
      case 'delivered':
        return desk.ends(question);
      case 'ping':
        return connection.send({ type: 'pong' });
      default:
        throw new MalformedMessage(`${question.type} where none is expected`);
    }
  }
}

function mayLease(leases: ReadonlyMap<number, unknown>, { id }: { readonly id: number }): boolean {
  return leases.size < MOST_LEASES && !leases.has(id);
}

/** How a replica begins. Rejects where it says something else, or nothing. */
async function firstWord(connection: Connection): Promise<Introduction> {
  const first = await connection.first(PATIENCE);
  if (first.type !== 'hello')
    throw new GatewayError('replication-protocol', { detail: `${first.type} for a greeting` });
  const { type: _type, ...introduction } = first;
  portsIn(introduction.ports);
  if (introduction.version === VERSION) return introduction;
  const detail = `version ${introduction.version}, expected ${VERSION}`;
  throw new GatewayError('replication-version', { detail });
}
