/**
 * What a client is told when its session ends. Pure.
 */
import { ERRORS, type GatewayError } from '../errors/errors.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { linkOf, type Phase } from './phase.ts';

/** The reply that goes with a reason: a backend that said 421 is quoted. Null where the client is told nothing. */
export function lastReply(phase: Phase, reason: GatewayError): Reply | null {
  const farewell = linkOf(phase)?.farewell;
  if (farewell !== undefined) return farewell;
  const told = ERRORS[reason.code].reply;
  return told === null ? null : reply(told[0], told[1]);
}
