/**
 * What is told about one session: each event writes its log line and counts its metrics in one place, so that the two
 * cannot disagree. Keeps the totals for the last line of the session. Decides nothing.
 */
import { ERRORS, type ErrorCode } from '../errors/errors.ts';
import { formatEndpoint } from '../net/address.ts';
import type { TlsFacts } from '../tls/facts.ts';
import { printable } from '../wire/redact.ts';
import type { Audit } from './audit/audit.ts';
import { type BackendControl, SessionAudit } from './audit/session-audit.ts';
import { countDataConnections } from './count-data-connections.ts';
import { LimitObserver } from './limit-observer.ts';
import type { EventName, FieldsOf, LevelOf } from './log-table.ts';
import { describeFault, hideSecrets } from './log-text.ts';
import type { Logger } from './logger.ts';
import type { Channel, Metrics, PolicyRule, Side } from './metrics.ts';
import type { FailureKind, RecentFailures } from './recent-failures.ts';
import { shown, tlsFields } from './record-fields.ts';
import type {
  Change,
  Denial,
  LegFacts,
  LoginRecord,
  SessionAccount,
  SessionFacts,
  TransferBeginning,
  TransferRecord,
} from './session-records.ts';
import { transferFields } from './transfer-fields.ts';
import { writeEvent } from './write-event.ts';

export type { LegFacts, LoginRecord, SessionFacts, TransferRecord };

/** What ends a control connection to a backend before TLS is in force. */
const HANDSHAKE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'backend-tls-refused',
  'backend-tls-failed',
  'backend-tls-timeout',
  'backend-bytes-behind-auth',
  'backend-certificate-invalid',
]);

/** Observes one session from its start to its end. */
export class SessionObserver {
  /** For lines that no event of the table describes: carries `session`, `listener` and `client`. */
  readonly logger: Logger;
  /** For what is told about limits. */
  readonly limits: LimitObserver;
  readonly #metrics: Metrics;
  readonly #facts: SessionFacts;
  readonly #since = performance.now();
  readonly #totals = { commands: 0, transfers: 0, failedTransfers: 0, bytesUploaded: 0, bytesDownloaded: 0 };
  #state: 'new' | 'open' | 'ended' = 'new';
  #tls: TlsFacts | undefined;
  /** Latin-1, as the client sent it. */
  #user: string | undefined;
  #backend: string | undefined;
  #control: BackendControl | undefined;
  readonly #audit: SessionAudit;
  readonly #failures: RecentFailures | undefined;

