/**
 * The connection to one other replica, over which it is asked about data connections that have come here: made again and again, as long as
 * this replica runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerPlace } from '../config/replication.ts';
import type { Prospect } from '../data/arrivals.ts';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { ClientHello } from '../wire/client-hello.ts';
import { type Connection, codeOf, dialReplica, greet } from './dial-replica.ts';
import type { LinkEnvironment } from './link-environment.ts';
import { type Answer, type Introduction, MalformedMessage, type Of, portsIn, type Question } from './messages.ts';
import { ANSWER, Questions } from './questions.ts';

/** How often something is said (milliseconds). */
const HEARTBEAT = 1000;
/** Between attempts: the first, and the longest (milliseconds). */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5000;
/** For how long a connection may still come to a session whose replica is gone (milliseconds): its client has been cut off already. */
const ON_THE_WAY = 5000;
/** For how long what was to be said waits for a connection that is lost (milliseconds). */
const LATE_NOTICE = 3000;
const MOST_LATE = 1000;
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
}

export class OutgoingLink {
  readonly index: number;
  readonly place: PeerPlace;
  readonly #options: OutgoingLinkOptions;
  readonly #questions = new Questions();
  readonly #late: { readonly notice: Question; readonly until: number }[] = [];
  #connection: Connection | undefined;
  #introduction: Introduction | undefined;
  #ports: ReadonlySet<number> | undefined;
  /** When it was first seen that nobody runs there. */
  #nobodySince: number | undefined;
  /** What it said at its end. */
  #farewell: { readonly ghosts: readonly string[] | null } | undefined;
  #refusal: ErrorCode | undefined;
  #failure: ErrorCode | undefined;
  #hasBeenUp = false;
  /** Ends the pause before the next attempt. */
  #signOfLife = new AbortController();
  /** Questions that wait for a connection. */
  readonly #expectant = new Set<(connection: Connection | undefined) => void>();

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

  /** The ports that its sessions have; undefined until it has said so. They count on while it cannot be reached. */
  get ports(): ReadonlySet<number> | undefined {
    return this.#ports;
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

  /** Whether a connection to this place (`Arrivals.place`) may be for a session there, or for one that was there, for all that is known. */
  mayWait(place: string): boolean {
    if (this.#nobodySince === undefined || this.#options.isHeard()) return true;
    if (performance.now() - this.#nobodySince > ON_THE_WAY) return false;
    const { ghosts } = this.#farewell ?? { ghosts: null };
    return ghosts?.includes(place) ?? true;
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
        if (NOBODY.test(reason.detail ?? '')) this.#nobodySince ??= performance.now();
        if (!signal.aborted) observer.failed(index, reason);
      }
      const over = AbortSignal.any([signal, this.#signOfLife.signal]);
      await sleep(pause * (0.75 + Math.random() / 2), undefined, { signal: over }).catch(() => {});
      pause = over.aborted ? FIRST_PAUSE : Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  /** It lives, and can be reached: the next attempt is due. */
  hasCalled(): void {
    this.#signOfLife.abort();
  }

  /** Who waits there for a connection; undefined where it does not say. */
  async ask({ port, client }: Stray): Promise<RemoteProspect | undefined> {
    const question = {
      type: 'ask',
      id: this.#questions.newId(),
      port,
      address: client.address,
      clientPort: client.port,
    } as const;
    const answer = await this.#asked(question, 'answer');
    if (answer === undefined) return undefined;
    const { here, able, proof, ghost, token } = answer;
    return { here, able, proof, ghost, token: bytesOf(token) };
  }

  /** The token for a connection that shows a TLS session, where one who waits there knows it; undefined where nothing is said. */
  async recognise({ port, client }: Stray, hello: ClientHello): Promise<Buffer | null | undefined> {
    const names = hello.ticketKeyNames.slice(0, MOST_NAMES).map((name) => name.toString('hex'));
    const sessionId = hello.sessionId.toString('hex');
    const ends = { port, address: client.address, clientPort: client.port };
    const answer = await this.#asked(
      { type: 'recognise', id: this.#questions.newId(), ...ends, names, sessionId },
      'recognised',
    );
    return answer && bytesOf(answer.token);
  }

  /** A connection may be for somebody there, who must prove it by TLS. Returns what must be called when it is known whose it is. */
  contest({ port, client }: Stray): () => void {
    const id = this.#questions.newId();
    const connection = this.#connection;
    connection?.send({ type: 'contest', id, port, address: client.address });
    return () => connection?.send({ type: 'done', id });
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

  /** Says something that needs no answer; where there is no connection now, over the next one if that comes soon. */
  notify(notice: Question): void {
    if (this.#connection !== undefined) this.#connection.send(notice);
    else {
      this.#late.push({ notice, until: performance.now() + LATE_NOTICE });
      if (this.#late.length > MOST_LATE) this.#late.shift();
    }
  }

  async #connect(): Promise<Connection> {
    const { introduction, judge, index } = this.#options;
    const connection = await dialReplica(this.#options);
    try {
      const said = await greet(connection, introduction());
      this.#refusal = said.type === 'refused' ? codeOf(said.cause) : undefined;
      if (said.type === 'refused') throw new GatewayError(codeOf(said.cause), { detail: 'so says the other replica' });
      const { type: _type, ...welcome } = said;
      if (welcome.index !== index) {
        const detail = `expected replica ${index}, found ${welcome.index}`;
        throw new GatewayError('replication-wrong-replica', { detail });
      }
      await judge(welcome);
      this.#introduction = welcome;
      this.#ports = portsIn(welcome.ports);
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
    for (const settle of [...this.#expectant]) settle(connection);
    this.#nobodySince = undefined;
    this.#farewell = undefined;
    this.#failure = undefined;
    this.#hasBeenUp = true;
    const heartbeat = setInterval(() => connection.send({ type: 'ping' }), HEARTBEAT);
    connection.listen((answer) => this.#heard(answer));
    if (this.#introduction !== undefined) observer.up(index, this.#introduction);
    for (const { notice, until } of this.#late.splice(0)) if (until > performance.now()) connection.send(notice);
    const reason = await connection.ended;
    clearInterval(heartbeat);
    this.#connection = undefined;
    this.#questions.lost();
    return reason;
  }

  /** One that has just begun, and has called us, can be asked in a moment: its first clients must not pay for that. */
  #connectionSoon(): Promise<Connection | undefined> {
    if (!this.#options.isHeard()) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle = (connection: Connection | undefined) => {
        clearTimeout(timer);
        this.#expectant.delete(settle);
        resolve(connection);
      };
      const timer = setTimeout(() => settle(undefined), ANSWER);
      this.#expectant.add(settle);
    });
  }

  #heard(answer: Answer): void {
    switch (answer.type) {
      case 'answer':
      case 'recognised':
      case 'granted':
        return this.#questions.answered(answer);
      case 'announce':
        this.#ports = portsIn(answer.ports);
        return;
      case 'goodbye':
        this.#nobodySince ??= performance.now();
        this.#farewell = answer;
        return;
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
  ): Promise<Of<Answer, T> | undefined> {
    const connection = this.#connection ?? (await this.#connectionSoon());
    return connection && this.#questions.ask(connection, question, type);
  }
}

function bytesOf(token: string | null): Buffer | null {
  return token === null ? null : Buffer.from(token, 'hex');
}
