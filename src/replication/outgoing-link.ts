/**
 * The connection to one other replica, over which it is asked about data connections that have come here: made again and again, as long as
 * this replica runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerPlace } from '../config/replication.ts';
import type { Prospect } from '../data/prospect.ts';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { Acquaintance, type Circumstances } from './acquaintance.ts';
import { ConnectionAttempts } from './connection-attempts.ts';
import { type Connection, codeOf, dialReplica, greet } from './dial-replica.ts';
import type { LinkEnvironment } from './link-environment.ts';
import { type Answer, type Introduction, MalformedMessage, type Of, type Question } from './messages.ts';
import { Notices } from './notices.ts';
import { Questions } from './questions.ts';

/** How often something is said (milliseconds). */
const HEARTBEAT = 1000;
/** Between attempts: the first, and the longest (milliseconds). */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;
/** Session ids and names of ticket keys that are told of one connection. */
const MOST_NAMES = 16;
/** Nobody listens there (on any address that it has), or there is no such name: no replica runs there. */
const NOBODY = /^([^;]*(ECONNREFUSED|ENOTFOUND)[^;]*(; |$))+$/;

/** What a replica says of a connection; `token`: hands it over there. */
export interface RemoteProspect extends Prospect {
  readonly token: Buffer | null;
}

/** A data connection that has come here. */
export interface Stray {
  readonly port: number;
  readonly client: Endpoint;
}

export interface OutgoingLinkOptions extends LinkEnvironment {
  readonly index: number;
  readonly place: PeerPlace;
  /** Raises GatewayError where this replica cannot be the one with that index. */
  readonly judge: (introduction: Introduction) => Promise<void>;
  /** Whether it has a connection to us, and so lives. */
  readonly isHeard: () => boolean;
  /** Milliseconds for which a connection may come that its session has given up. */
  readonly lateness: () => number;
}

export class OutgoingLink {
  readonly index: number;
  readonly place: PeerPlace;
  readonly #options: OutgoingLinkOptions;
  readonly #questions = new Questions();
  readonly #notices = new Notices();
  #connection: Connection | undefined;
  /** What is known of it, by this connection or by its own to us. */
  readonly known = new Acquaintance();
  #introduction: Introduction | undefined;
  #refusal: ErrorCode | undefined;
  #failure: ErrorCode | undefined;
  #hasBeenUp = false;
  /** Ends the pause before the next attempt. */
  #signOfLife = new AbortController();
  readonly #attempts = new ConnectionAttempts();

  constructor(options: OutgoingLinkOptions) {
    this.#options = options;
    this.index = options.index;
    this.place = options.place;
  }

  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  /** Who it said it is, while there is a connection. */
  get introduction(): Introduction | undefined {
    return this.isUp ? this.#introduction : undefined;
  }

