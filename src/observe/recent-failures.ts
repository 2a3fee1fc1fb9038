/**
 * The last things that did not work for clients, and how often each cause was: for a person who looks. Bounded; the log has all of them.
 */
import type { ErrorCode } from '../errors/errors.ts';

/** What failed. */
export type FailureKind = 'transfer' | 'login' | 'tls';

/** One failure. Texts are printable. */
export interface Failure {
  readonly at: Date;
  readonly kind: FailureKind;
  readonly code: ErrorCode;
  readonly session: string;
  readonly listener: string;
  /** Address and port. */
  readonly client: string;
  readonly user: string | undefined;
  readonly backend: string | undefined;
  readonly detail: string | undefined;
}

/** How often something failed, since the process began. */
export interface FailureCount {
  readonly kind: FailureKind;
  readonly code: ErrorCode;
  readonly count: number;
  readonly last: Date;
}

/** How many are kept. */
const KEPT = 100;

export class RecentFailures {
  readonly #kept: Failure[] = [];
  readonly #counts = new Map<string, FailureCount>();

  add(failure: Failure): void {
    const { kind, code, at } = failure;
    const key = `${kind} ${code}`;
    this.#counts.set(key, { kind, code, count: (this.#counts.get(key)?.count ?? 0) + 1, last: at });
    this.#kept.push(failure);
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  /** The last ones, the newest first. */
  get last(): readonly Failure[] {
    return this.#kept.toReversed();
  }

  /** By kind and code. */
  get counts(): readonly FailureCount[] {
    return [...this.#counts.values()];
  }
}
