/**
 * What can go wrong, in one table. Every code appears unchanged in log lines, metric labels and `docs/errors.md`.
 * An error carries two texts: `reply` is what a client may see, `detail` and `cause` are for the operator's log.
 * Knows nothing of sockets and of FTP grammar.
 */

import { ACCESS_ERRORS } from './access-errors.ts';
import { DATA_ERRORS } from './data-errors.ts';
import { PROXY_ERRORS } from './proxy-errors.ts';
import { REPLICATION_ERRORS } from './replication-errors.ts';
import { ROOT_ERRORS } from './root-errors.ts';
import { SESSION_ERRORS } from './session-errors.ts';

export type { ErrorDescription } from './error-description.ts';

/** Every way in which a session, a login or a transfer can fail or end early. */
export const ERRORS = {
  ...PROXY_ERRORS,
  ...SESSION_ERRORS,
  ...ACCESS_ERRORS,
  ...ROOT_ERRORS,
  ...DATA_ERRORS,
  ...REPLICATION_ERRORS,
} as const;

/** Stable code of an error: a key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** Extra facts of a {@link GatewayError}. */
export interface GatewayErrorOptions {
  /** What happened, for the log: never a secret. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** An error with a stable code. `reply` is safe to show to the client, `message` and `cause` are for the log. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    const { detail } = options;
    super(detail === undefined ? code : `${code}: ${detail}`, { cause: options.cause });
    this.code = code;
    this.detail = detail;
  }

  /** Code and text for the client, or null where it is told nothing. */
  get reply(): readonly [code: number, text: string] | null {
    return ERRORS[this.code].reply;
  }
}

/** The error as a {@link GatewayError}: itself, or wrapped under `code`. */
export function asGatewayError(error: unknown, code: ErrorCode): GatewayError {
  if (error instanceof GatewayError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new GatewayError(code, { detail, cause: error });
}
