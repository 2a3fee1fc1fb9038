/**
 * How a transfer went, and what the client is told. Pure.
 */
import { ERRORS, type ErrorCode, type GatewayError } from '../errors/errors.ts';
import { isPositive, type Reply, reply, serializeReply } from '../wire/reply.ts';

/** Which way the bytes go; listings go to the client as downloads do. */
export type Direction = 'upload' | 'download' | 'list';

/** `refused`: the backend said no before any data. `aborted`: the client or an operator wanted it. `failed`: everything else. */
export interface Verdict {
  readonly outcome: 'completed' | 'refused' | 'aborted' | 'failed';
  readonly cause: ErrorCode | undefined;
  /** For the log. */
  readonly detail: string | undefined;
  /** What the client is told; null where nobody is left to be told. */
  readonly reply: Reply | null;
  /** Code of the backend's final reply; undefined where none was waited for, or none came. */
  readonly backendReply: number | undefined;
}

/** The backend's final reply and the relay agree that all arrived. */
export function succeeded(final: Reply): Verdict {
  return { outcome: 'completed', cause: undefined, detail: undefined, reply: final, backendReply: final.code };
}

/** The backend said no; the client gets its words. */
export function refused(final: Reply, outcome: 'refused' | 'failed' = 'refused'): Verdict {
  const detail = serializeReply(final).trimEnd();
  return { outcome, cause: 'backend-refused', detail, reply: final, backendReply: final.code };
}

/**
 * The same verdict; where a data connection that did not resume was refused, the log says so: that may be the reason (RFC 4217 §10.2 lets
 * backends demand it), and their own words seldom tell.
 */
export function withResumption(verdict: Verdict, resumed: boolean | undefined): Verdict {
  const suspect = verdict.cause === 'backend-refused' && [425, 522].includes(verdict.reply?.code ?? 0);
  if (!suspect || resumed !== false) return verdict;
  return { ...verdict, detail: `${verdict.detail}; its data connection did not resume the TLS session` };
}

/** Somebody wanted the end of the transfer: the client, or an operator, also by a limit. */
const WANTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'client-aborted',
  'ended-by-operator',
  'upload-too-large',
  'upload-quota-exceeded',
  'download-quota-exceeded',
]);

/** Anything else went wrong. `final` is what the backend said to it, for the log: it may believe in success. */
export function failed(error: GatewayError, final?: Reply): Verdict {
  const kept =
    final !== undefined && isPositive(final) ? `the backend took it for complete (${final.code})` : undefined;
  const told = ERRORS[error.code].reply;
  return {
    outcome: WANTED.has(error.code) ? 'aborted' : 'failed',
    cause: error.code,
    detail: [error.detail, kept].filter((text) => text !== undefined).join('; ') || undefined,
    reply: told === null ? null : reply(told[0], told[1]),
    backendReply: final?.code,
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
