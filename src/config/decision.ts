/**
 * The answers of the decision hook: configuration for one login, from outside. Pure.
 */
import { z } from 'zod';
import type { Policy } from './config.ts';

/** What the service has decided. */
export type Decision =
  | { readonly decision: 'deny'; readonly reply: string | undefined }
  | {
      readonly decision: 'allow';
      /** Names of backends in place of the route's. */
      readonly backends: readonly string[] | undefined;
      readonly credentials: { readonly user: string | null; readonly password: string | null } | undefined;
      readonly policy: Partial<Policy>;
    };

/** Characters of a refusal that the client is shown. */
const LONGEST_REPLY = 400;

const LINE = z.string().regex(/^[^\0\r\n]+$/);
const MODE = z.enum(['enforce', 'report', 'off']);

/** The form of an answer. Unknown keys are refused: an override that is misspelt must not be lost. */
const ANSWER = z.discriminatedUnion('decision', [
  z.strictObject({ decision: z.literal('deny'), reply: z.unknown() }),
  z.strictObject({
    decision: z.literal('allow'),
    backends: z.array(z.string()).min(1).optional(),
    credentials: z
      .strictObject({ user: LINE.nullable().default(null), password: LINE.nullable().default(null) })
      .optional(),
    policy: z
      .strictObject({
        requireProtP: MODE.optional(),
        uploadEnd: z.enum(['strict', 'tolerant']).optional(),
        downloadEnd: z.enum(['strict', 'tolerant']).optional(),
        sessionReuse: z.enum(['require', 'prefer', 'off']).optional(),
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
  const policy = Object.fromEntries(Object.entries(data.policy).filter(([, given]) => given !== undefined));
  return { decision: 'allow', backends: data.backends, credentials: data.credentials, policy };
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
