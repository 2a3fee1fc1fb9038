/**
 * What is counted, as values: the words of the metrics, and records of what is measured. Pure types.
 */
import type { ErrorCode } from '../errors/errors.ts';

export type Side = 'client' | 'backend';
export type Channel = 'control' | 'data';
export type Direction = 'upload' | 'download' | 'list';
export type LoginOutcome = 'accepted' | 'refused' | 'failed';
export type TransferOutcome = 'completed' | 'refused' | 'aborted' | 'failed';
/** `requireTls`, `requireProtP`, a view of a route, or the name that an operator gave an access rule. */
export type PolicyRule = string;

/** What a limit is about. */
export type LimitName =
  | 'sessions'
  | 'transfers'
  | 'uploadSize'
  | 'bytesUp'
  | 'bytesDown'
  | 'filesUp'
  | 'filesDown'
  | 'commandRate'
  | 'loginRate';
/** For whom it counts: all together, one address, one user, one route, one session. */
export type LimitScope = 'total' | 'address' | 'user' | 'route' | 'session';

/** A transfer as it is counted. */
export interface TransferMeasures {
  readonly direction: Direction;
  readonly backend: string;
  readonly outcome: TransferOutcome;
  /** Why it did not complete. */
  readonly cause?: ErrorCode | undefined;
  readonly bytes: number;
  readonly seconds: number;
}

/** Whether a file of the audit log is written, and how many of its records wait; undefined where there is none. */
export type AuditState = Readonly<
  Record<'audit' | 'xferlog', { readonly waiting: number; readonly writable: boolean } | undefined>
>;

/** How many ports of the passive range are in which state. */
export type PassivePorts = Readonly<Record<'free' | 'waiting', number>>;
