/**
 * The answers of the decision hook: configuration for one login, from outside. Pure.
 */
import { z } from 'zod';
import type { Policy } from './config.ts';
import { count, countOr, duration } from './fields.ts';
import { amount, bandwidth, eventRate } from './limit-fields.ts';
import type { AmountsConfig, BandwidthConfig, EventRate, Most } from './limits.ts';
import { isRootFolder } from './root-folder.ts';

/** Some of the keys. */
export type SomeOf<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What one user may. Of this and of what the configuration says the tightest holds, but for `controlIdle`. */
export interface UserLimits {
  /** Sessions at once, of all workers together. */
  readonly sessions?: number;
  /** In place of `timeouts.controlIdle`, in milliseconds. */
  readonly controlIdle?: number;
  /** Files that are moved at once. */
  readonly transfers?: number;
  /** Of all its transfers together. */
  readonly bandwidth?: SomeOf<BandwidthConfig>;
  readonly perDay?: SomeOf<AmountsConfig>;
  /** Of each of its sessions. */
  readonly perSession?: SomeOf<AmountsConfig>;
  /** Bytes. */
  readonly uploadSize?: Most;
  /** Of each of its sessions. */
  readonly commandRate?: EventRate | 'unlimited';
}

/** What holds for a user that is logged in, in place of what holds for everybody. */
export interface UserRules {
  readonly policy: Partial<Policy>;
  readonly limits: UserLimits;
  /** For access rules. */
  readonly groups: readonly string[];
}

/** Where nobody has decided. */
export const NO_USER_RULES: UserRules = { policy: {}, limits: {}, groups: [] };

/** A login that may go on. */
export interface Allowance extends UserRules {
  readonly decision: 'allow';
  /** Names of backends in place of the route's. */
  readonly backends: readonly string[] | undefined;
  readonly credentials: { readonly user: string | null; readonly password: string | null } | undefined;
  /** A folder in place of the root of the route; null is the whole backend. */
  readonly root: string | null | undefined;
}

/** What the service has decided. */
export type Decision = { readonly decision: 'deny'; readonly reply: string | undefined } | Allowance;

/** Characters of a refusal that the client is shown. */
const LONGEST_REPLY = 400;

/** Groups of one user. */
const MOST_GROUPS = 1000;

const LINE = z.string().regex(/^[^\0\r\n]+$/);
const MODE = z.enum(['enforce', 'report', 'off']);

const FILES = countOr('unlimited', { meaning: '', maximum: 1_000_000_000 });
const AMOUNTS = z.strictObject({
  bytesUp: amount({ meaning: '' }).optional(),
  bytesDown: amount({ meaning: '' }).optional(),
  filesUp: FILES.optional(),
  filesDown: FILES.optional(),
});

/** The form of an answer. Unknown keys are refused: an override that is misspelt must not be lost. */
const ANSWER = z.discriminatedUnion('decision', [
  z.strictObject({ decision: z.literal('deny'), reply: z.unknown() }),
  z.strictObject({
    decision: z.literal('allow'),
    backends: z.array(z.string()).min(1).optional(),
    credentials: z
      .strictObject({ user: LINE.nullable().default(null), password: LINE.nullable().default(null) })
      .optional(),
    root: z.string().refine(isRootFolder).nullable().optional(),
    groups: z.array(LINE).max(MOST_GROUPS).default([]),
    policy: z
      .strictObject({
        requireProtP: MODE.optional(),
        uploadEnd: z.enum(['strict', 'tolerant']).optional(),
        downloadEnd: z.enum(['strict', 'tolerant']).optional(),
        sessionReuse: z.enum(['require', 'prefer', 'off']).optional(),
      })
      .default({}),
    limits: z
      .strictObject({
        sessions: count({ meaning: '', maximum: 1_000_000 }).optional(),
        controlIdle: duration({ meaning: '' }).optional(),
        transfers: count({ meaning: '', maximum: 1_000_000 }).optional(),
        bandwidth: z
          .strictObject({ up: bandwidth({ meaning: '' }).optional(), down: bandwidth({ meaning: '' }).optional() })
          .optional(),
        perDay: AMOUNTS.optional(),
        perSession: AMOUNTS.optional(),
        uploadSize: amount({ meaning: '' }).optional(),
        commandRate: eventRate({ meaning: '' }).optional(),
      })
      .default({}),
  }),
]);

/** Reads an answer. Throws an Error that says what is wrong with it, without quoting values. */
export function parseDecision(body: string): Decision {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    throw new Error('the answer is no JSON');
  }
  const result = ANSWER.safeParse(answer);
  // A refusal is one, whatever else is wrong with it.
  if (isRefusal(answer)) return { decision: 'deny', reply: cleaned(answer.reply) };
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue?.path.join('.') || 'the answer';
    throw new Error(`${where}: ${issue?.code ?? 'unusable'}`);
  }
  const { data } = result;
  if (data.decision === 'deny') return { decision: 'deny', reply: undefined };
  const { backends, credentials, root, groups, policy, limits } = data;
  return { decision: 'allow', backends, credentials, root, groups, policy: given(policy), limits: given(limits) };
}

/** Without the keys that are not there. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function isRefusal(answer: unknown): answer is { readonly decision: 'deny'; readonly reply?: unknown } {
  return typeof answer === 'object' && answer !== null && 'decision' in answer && answer.decision === 'deny';
}

/** The words for the client: one line, not too long. */
function cleaned(reply: unknown): string | undefined {
  if (typeof reply !== 'string') return undefined;
  const line = reply.replace(/\p{Cc}+/gu, ' ').trim();
  return line === '' ? undefined : line.slice(0, LONGEST_REPLY);
}
