/**
 * A control connection to a backend, in step: each reply is matched with the command it answers, one command at a time.
 * Replies that nobody asked for are swallowed; 421, nonsense and silence end the link. Knows nothing of the client.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { BackendChannel } from '../control/backend-channel.ts';
import { Exchange } from '../control/exchange.ts';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import { describeSocketError } from '../net/socket-errors.ts';
import type { BackendTlsSession } from '../tls/backend-session.ts';
import type { Command } from '../wire/command.ts';
import { type Feature, parseFeatures } from '../wire/features.ts';
import { isPositive, type Reply, serializeReply } from '../wire/reply.ts';
import type { Backend } from './backend.ts';

/** Time for the goodbye to a backend (milliseconds). */
const GOODBYE = 2000;
/** Verbs with a secret: a backend may repeat it in its reply, which must not reach a log. */
const SECRET_VERBS = new Set(['PASS', 'ACCT']);
/** Preliminary replies to one command, or unsolicited ones in a row, after which a link counts as out of step. */
const MAX_SURPLUS_REPLIES = 1000;

export interface BackendLinkOptions {
  readonly backend: Backend;
  readonly limits: { readonly replyLine: number; readonly reply: number };
  /** Time for a final reply (milliseconds). */
  readonly finalReply: number;
  readonly onUnsolicited: (reply: Reply) => void;
  /** TLS in force already: implicit FTPS. */
  readonly tls?: BackendTlsSession;
}

export class BackendLink {
  readonly backend: Backend;
  readonly #channel: BackendChannel;
  readonly #options: BackendLinkOptions;
  readonly #expected: Exchange[] = [];
  readonly #lost = new AbortController();
  #turn: Promise<void> = Promise.resolve();
  #lastVerb = '';
  #tls: BackendTlsSession | undefined;
  #protection: 'clear' | 'private' = 'clear';
  #farewell: Reply | undefined;
  #surplusReplies = 0;
  /** What it was told with PASS and ACCT: it may repeat that much later, in its farewell. */
  readonly #secrets = new Set<string>();

