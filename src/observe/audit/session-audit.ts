/**
 * The audit records of one session: what its observer is told, as records and as lines of xferlog. Does nothing where nothing is
 * audited.
 */
import type { ErrorCode } from '../../errors/errors.ts';
import { type Endpoint, formatEndpoint } from '../../net/address.ts';
import type { TlsFacts } from '../../tls/facts.ts';
import { printable } from '../../wire/redact.ts';
import type { PolicyRule } from '../metrics.ts';
import { backendLegFields, clientLegFields, shown, tlsFields } from '../record-fields.ts';
import type {
  Change,
  Denial,
  LoginRecord,
  SessionFacts,
  SessionTotals,
  TouchedPath,
  TransferBeginning,
  TransferRecord,
} from '../session-records.ts';
import type { Audit } from './audit.ts';
import type { AuditRecord, SessionKind, SessionOf } from './audit-table.ts';

/** The control connection of the backend that a session has. */
export interface BackendControl {
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly tls: TlsFacts | undefined;
}

/** Who the session belongs to, as far as that is known now. */
export interface Whose {
  /** Latin-1, as the client sent it. */
  readonly user: string | undefined;
  readonly backend: string | undefined;
  readonly tls: TlsFacts | undefined;
  readonly control: BackendControl | undefined;
}

/** Which error a rule of the policy stands for. */
const CAUSES: Readonly<Record<string, ErrorCode>> = {
  requireTls: 'tls-required',
  requireProtP: 'protection-required',
};

export class SessionAudit {
  readonly #audit: Audit | undefined;
  readonly #facts: SessionFacts;
  readonly #whose: () => Whose;
  readonly #session: SessionOf;

  /** `whose` is asked at each record. */
  constructor(audit: Audit | undefined, facts: SessionFacts, whose: () => Whose) {
    this.#audit = audit;
    this.#facts = facts;
    this.#whose = whose;
    this.#session = { session: facts.id, listener: facts.listener, client: formatEndpoint(facts.client) };
  }

  begun(): void {
    this.#record('session-begun', () => ({
      mode: this.#facts.mode,
      local: formatEndpoint(this.#facts.local),
      ...this.#who(),
    }));
  }

  login({ user, backend, outcome, reply, cause }: LoginRecord): void {
    const own = { user: printable(user), backend, outcome, reply, cause };
    this.#record('login', () => ({ ...own, ...this.#who(), ...this.#backendControl() }));
  }

  cleared(): void {
    const { user = '', backend = '' } = this.#names();
    this.#record('control-cleared', () => ({ user, backend, ...this.#who() }));
  }

  /** Whether a transfer may begin: it was recorded, or need not be. */
  transferBegins(transfer: TransferBeginning): boolean {
    if (this.#audit?.required !== true) return true;
    return this.#audit.begin(this.#session, this.#beginning(transfer));
  }

  transferFinished(record: TransferRecord): void {
    if (this.#audit?.on !== true) return;
    const at = new Date();
    this.#record(
      'transfer',
      () => ({
        ...this.#beginning(record),
        outcome: record.outcome,
        cause: record.cause,
        detail: shown(record.detail),
        reply: record.reply,
        backendReply: record.backendReply,
        bytes: record.bytes,
        sha256: record.sha256,
        began: new Date(at.getTime() - record.milliseconds).toISOString(),
        milliseconds: Math.round(record.milliseconds),
        heldBack: record.heldBack,
        ...clientLegFields(record.client),
        clientDataEnd: record.ends.client,
        ...backendLegFields(record.backendLeg),
        backendDataEnd: record.ends.backend,
      }),
      at,
    );
    this.#xferlog(record, at);
  }

  /** The gateway itself refused a command. */
  denied(verb: string, { cause, detail, rule, reply, touched }: Denial): void {
    this.#record('command-denied', () => ({
      verb,
      rule,
      cause: cause ?? CAUSES[rule ?? ''] ?? 'internal-error',
      detail: shown(detail),
      reply,
      ...pathFields(touched),
      ...this.#names(),
      ...this.#who(),
    }));
  }

  /** A command went to the backend that changes something there. */
  changed({ verb, touched, backendReply }: Change): void {
    const { user, backend } = this.#names();
    const own = { user: user ?? '', backend: backend ?? '', verb, ...pathFields(touched), backendReply };
    this.#record('command', () => ({ ...own, ...this.#who(), ...this.#backendControl() }));
  }

  /** A command broke a rule and was let through. */
  reported(rule: PolicyRule, verb: string): void {
    this.#record('policy-report', () => ({ verb, rule, ...this.#names(), ...this.#who() }));
  }

  ended(outcome: ErrorCode, detail: string | undefined, totals: SessionTotals): void {
    this.#record('session-ended', () => ({
      outcome,
      detail: shown(detail),
      ...totals,
      ...this.#names(),
      ...this.#who(),
    }));
  }

  #record<K extends SessionKind>(kind: K, make: () => AuditRecord<K>, at?: Date): void {
    if (this.#audit?.on === true) this.#audit.record(kind, this.#session, make(), at);
  }

  #who() {
    return { proxy: this.#facts.proxy && formatEndpoint(this.#facts.proxy), ...tlsFields(this.#whose().tls) };
  }

  #names() {
    const { user, backend } = this.#whose();
    return { user: user === undefined ? undefined : printable(user), backend };
  }

  #backendControl() {
    const { control } = this.#whose();
    return {
      backendPeer: control && formatEndpoint(control.peer),
      backendLocal: control && formatEndpoint(control.local),
      backendTls: control?.tls?.version,
      backendCipher: control?.tls?.cipher,
    };
  }

  #beginning({ verb, direction, backend, touched, restart, type }: TransferBeginning) {
    return {
      user: this.#names().user ?? '',
      backend,
      verb,
      direction,
      ...pathFields(touched),
      restart: restart === undefined || Number(restart) === 0 ? undefined : Number(restart),
      type,
      ...this.#who(),
      ...this.#backendControl(),
    };
  }

  /** Files only, as other servers do: no listings, and nothing that the backend refused at once. */
  #xferlog({ direction, outcome, milliseconds, bytes, touched, type }: TransferRecord, at: Date): void {
    if (direction === 'list' || outcome === 'refused') return;
    const { user = '' } = this.#whose();
    const { address } = this.#facts.client;
    const complete = outcome === 'completed';
    const path = touched.path ?? touched.argument;
    this.#audit?.transferred({ at, milliseconds, address, bytes, path, type, direction, user, complete });
  }
}

function pathFields(touched: TouchedPath | undefined) {
  const path = shown(touched?.path);
  const clientPath = shown(touched?.clientPath);
  const argument = shown(touched?.argument);
  return {
    path,
    clientPath,
    argument: argument === path || argument === clientPath ? undefined : argument,
    directory: touched?.directory === 'unknown' ? ('unknown' as const) : undefined,
  };
}
