/**
 * What is told of a session, as values: who takes part in it, its logins, its transfers. Pure types.
 */
import type { ErrorCode } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { TlsFacts } from '../tls/facts.ts';
import type { Direction, LoginOutcome, TransferOutcome } from './metrics.ts';

/** Who talks to whom in a session. */
export interface SessionFacts {
  readonly id: string;
  readonly listener: string;
  readonly mode: 'explicit' | 'implicit';
  readonly client: Endpoint;
  /** Where the client connected to. */
  readonly local: Endpoint;
  /** The balancer between, where there is one. */
  readonly proxy: Endpoint | undefined;
}

/** One data connection of a transfer. */
export interface LegFacts {
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly protection: 'clear' | 'private';
  readonly tls: TlsFacts | undefined;
}

/** A login that was answered. */
export interface LoginRecord {
  readonly backend: string;
  /** Latin-1, as the client sent it. */
  readonly user: string;
  readonly outcome: LoginOutcome;
  /** Code of the reply to the client. */
  readonly reply: number | undefined;
  readonly cause: ErrorCode | undefined;
}

/** A transfer that ended, from its command to its last reply. */
export interface TransferRecord {
  readonly verb: string;
  readonly direction: Direction;
  /** Latin-1, as the client sent it. */
  readonly path: string | undefined;
  readonly backend: string;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly outcome: TransferOutcome;
  readonly cause: ErrorCode | undefined;
  readonly detail: string | undefined;
  /** Code of the last reply to the client. */
  readonly reply: number | undefined;
  readonly client: LegFacts | undefined;
  readonly backendLeg: LegFacts | undefined;
}