  constructor(socket: Socket, options: BackendLinkOptions) {
    this.backend = options.backend;
    this.#options = options;
    this.#tls = options.tls;
    this.#expected.push(new Exchange('greeting'));
    this.#channel = new BackendChannel(socket, {
      maxLineBytes: options.limits.replyLine,
      maxReplyBytes: options.limits.reply,
      onReply: (reply) => this.#receive(reply),
      onMalformed: (problem, excerpt) => {
        const code = problem === 'not-a-reply' ? 'backend-reply-malformed' : 'backend-reply-too-long';
        const detail = SECRET_VERBS.has(this.#lastVerb) ? problem : `${problem}: ${this.#withoutSecrets(excerpt)}`;
        this.lose(new GatewayError(code, { detail }));
      },
      onLost: (error) => {
        const detail = error === undefined ? 'connection closed' : describeSocketError(error);
        this.lose(new GatewayError('backend-closed', { detail, cause: error }));
      },
    });
  }

  get peer(): Endpoint {
    return this.#channel.peer;
  }

  get local(): Endpoint {
    return this.#channel.local;
  }

  /** Fires when the link has ended by itself; the reason is a GatewayError. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** What the backend said last when it closed with 421. */
  get farewell(): Reply | undefined {
    return this.#farewell;
  }

  /** The verb that was sent last: REST and RNFR must stand directly before what they belong to (RFC 959 §4.1.3). */
  get lastVerb(): string {
    return this.#lastVerb;
  }

  /** The greeting's final reply; rejects when there is none within `timeout` milliseconds. */
  greeting(timeout: number): Promise<Reply> {
    const [greeting] = this.#expected;
    if (greeting === undefined) throw new Error('the greeting was taken already');
    return this.#within(greeting.final, timeout, 'greeting', 'backend-greeting-timeout');
  }

  /** Sends a command when its turn has come; resolves with the final reply. Rejects with the reason when the link is lost. */
  async exchange(command: Command, timeout = this.#options.finalReply): Promise<Reply> {
    const turn = await this.takeTurn();
    try {
      return await turn.final(turn.send(command), timeout);
    } finally {
      turn.end();
    }
  }

  /** Waits until all earlier exchanges are over. Nobody else sends before the turn has ended. */
  async takeTurn(): Promise<Turn> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return {
      send: (command, kind) => this.#send(command, kind),
      first: (exchange) =>
        this.#within(exchange.first, this.#options.finalReply, exchange.verb, 'backend-reply-timeout'),
      final: (exchange, timeout = this.#options.finalReply) =>
        this.#within(exchange.final, timeout, exchange.verb, 'backend-reply-timeout'),
      drop: (exchange) => {
        const index = this.#expected.indexOf(exchange);
        if (index >= 0) this.#expected.splice(index, 1);
      },
      end: resolve,
    };
  }

  /** TLS of the control connection; undefined where it is in clear. */
  get tls(): BackendTlsSession | undefined {
    return this.#tls;
  }

  /**
   * AUTH TLS, whatever the backend says that it has, then TLS in place (RFC 4217 §4). Never goes on in clear: raises
   * `backend-tls-refused`, `backend-bytes-behind-auth`, and what `upgrade` raises. What was said before does not count any more.
   */
  async secure(
    upgrade: (raw: Socket) => Promise<{ readonly socket: TLSSocket; readonly session: BackendTlsSession }>,
    timeout: number,
  ): Promise<void> {
    const turn = await this.takeTurn();
    try {
      this.#channel.holdAfterReply();
      const answer = await turn.final(turn.send({ verb: 'AUTH', argument: 'TLS' }), timeout);
      if (answer.code !== 234)
        throw new GatewayError('backend-tls-refused', { detail: serializeReply(answer).trimEnd() });
      await this.#channel.secure(async (raw) => {
        const { socket, session } = await upgrade(raw);
        this.#tls = session;
        return socket;
      });
    } finally {
      turn.end();
    }
  }

  /**
   * Asks for TLS on data connections, once and after the login; not asked where the control connection is in clear. Raises
   * `backend-protection-refused`.
   */
  async protect(): Promise<void> {
    if (this.#tls === undefined || this.#protection === 'private') return;
    // quirk: servers without PBSZ that know PROT; only PROT decides.
    await this.exchange({ verb: 'PBSZ', argument: '0' });
    const answer = await this.exchange({ verb: 'PROT', argument: 'P' });
    if (!isPositive(answer)) {
      throw new GatewayError('backend-protection-refused', { detail: serializeReply(answer).trimEnd() });
    }
    this.#protection = 'private';
  }

  /** What FEAT says; asked once for all links, until the backend was down. Empty where it has no FEAT (RFC 2389). */
  async features(): Promise<readonly Feature[]> {
    const known = this.backend.features;
    if (known !== undefined) return known;
    const features = parseFeatures(await this.exchange({ verb: 'FEAT', argument: undefined }));
    this.backend.offers(features);
    return features;
  }

  /** Says goodbye and closes. */
  close(): void {
    if (this.#lost.signal.aborted) return;
    if (this.#expected.length === 0) this.#channel.send({ verb: 'QUIT', argument: undefined });
    this.#end(new GatewayError('backend-closed', { detail: 'closed by the gateway' }));
    this.#channel.end(GOODBYE);
  }

  /** Breaks the link off: what comes from it can no longer be trusted to answer what was asked. */
  lose(reason: GatewayError): void {
    if (this.#lost.signal.aborted) return;
    this.#end(reason);
    this.#channel.destroy();
  }

  #end(reason: GatewayError): void {
    this.#lost.abort(reason);
    for (const exchange of this.#expected.splice(0)) exchange.fail(reason);
  }

  #send(command: Command, kind?: 'command' | 'transfer'): Exchange {
    const exchange = new Exchange(command.verb, kind);
    if (this.#lost.signal.aborted) {
      exchange.fail(this.#lost.signal.reason);
      return exchange;
    }
    this.#lastVerb = command.verb;
    if (SECRET_VERBS.has(command.verb) && command.argument) this.#secrets.add(command.argument);
    this.#expected.push(exchange);
    this.#channel.send(command);
    return exchange;
  }

  async #within(answer: Promise<Reply>, timeout: number, verb: string, code: ErrorCode): Promise<Reply> {
    const timer = setTimeout(() => {
      this.lose(new GatewayError(code, { detail: `no reply to ${verb} within ${timeout} ms` }));
    }, timeout);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #receive(reply: Reply): void {
    if (this.#lost.signal.aborted) return;
    const current = this.#expected[0];
    if (reply.code === 421) return this.#receiveFarewell(reply, current);
    if (current?.owns(reply) !== true) return this.#swallow(reply);
    if (current.preliminaries > MAX_SURPLUS_REPLIES) return this.#loseStep();
    // A backend that gave one reply to a transfer and its ABOR: what comes now answers the NOOP behind them.
    const next = this.#expected[1];
    if (current.verb === 'ABOR' && next?.verb === 'NOOP' && reply.code === 200) {
      current.accept({ code: 225, lines: ['No reply to ABOR.'] }, () => {});
      this.#expected.shift();
      return this.#receive(reply);
    }
    const done = () => this.#expected.splice(this.#expected.indexOf(current), 1);
    if (current.accept(reply, done) === 'done') {
      this.#surplusReplies = 0;
      done();
    }
  }

  /** Nobody asked for it. What came with a password may repeat it, and is not shown. */
  #swallow(reply: Reply): void {
    if (++this.#surplusReplies > MAX_SURPLUS_REPLIES) return this.#loseStep();
    this.#options.onUnsolicited(
      SECRET_VERBS.has(this.#lastVerb) ? { code: reply.code, lines: [''] } : this.#hide(reply),
    );
  }

  #hide(reply: Reply): Reply {
    const [first = '', ...rest] = reply.lines.map((line) => this.#withoutSecrets(line));
    return { code: reply.code, lines: [first, ...rest] };
  }

  #withoutSecrets(text: string): string {
    return [...this.#secrets].reduce((left, secret) => left.replaceAll(secret, '****'), text);
  }

  #loseStep(): void {
    this.lose(new GatewayError('backend-reply-malformed', { detail: 'endless preliminary or unsolicited replies' }));
  }

  /** 421 may answer any command or none (RFC 959 §5.4): the backend closes now. */
  #receiveFarewell(reply: Reply, current: Exchange | undefined): void {
    const told = this.#hide(reply);
    this.#farewell = told;
    if (current !== undefined) {
      current.accept(reply, () => {});
      this.#expected.shift();
    }
    const detail = SECRET_VERBS.has(this.#lastVerb) ? `${reply.code}` : serializeReply(told).trimEnd();
    this.lose(new GatewayError('backend-refused-service', { detail }));
  }
}

/** The right to send, until `end` is called. */
export interface Turn {
  /** Sends at once; several exchanges may be open in one turn (a transfer and its ABOR). */
  send(command: Command, kind?: 'command' | 'transfer'): Exchange;
  /** The first reply, preliminary or final, within timeouts.finalReply; the link is lost when it does not come. */
  first(exchange: Exchange): Promise<Reply>;
  /** The final reply within `timeout` milliseconds (default: timeouts.finalReply); the link is lost when it does not come. */
  final(exchange: Exchange, timeout?: number): Promise<Reply>;
  /** Expects no reply to this exchange any more: it was answered in place of one before it. */
  drop(exchange: Exchange): void;
  end(): void;
}