  /** When it was heard last (`performance.now()`). */
  get heardAt(): number {
    return this.#connection?.heardAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Why it has refused this replica; undefined where it has not. */
  get refusal(): ErrorCode | undefined {
    return this.#refusal;
  }

  /** Why the last attempt to connect has failed. */
  get failure(): ErrorCode | undefined {
    return this.#failure;
  }

  /** Whether there was a connection since the start. */
  get hasBeenUp(): boolean {
    return this.#hasBeenUp;
  }

  /** What it is judged by now. */
  get circumstances(): Circumstances {
    const { isHeard, lateness } = this.#options;
    return { isHeard: this.isUp || isHeard(), lateness: lateness(), now: performance.now() };
  }

  /** Connects and connects again, until the signal fires. Never rejects. */
  async run(): Promise<void> {
    const { signal, observer, index } = this.#options;
    let pause = FIRST_PAUSE;
    while (!signal.aborted) {
      this.#signOfLife = new AbortController();
      try {
        const connection = await this.#connect();
        pause = FIRST_PAUSE;
        const reason = await this.#serve(connection);
        if (!signal.aborted) observer.down(index, reason);
      } catch (error) {
        const reason = asGatewayError(error, 'replication-unreachable');
        this.#failure = reason.code;
        if (NOBODY.test(reason.detail ?? '')) this.known.isGone();
        if (!signal.aborted) observer.failed(index, reason);
      }
      this.#attempts.ended(undefined);
      const over = AbortSignal.any([signal, this.#signOfLife.signal]);
      await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal: over }).catch(() => {});
      pause = over.aborted ? FIRST_PAUSE : Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  /** It lives, and can be reached: the next attempt is due. */
  hasCalled(): void {
    this.#signOfLife.abort();
  }

  /** Resolves when an attempt to connect has succeeded or failed: the first; with `anew`, where there is no connection, the next. */
  async attempted(anew = false): Promise<void> {
    if (this.isUp || (this.#attempts.hasEnded && !anew)) return;
    const ended = this.#attempts.next();
    this.hasCalled();
    await ended;
  }

  /** Tells that our ports have changed. Resolves when it has noted that, or cannot be reached. */
  async announce(): Promise<void> {
    await this.attempted(true);
    const connection = this.#connection;
    if (connection === undefined) return;
    const { revision, ports, range } = this.#options.introduction();
    const id = this.#questions.newId();
    await this.#questions.announce(connection, { type: 'announce', id, revision, ports, range });
  }

  /** Who waits there for a connection; undefined where it does not say, or where the signal fires before. */
  async ask({ port, client }: Stray, signal: AbortSignal): Promise<RemoteProspect | undefined> {
    const question = {
      type: 'ask',
      id: this.#questions.newId(),
      port,
      address: client.address,
      clientPort: client.port,
    } as const;
    const answer = await this.#asked(question, 'answer', signal);
    if (answer === undefined) return undefined;
    const { here, able, proof, ghost, token } = answer;
    return { here, able, proof, ghost, token: bytesOf(token) };
  }

  /** The token for a connection that shows a TLS session, where one who waits there knows it; undefined where nothing is said. */
  async recognise(
    { port, client }: Stray,
    hello: ClientHello,
    signal: AbortSignal,
  ): Promise<Buffer | null | undefined> {
    const names = hello.ticketKeyNames.slice(0, MOST_NAMES).map((name) => name.toString('hex'));
    const sessionId = hello.sessionId.toString('hex');
    const ends = { port, address: client.address, clientPort: client.port };
    const answer = await this.#asked(
      { type: 'recognise', id: this.#questions.newId(), ...ends, names, sessionId },
      'recognised',
      signal,
    );
    return answer && bytesOf(answer.token);
  }

  /** As `Arrivals.contest`, for those who wait there. */
  contest({ port, client }: Stray): (closed: boolean) => void {
    const id = this.#questions.newId();
    const connection = this.#connection;
    connection?.send({ type: 'contest', id, port, address: client.address });
    return (closed) => connection?.send({ type: 'done', id, closed });
  }

  /**
   * A turn on the port that all share, see `turns.ts`: resolves with what gives it back; with undefined where the signal fires before, or
   * the connection is lost.
   */
  async turn(address: string, distinct: boolean, signal: AbortSignal): Promise<(() => void) | undefined> {
    const connection = this.#connection;
    if (connection === undefined || signal.aborted) return undefined;
    const id = this.#questions.newId();
    const leave = () => connection.send({ type: 'withdraw', id });
    const request = { type: 'request', id, address, distinct } as const;
    if (await this.#questions.isGranted(connection, request, signal)) return leave;
    leave();
    return undefined;
  }

  /** Says something that needs no answer and must arrive: over the next connection, too, if that comes soon. */
  notify(notice: Question): void {
    this.#notices.keep(notice);
    this.mention(notice);
  }

  /** Says something that needs no answer, and is nothing where there is no connection now. */
  mention(notice: Question): void {
    this.#connection?.send(notice);
  }

  async #connect(): Promise<Connection> {
    const { introduction, judge, index } = this.#options;
    const connection = await dialReplica(this.#options);
    try {
      const said = await greet(connection, introduction());
      this.#refusal = said.type === 'refused' ? codeOf(said.cause) : undefined;
      if (said.type === 'refused') this.known.sign();
      if (said.type === 'refused') throw new GatewayError(codeOf(said.cause), { detail: 'so says the other replica' });
      const { type: _type, ...welcome } = said;
      if (welcome.index !== index) {
        const detail = `expected replica ${index}, found ${welcome.index}`;
        throw new GatewayError('replication-wrong-replica', { detail });
      }
      await judge(welcome);
      this.known.introduced(welcome);
      this.#introduction = welcome;
      return connection;
    } catch (error) {
      const reason = asGatewayError(error, 'replication-protocol');
      connection.close(reason);
      throw reason;
    }
  }

  /** Until the connection is over; resolves with the reason. */
  async #serve(connection: Connection): Promise<GatewayError> {
    const { observer, index } = this.#options;
    this.#connection = connection;
    this.#attempts.ended(connection);
    this.#failure = undefined;
    this.#hasBeenUp = true;
    const heartbeat = setInterval(() => connection.send({ type: 'ping' }), HEARTBEAT);
    connection.listen((answer) => this.#heard(answer));
    if (this.#introduction !== undefined) observer.up(index, this.#introduction);
    for (const notice of this.#notices.recent()) connection.send(notice);
    const reason = await connection.ended;
    clearInterval(heartbeat);
    this.known.sign(connection.heardAt);
    this.#connection = undefined;
    this.#questions.lost();
    return reason;
  }

  #heard(answer: Answer): void {
    switch (answer.type) {
      case 'answer':
      case 'recognised':
      case 'granted':
      case 'noted':
        return this.#questions.answered(answer);
      case 'announce':
        return this.#introduction && this.known.announced({ ...this.#introduction, ...answer });
      case 'goodbye':
        return this.#introduction && this.known.left(this.#introduction.instance, answer.ghosts);
      case 'pong':
        return;
      default:
        throw new MalformedMessage(`${answer.type} where none is expected`);
    }
  }

  /** The answer of one type to a question; undefined where none comes. */
  async #asked<T extends 'answer' | 'recognised'>(
    question: Of<Question, 'ask' | 'recognise'>,
    type: T,
    signal: AbortSignal,
  ): Promise<Of<Answer, T> | undefined> {
    // One that has just begun, and has called us, can be asked in a moment: its first clients must not pay for that.
    const soon = () => (this.#options.isHeard() ? this.#attempts.connection(signal) : undefined);
    const connection = this.#connection ?? (await soon());
    return connection && this.#questions.ask(connection, question, type, signal);
  }
}

function bytesOf(token: string | null): Buffer | null {
  return token === null ? null : Buffer.from(token, 'hex');
}