  /** `audit` and `failures`: where records, and what does not work, go beside log and metrics. */
  constructor(logger: Logger, metrics: Metrics, facts: SessionFacts, audit?: Audit, failures?: RecentFailures) {
    const whose = () => ({ user: this.#user, backend: this.#backend, tls: this.#tls, control: this.#control });
    this.#audit = new SessionAudit(audit, facts, whose);
    this.logger = logger.child({ session: facts.id, listener: facts.listener, client: formatEndpoint(facts.client) });
    this.limits = new LimitObserver(this.logger, metrics, this.#audit, () => this.#user);
    this.#metrics = metrics;
    this.#facts = facts;
    this.#failures = failures;
  }

  /** Name of the session in logs. */
  get session(): string {
    return this.#facts.id;
  }

  /** TLS of the control connection. */
  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  /** What is known of the session so far. `user` is Latin-1. */
  get account(): SessionAccount {
    const totals = { milliseconds: Math.round(performance.now() - this.#since), ...this.#totals };
    return { facts: this.#facts, totals, user: this.#user, backend: this.#backend };
  }

  /** The client was let in. A session that ends without this counts as turned away at the door. */
  started(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    this.#metrics.sessionAccepted(this.#facts.listener);
    this.#audit.begun();
    this.#write('session-started', 'session started', {
      mode: this.#facts.mode,
      local: formatEndpoint(this.#facts.local),
      proxy: this.#facts.proxy && formatEndpoint(this.#facts.proxy),
    });
  }

  /** A handshake with the client finished. That of a transfer's data connection is told by {@link transferFinished}. */
  tlsEstablished(channel: Channel, facts: TlsFacts): void {
    if (channel === 'control') this.#tls = facts;
    this.#metrics.tlsHandshakeFinished('client', channel, facts);
    this.#write('tls-established', `TLS on the ${channel} connection`, {
      channel,
      ...tlsFields(facts),
      servername: shown(facts.servername),
      alpn: shown(facts.protocol),
    });
  }

  /** A handshake with the client failed. That of a transfer's data connection is told by {@link transferFinished}. */
  tlsFailed(channel: Channel, code: ErrorCode, detail: string | undefined): void {
    this.#metrics.tlsHandshakeFailed('client', code);
    this.#failed('tls', code, detail);
    const fields = { channel, cause: code, detail: shown(detail) };
    this.#write('tls-failed', `TLS on the ${channel} connection failed`, fields);
  }

  /** The client gave up TLS on its control connection. */
  controlCleared(): void {
    this.#tls = this.#tls && { ...this.#tls, cleared: true };
    this.#metrics.controlCleared(this.#facts.listener);
    this.#audit.cleared();
    const fields = { user: shown(this.#user), backend: this.#backend, ...tlsFields(this.#tls) };
    this.#write('control-cleared', 'the client gave TLS up on its control connection', fields);
  }

  /** A command arrived; `known` says whether the gateway has it in its table. */
  command(verb: string, known: boolean): void {
    this.#totals.commands += 1;
    this.#metrics.command(known ? verb : 'other');
    this.#write('command', 'command', { verb: known || this.#user !== undefined ? verb : 'other' });
  }

  /** A line arrived that is no command. `excerpt` is Latin-1 and may hold anything, so it is hidden where it could be a password. */
  malformedCommand(problem: string, excerpt: string): void {
    this.#metrics.malformedCommand(problem);
    this.#write('malformed-command', 'malformed command', { problem, excerpt: printable(hideSecrets(excerpt)) });
  }

  /** A command broke a rule: refused (`enforce`, with its `denial`) or let through (`report`). */
  policy(rule: PolicyRule, mode: 'enforce' | 'report', verb: string, denial?: Denial): void {
    this.#metrics.policyDenied(rule, mode);
    if (mode === 'report') this.#audit.reported(rule, verb);
    else if (denial !== undefined) this.#audit.denied(verb, denial);
    const message =
      mode === 'enforce' ? `refused ${verb} because of ${rule}` : `let through ${verb} in spite of ${rule}`;
    const { touched, reply, cause, detail } = denial ?? {};
    const path = shown(touched?.path ?? touched?.argument);
    this.#write('policy-denied', message, { rule, mode, verb, path, reply, cause, detail: shown(detail) });
  }

  /** The backend accepted the connection and greeted; with TLS the handshake is done as well. */
  backendConnected(backend: string, milliseconds: number, tls?: TlsFacts, ends?: Omit<BackendControl, 'tls'>): void {
    this.#control = ends && { peer: ends.peer, local: ends.local, tls };
    this.#metrics.backendConnected(backend, milliseconds / 1000);
    if (tls !== undefined) this.#metrics.tlsHandshakeFinished('backend', 'control', tls);
    const fields = { backend, milliseconds: Math.round(milliseconds) };
    const negotiated = { backendTls: tls?.version, backendCipher: tls?.cipher };
    this.#write('backend-connected', 'backend connected', { ...fields, ...negotiated });
  }

  /** The control connection to the backend could not be made, or broke. */
  backendFailed(backend: string, code: ErrorCode, detail: string | undefined): void {
    this.#metrics.backendFailed(backend, code);
    if (HANDSHAKE_FAILURES.has(code)) this.#metrics.tlsHandshakeFailed('backend', code);
    this.#write('backend-failed', `backend failed: ${ERRORS[code].meaning}`, {
      backend,
      cause: code,
      detail: shown(detail),
    });
  }

  /** The operator's service gave no usable answer about a login. */
  decisionFailed(code: ErrorCode, detail: string | undefined): void {
    this.#metrics.decisionFailed();
    this.#write('decision-failed', `no decision: ${ERRORS[code].meaning}`, { cause: code, detail: shown(detail) });
  }

  /** A login was answered. */
  loginFinished(record: LoginRecord): void {
    const { backend, user, outcome, reply, cause } = record;
    this.#backend = backend;
    if (outcome === 'accepted') this.#user = user;
    this.#audit.login(record);
    this.#metrics.loginFinished(backend, outcome);
    if (outcome !== 'accepted' && cause !== undefined) this.#failed('login', cause, undefined, user);
    const fields = { user: printable(user), backend, outcome, reply, cause, ...tlsFields(this.#tls) };
    this.#write('login', because(`login ${outcome}`, cause), fields, outcome === 'accepted' ? 'info' : 'warn');
  }

  /** The failed logins of this client's address are so many that it is turned away from now on. */
  addressBanned(): void {
    this.#metrics.addressBanned();
    this.#write('address-banned', 'too many failed logins: this address is banned', {});
  }

  /** A data connection could not be set up or broke, and no {@link transferFinished} follows that says so. */
  dataConnectionFailed(side: Side, cause: ErrorCode, detail: string | undefined): void {
    this.#metrics.dataConnectionFailed(side, cause);
    const message = because(`data connection of the ${side} failed`, cause);
    this.#write('data-connection-failed', message, { side, cause, detail: shown(detail) });
  }

  /** The gateway refuses a command, because no data connection can be set up for it. */
  dataSetupFailed(verb: string, cause: ErrorCode, denial: Denial): void {
    this.dataConnectionFailed('client', cause, denial.detail);
    this.#audit.denied(verb, denial);
  }

  /** A command went to the backend that changes something there. */
  changed(change: Change): void {
    this.#audit.changed(change);
  }

  /** Whether a transfer may begin; not where it has to be recorded before, and cannot be. */
  transferBegins(transfer: TransferBeginning): boolean {
    return this.#audit.transferBegins(transfer);
  }

  /** A transfer ended. Counts the handshakes and the failure of its data connections as well. */
  transferFinished(record: TransferRecord): void {
    const { direction, backend, outcome, cause, bytes, milliseconds } = record;
    this.#totals.transfers += 1;
    if (outcome !== 'completed') this.#totals.failedTransfers += 1;
    this.#totals[direction === 'upload' ? 'bytesUploaded' : 'bytesDownloaded'] += bytes;
    this.#metrics.transferFinished({ direction, backend, outcome, cause, bytes, seconds: milliseconds / 1000 });
    countDataConnections(this.#metrics, record);
    this.#audit.transferFinished(record);
    const unwanted = outcome === 'failed' || outcome === 'refused';
    if (unwanted && cause !== undefined) this.#failed('transfer', cause, record.detail);
    const fields = { ...transferFields(record), user: shown(this.#user) };
    this.#write('transfer', because(`${direction} ${outcome}`, cause), fields, outcome === 'failed' ? 'warn' : 'info');
  }

  /** An upload ended without close_notify and was accepted. */
  uncleanUpload(): void {
    this.#metrics.uncleanUpload(this.#facts.listener);
    this.#write('unclean-upload', 'upload accepted without TLS close_notify', {});
  }

  /** A download or listing from an FTPS backend ended without close_notify and was accepted. */
  uncleanDownload(backend: string): void {
    this.#metrics.uncleanDownload(backend);
    this.#write('unclean-download', 'download accepted without TLS close_notify of the backend', { backend });
  }

  /** The backend said something that nobody had asked for. `text` is Latin-1. */
  unsolicitedReply(backend: string, text: string): void {
    this.#metrics.unsolicitedReply(backend);
    this.#write('unsolicited-reply', 'unsolicited reply', { backend, excerpt: printable(text) });
  }

  /** A fault of ours, with its stack. */
  fault(error: unknown): void {
    this.#metrics.internalError();
    const { cause, detail, stack } = describeFault(error);
    this.#write('fault', 'a fault ended the session', { cause, detail: shown(detail), stack });
  }

  /** The session is over. Only the first call counts. */
  ended(code: ErrorCode, detail: string | undefined): void {
    if (this.#state === 'ended') return;
    const { listener } = this.#facts;
    if (this.#state === 'open') this.#metrics.sessionEnded(listener, code);
    else this.#metrics.sessionRefused(listener, code);
    this.#state = 'ended';
    const { totals } = this.account;
    this.#audit.ended(code, detail, totals);
    this.#write('session-ended', because('session ended', code), {
      outcome: code,
      detail: shown(detail),
      proxy: this.#facts.proxy && formatEndpoint(this.#facts.proxy),
      user: shown(this.#user),
      backend: this.#backend,
      ...totals,
      ...tlsFields(this.#tls),
    });
  }

  #failed(kind: FailureKind, code: ErrorCode, detail: string | undefined, user = this.#user): void {
    const { id: session, listener } = this.#facts;
    const whose = { session, listener, client: formatEndpoint(this.#facts.client), user: shown(user) };
    this.#failures?.add({ at: new Date(), kind, code, ...whose, backend: this.#backend, detail: shown(detail) });
  }

  #write<E extends EventName>(event: E, message: string, fields: FieldsOf<E>, level?: LevelOf<E>): void {
    writeEvent(this.logger, event, message, fields, level);
  }
}

function because(event: string, cause: ErrorCode | undefined): string {
  return cause === undefined ? event : `${event}: ${ERRORS[cause].meaning}`;
}
