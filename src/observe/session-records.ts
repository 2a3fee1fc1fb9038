/**
 * What is told of a session, as values: who takes part in it, its logins, its transfers. Pure types.
 */
import type { ErrorCode } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { TlsFacts } from '../tls/facts.ts';
import type { Direction, LoginOutcome, PolicyRule, TransferOutcome } from './metrics.ts';

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

/** What a command is about, as the audit log has it. */
export interface TouchedPath {
  /** Latin-1: absolute; or, where the folder is unknown, with `..` in it, or as the client sent it. Undefined where nobody said it. */
  readonly path: string | undefined;
  /** Latin-1: the same as the client sees it, where it has a root. */
  readonly clientPath?: string;
  /** Latin-1, as the client sent it. */
  readonly argument: string | undefined;
  /** Whether it is known in which folder it is. */
  readonly directory: 'known' | 'unknown';
}

/** How a data connection ended, where that ended the data. `broken`: that of who receives. */
export type DataEnd = 'close-notify' | 'fin' | 'reset' | 'unproven' | 'broken';

/** A transfer that is about to begin. */
export interface TransferBeginning {
  readonly verb: string;
  readonly direction: Direction;
  readonly backend: string;
  readonly touched: TouchedPath;
  /** The position of REST. */
  readonly restart: string | undefined;
  /** Representation (TYPE). */
  readonly type: 'ascii' | 'image' | 'other';
}

/** A command that the gateway itself refused: by a rule, or for another cause. */
export interface Denial {
  readonly rule?: PolicyRule;
  readonly cause?: ErrorCode;
  readonly detail?: string | undefined;
  /** Code of the reply to the client. */
  readonly reply: number;
  /** Undefined where the command has no path. */
  readonly touched: TouchedPath | undefined;
}

/** A command that changes something at the backend beside transfers: deletes, renames, folders, attributes, SITE. */
export interface Change {
  readonly verb: string;
  readonly touched: TouchedPath;
  /** Code of the backend's reply; undefined where none came. */
  readonly backendReply: number | undefined;
}

/** What a session was, in numbers. */
export interface SessionTotals {
  readonly milliseconds: number;
  readonly commands: number;
  readonly transfers: number;
  readonly failedTransfers: number;
  readonly bytesUploaded: number;
  readonly bytesDownloaded: number;
}

/** What is known of a session that goes on. */
export interface SessionAccount {
  readonly facts: SessionFacts;
  readonly totals: SessionTotals;
  /** Latin-1; undefined before it is logged in. */
  readonly user: string | undefined;
  /** The backend of its last login. */
  readonly backend: string | undefined;
}

/** A transfer that ended, from its command to its last reply. */
export interface TransferRecord extends TransferBeginning {
  readonly bytes: number;
  readonly milliseconds: number;
  /** Milliseconds for which a limit of bandwidth held it back; undefined where none did. */
  readonly heldBack?: number | undefined;
  readonly outcome: TransferOutcome;
  readonly cause: ErrorCode | undefined;
  readonly detail: string | undefined;
  /** Code of the last reply to the client. */
  readonly reply: number | undefined;
  /** Code of the backend's final reply. */
  readonly backendReply: number | undefined;
  readonly ends: { readonly client: DataEnd | undefined; readonly backend: DataEnd | undefined };
  /** Of the bytes, in hexadecimal; undefined where none was asked for, or no data could flow. */
  readonly sha256: string | undefined;
  readonly client: LegFacts | undefined;
  readonly backendLeg: LegFacts | undefined;
}
