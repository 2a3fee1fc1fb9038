/**
 * Whether the client may give up TLS on its control connection now. Pure.
 */
import { type Reply, reply } from '../wire/reply.ts';
import type { HandlerContext } from './outcome.ts';

/**
 * The reply to CCC where it is refused; undefined where it is accepted. 533 where there is no TLS, 534 where it must stay (RFC 4217
 * §6): neither password nor data may be in clear.
 */
export function cccRefusal({
  control,
  policy,
  phase,
  protection,
}: Pick<HandlerContext, 'control' | 'policy' | 'phase' | 'protection'>): Reply | undefined {
  if (control !== 'secure') return reply(533, 'The control connection is not encrypted.');
  if (policy.ccc === 'deny') return reply(534, 'The control connection stays encrypted.');
  if (phase.name !== 'ready') return reply(534, 'Not before you are logged in.');
  if (protection === 'clear') return reply(534, 'Not without PROT P.');
  return undefined;
}
