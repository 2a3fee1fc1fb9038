/**
 * How a transfer went, and what the client is told. Pure.
 */
import { ERRORS, type ErrorCode, type GatewayError } from '../errors/errors.ts';
import { isPositive, type Reply, reply, serializeReply } from '../wire/reply.ts';

/** Which way the bytes go; listings go to the client as downloads do. */
export type Direction = 'upload' | 'download' | 'list';

/** `refused`: the backend said no before any data. `aborted`: the client wanted it. `failed`: everything else. */
export interface Verdict {
  readonly outcome: 'completed' | 'refused' | 'aborted' | 'failed';
  readonly cause: ErrorCode | undefined;
  /** For the log. */
  readonly detail: string | undefined;
  /** What the client is told; null where nobody is left to be told. */
  readonly reply: Reply | null;
}

/** The backend's final reply and the relay agree that all arrived. */
export function succeeded(final: Reply): Verdict {
  return { outcome: 'completed', cause: undefined, detail: undefined, reply: final };
}

/** The backend said no; the client gets its words. */
export function refused(final: Reply, outcome: 'refused' | 'failed' = 'refused'): Verdict {
  return { outcome, cause: 'backend-refused', detail: serializeReply(final).trimEnd(), reply: final };
}

/** Anything else went wrong. `final` is what the backend said to it, for the log: it may believe in success. */
export function failed(error: GatewayError, final?: Reply): Verdict {
  const kept =
    final !== undefined && isPositive(final) ? `the backend took it for complete (${final.code})` : undefined;
  const told = ERRORS[error.code].reply;
  return {
    outcome: error.code === 'client-aborted' ? 'aborted' : 'failed',
    cause: error.code,
    detail: [error.detail, kept].filter((text) => text !== undefined).join('; ') || undefined,
    reply: told === null ? null : reply(told[0], told[1]),
  };
}

/** What a step came to: a verdict, or a reason for which the backend must be stopped first. */
export type Step =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'stop'; readonly reason: GatewayError };

export function decided(verdict: Verdict): Step {
  return { kind: 'verdict', verdict };
}

export function stop(reason: GatewayError): Step {
  return { kind: 'stop', reason };
}
