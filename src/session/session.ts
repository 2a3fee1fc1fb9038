/**
 * One client from greeting to goodbye: the only place where client meets backend, and the only writer of the session's
 * state. Commands are taken one at a time; handlers decide, this applies.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import { within } from '../backends/within.ts';
import { ClientChannel, type ClientInput } from '../control/client-channel.ts';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Command } from '../wire/command.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { settleIn } from './after-login.ts';
import { paceCommand } from './command-pace.ts';
import { dataCommand } from './data-command.ts';
import { deny } from './denial.ts';
import { loginAbandoned, loginRefused } from './failed-login.ts';
import { forward } from './forward.ts';
import { type Admission, admit } from './gate.ts';
import { HANDLERS } from './handlers/index.ts';
import { endOfInput, lastReply } from './last-reply.ts';
import { loginProgress } from './login-progress.ts';
import { noteOutcome } from './note-outcome.ts';
import type { Outcome } from './outcome.ts';
import { leavePhase, linkOf, type Phase, readyPhase, withoutPlan } from './phase.ts';
import { clearControl, upgradeControl } from './secure-control.ts';
import { SessionContext } from './session-context.ts';
import type { SessionOptions } from './session-options.ts';
import { type SessionSnapshot, sessionSnapshot } from './session-snapshot.ts';
import { newStanding, type Standing, secureStanding, settleStanding, spendAnnouncements } from './standing.ts';
import { discard } from './unused-outcome.ts';

const GREETING = reply(220, 'FTPS gateway ready.');
const GOODBYE = 2000; // milliseconds for the client to take the last reply

export class Session {
  readonly #options: SessionOptions;
  readonly #client: ClientChannel;
  readonly #standing: Standing;
  readonly #end = new AbortController();
  readonly #loginTimer: NodeJS.Timeout;
  #phase: Phase = { name: 'login', stage: 'unnamed', login: undefined };

  constructor(options: SessionOptions) {
    const { connection, tls, environment } = options;
    const { limits, timeouts } = environment.config;
    this.#options = options;
    this.#standing = newStanding(tls);
    this.#client = new ClientChannel(connection, tls === undefined ? 'clear' : 'secure', {
      maxLineBytes: limits.commandLine,
      onArrival: ({ verb }) => verb === 'ABOR' && this.#interrupt('client-aborted'),
      onLost: (reason) => this.#clientLost(reason),
    });
    const left = options.acceptedAt + timeouts.login - performance.now();
    this.#loginTimer = setTimeout(() => this.close(new GatewayError('login-timeout')), left);
  }

  /** Runs to the end; all that the session held is released then. Never rejects. */
  async run(): Promise<void> {
    const { observer } = this.#options;
    observer.started();
    try {
      await this.#client.reply(GREETING);
      while (this.#phase.name !== 'closing') {
        const input = await this.#nextInput();
        if (input !== undefined) await this.#take(input);
      }
    } catch (error) {
      if (!(error instanceof GatewayError)) observer.fault(error);
      this.close(asGatewayError(error, 'internal-error'));
    }
  }

  /** Ends the session; the first reason wins. `last` is what the client is told. */
  close(reason: GatewayError, last = lastReply(this.#phase, reason, this.#standing)): void {
    const phase = this.#phase;
    if (phase.name === 'closing') return;
    this.#phase = { name: 'closing', reason };
    clearTimeout(this.#loginTimer);
    this.#end.abort(reason);
    this.#standing.tls?.dispose();
    leavePhase(phase, reason, this.#options.observer);
    if (last !== null) void this.#client.reply(last);
    this.#client.end(GOODBYE);
    // A transfer that is cut belongs to the session: what it came to is told first.
    if (phase.name !== 'transferring') this.#tellEnd();
  }

  #tellEnd(): void {
    if (this.#phase.name !== 'closing') return;
    const { code, detail } = this.#phase.reason;
    this.#options.observer.ended(code, detail);
  }

  /** What it is at now. */
  snapshot(): SessionSnapshot {
    return sessionSnapshot(this.#phase, this.#options.observer);
  }

  /** Ends the session as soon as no transfer of it runs. */
  drain(): void {
    this.#standing.leaves = true;
    if (this.#phase.name !== 'transferring') this.close(new GatewayError('draining'));
  }

  async #nextInput(): Promise<ClientInput | undefined> {
    const idle = this.#standing.rules.limits.controlIdle ?? this.#options.environment.config.timeouts.controlIdle;
    const input = await within(this.#client.next(), idle);
    if (input === undefined) this.close(new GatewayError('control-idle'));
    else await paceCommand(this.#standing, this.#options, this.#end.signal);
    return this.#phase.name === 'closing' ? undefined : input;
  }

  async #take(input: ClientInput): Promise<void> {
    if (input.kind === 'command') return this.#handle(input.command);
    const { observer } = this.#options;
    if (input.kind === 'invalid') {
      observer.malformedCommand(input.problem, input.line);
      // It may have been a transfer.
      spendAnnouncements(this.#standing);
      if (input.problem === 'malformed-verb') return this.#unknown();
      return this.#reply(reply(501, 'Control characters are not allowed here.'));
    }
    if (input.kind === 'too-long') observer.malformedCommand('too-long', '');
    this.close(endOfInput(input));
  }

  async #handle(command: Command): Promise<void> {
    const admission = admit(command, this.#phase);
    this.#options.observer.command(command.verb, admission.kind !== 'unknown');
    if (admission.kind === 'unknown') return this.#unknown();
    await (admission.kind === 'refused' ? this.#reply(admission.reply) : this.#carryOut(admission));
    if (admission.spec.family === 'transfer') spendAnnouncements(this.#standing);
  }

  async #carryOut(admission: Admission & { kind: 'admitted' }): Promise<void> {
    const handle = (taken: Command) => HANDLERS[admission.spec.family](taken, this.#context());
    const outcome = await (this.#standing.files?.lead(admission.command, handle) ?? handle(admission.command));
    if (this.#phase.name !== 'closing') await this.#apply(outcome, admission.command);
    else discard(outcome);
  }

  #unknown(): Promise<void> {
    if (++this.#standing.unknownCommands > this.#options.environment.config.limits.unknownCommands) {
      this.close(new GatewayError('too-many-unknown-commands'));
    }
    return this.#reply(reply(500, 'Unknown command.'));
  }

  #context(): SessionContext {
    return new SessionContext({
      ...this.#options,
      phase: this.#phase,
      standing: this.#standing,
      client: this.#client,
      signal: this.#end.signal,
      onLogin: (login) => {
        if (this.#phase.name !== 'login') return;
        if (this.#phase.stage === 'named') loginAbandoned(this.#standing, this.#options);
        this.#phase = { name: 'login', stage: 'unnamed', login };
      },
      onLink: (link) => this.#adopt(link),
      dropPlan: () => this.#dropPlan(),
    });
  }

  async #apply(outcome: Outcome, command: Command): Promise<void> {
    const standing = this.#standing;
    switch (outcome.do) {
      case 'reply':
        return this.#reply(outcome.reply);
      case 'refuse':
      case 'fail':
      case 'exceed':
        return this.#reply(await deny(outcome, command, standing, this.#options.observer));
      case 'forward':
        return this.#forward(outcome.command);
      case 'secure':
        return this.#secure(outcome);
      case 'clear':
        return clearControl(outcome.reply, this.#client, standing, { ...this.#options, signal: this.#end.signal });
      case 'protect':
      case 'host':
      case 'remember':
      case 'extended-only':
        noteOutcome(standing, outcome);
        return this.#reply(outcome.reply);
      case 'login':
        return this.#login(outcome);
      case 'plan':
        if (this.#phase.name === 'ready') this.#phase = { ...this.#phase, plan: outcome.plan };
        return this.#reply(outcome.reply);
      case 'cancel':
        this.#dropPlan();
        return this.#reply(outcome.reply);
      case 'begin':
      case 'list-nothing':
        return this.#transfer(outcome);
      case 'close':
        return this.close(new GatewayError(outcome.reason), outcome.reply);
    }
  }

  async #forward(command: Command): Promise<void> {
    const { link } = readyPhase(this.#phase);
    await this.#reply(await forward(command, link, this.#standing, this.#options.observer));
  }

  async #secure({ reply: accepted, protection }: Outcome & { do: 'secure' }): Promise<void> {
    await upgradeControl(this.#client, accepted, this.#standing, { ...this.#options, signal: this.#end.signal });
    // AUTH removes what was said before in clear (RFC 2228 §3, RFC 4217 §4.2): nothing of it may count inside TLS.
    if (this.#phase.name === 'login') {
      const link = linkOf(this.#phase);
      this.#phase = { name: 'login', stage: 'unnamed', login: undefined };
      link?.close();
    }
    secureStanding(this.#standing, protection);
  }

  async #login({ reply: answer, login }: Outcome & { do: 'login' }): Promise<void> {
    const { observer } = this.#options;
    const progress = loginProgress(answer);
    const { user, link, backend } = login;
    if (progress === 'accepted' && link !== undefined) {
      clearTimeout(this.#loginTimer);
      this.#phase = { name: 'ready', user, link, plan: undefined };
      settleStanding(this.#standing, login);
      observer.loginFinished({ backend, user, outcome: 'accepted', reply: answer.code, cause: undefined });
      await this.#reply(answer);
      return settleIn(user, link, this.#standing, this.#options);
    }
    this.#phase = { name: 'login', stage: progress === 'more' ? 'named' : 'unnamed', login };
    if (progress === 'more') return this.#reply(answer);
    const end = await loginRefused(login, answer, this.#standing, this.#options, this.#end.signal);
    await this.#reply(answer);
    if (end !== undefined) this.close(new GatewayError(end));
  }

  async #transfer(outcome: Outcome & { do: 'begin' | 'list-nothing' }): Promise<void> {
    const { user, link } = readyPhase(this.#phase);
    const onPreliminary = (preliminary: Reply) => this.#reply(preliminary);
    const { transfer, run } = dataCommand(outcome, link, this.#standing, this.#options, onPreliminary);
    this.#phase = { name: 'transferring', user, link, transfer };
    // What arrived while earlier commands were dealt with counts as well.
    if (this.#client.abortWaits) this.#interrupt('client-aborted');
    if (this.#client.departure !== 'none') this.#interrupt('client-control-lost');
    const { reply: final, record } = await run();
    if (transfer.fault !== undefined || this.#phase.name !== 'transferring') {
      record();
      this.#tellEnd();
      if (transfer.fault !== undefined) throw transfer.fault;
      return link.close();
    }
    this.#phase = { name: 'ready', user, link, plan: undefined };
    const told = final === null ? undefined : this.#reply(final);
    record();
    await told;
    if (link.lost.aborted) this.#linkLost(link, final?.code === 421);
    if (this.#standing.leaves) this.drain();
  }

  /** ABOR has arrived, or the client is gone: either counts before its turn in the queue. */
  #clientLost(reason: GatewayError): void {
    this.#interrupt('client-control-lost');
    // Commands that were sent before the end are still carried out; without any nobody waits for an answer.
    const waits = this.#phase.name === 'transferring' || this.#client.departure === 'with-commands';
    if (!waits) this.close(reason);
  }

  #interrupt(code: ErrorCode): void {
    if (this.#phase.name === 'transferring') this.#phase.transfer.abort(new GatewayError(code));
  }

  /** Follows the fate of a new link. */
  #adopt(link: BackendLink): void {
    if (this.#phase.name !== 'login') return link.close();
    link.lost.addEventListener('abort', () => this.#linkLost(link), { once: true });
  }

  /** `told`: the client has had its 421 already. */
  #linkLost(link: BackendLink, told = false): void {
    const phase = this.#phase;
    if (linkOf(phase) !== link || phase.name === 'transferring') return;
    const onLoss = phase.name === 'login' ? phase.login?.onLoss : 'fatal';
    const reason = asGatewayError(link.lost.reason, 'backend-closed');
    // A backend may hang up after a wrong password; the client may try again, on a new link.
    const afterRefusal = phase.name === 'login' && this.#standing.failedLogins > 0 && link.farewell === undefined;
    if (onLoss === 'handled' || afterRefusal) return;
    this.#options.observer.backendFailed(link.backend.name, reason.code, reason.detail);
    if (onLoss === 'fatal') this.close(reason, told ? null : lastReply(phase, reason, this.#standing));
  }

  #dropPlan(): void {
    this.#phase = withoutPlan(this.#phase);
  }

  #reply(answer: Reply): Promise<void> {
    if (this.#phase.name === 'closing') return Promise.resolve();
    return this.#client.reply(answer);
  }
}
