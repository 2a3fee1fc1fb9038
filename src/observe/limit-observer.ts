/**
 * What is told about the limits of one session: log line, metrics and audit record of one event in one place. Decides nothing.
 */
import { ERRORS, type ErrorCode } from '../errors/errors.ts';
import type { SessionAudit } from './audit/session-audit.ts';
import type { Logger } from './logger.ts';
import type { LimitName, LimitScope } from './measures.ts';
import type { Metrics } from './metrics.ts';
import { shown } from './record-fields.ts';
import type { Denial } from './session-records.ts';
import { writeEvent } from './write-event.ts';

/** A limit that was reached. */
export interface ReachedLimit {
  readonly code: ErrorCode;
  /** Its key. */
  readonly detail: string | undefined;
  readonly claim: { readonly limit: LimitName; readonly scope: LimitScope };
}

/** How long a bandwidth has held a transfer back. */
export interface BandwidthWait {
  readonly claim: { readonly way: 'up' | 'down'; readonly scope: LimitScope };
  readonly milliseconds: number;
}

export class LimitObserver {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #audit: SessionAudit;
  readonly #user: () => string | undefined;
  #heldBack = false;

  /** `user` is asked at each line; Latin-1. */
  constructor(logger: Logger, metrics: Metrics, audit: SessionAudit, user: () => string | undefined) {
    this.#logger = logger;
    this.#metrics = metrics;
    this.#audit = audit;
    this.#user = user;
  }

  /** It stands against a command, which is refused (`denial`), or cuts what the command began. */
  reached({ code: cause, detail, claim }: ReachedLimit, verb: string, denial?: Denial): void {
    const { limit, scope } = claim;
    this.#metrics.limitReached(limit, scope);
    if (denial !== undefined) this.#audit.denied(verb, denial);
    const fields = { limit, scope, verb, user: shown(this.#user()), cause, detail: shown(detail) };
    writeEvent(this.#logger, 'limit-reached', `limit reached: ${ERRORS[cause].meaning}`, fields);
  }

  /** A command is answered so many milliseconds later. The first one of a session is logged. */
  commandHeldBack(delay: number): void {
    this.#metrics.limitReached('commandRate', 'session');
    if (this.#heldBack) return;
    this.#heldBack = true;
    const fields = { limit: 'commandRate', scope: 'session', user: shown(this.#user()), delay: Math.round(delay) };
    writeEvent(this.#logger, 'limit-reached', 'commands come more often than they may, and are held back', fields);
  }

  /** A transfer that has ended was held back. */
  bandwidthWaited(waits: readonly BandwidthWait[]): void {
    for (const { claim, milliseconds } of waits) {
      if (milliseconds > 0) this.#metrics.bandwidthWaited(claim.way, claim.scope, milliseconds / 1000);
    }
  }
}
