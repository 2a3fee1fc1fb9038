/**
 * Why a session ends with what its client sent, and what the client is told then. Pure.
 */
import type { ClientInput } from '../control/client-channel.ts';
import { ERRORS, GatewayError } from '../errors/errors.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { linkOf, type Phase } from './phase.ts';
import type { Standing } from './standing.ts';

/** The reply that goes with a reason: a backend that said 421 is quoted, if it may be. Null where the client is told nothing. */
export function lastReply(phase: Phase, reason: GatewayError, { root }: Pick<Standing, 'root'>): Reply | null {
  const discreet = root !== undefined || (phase.name === 'login' && phase.login?.discreet === true);
  const farewell = discreet ? undefined : linkOf(phase)?.farewell;
  if (farewell !== undefined) return farewell;
  const told = ERRORS[reason.code].reply;
  return told === null ? null : reply(told[0], told[1]);
}

/** The reason to end that lies in this input. */
export function endOfInput(input: ClientInput & { readonly kind: 'too-long' | 'tls-hello' | 'closed' }): GatewayError {
  if (input.kind === 'too-long') return new GatewayError('line-too-long');
  if (input.kind === 'tls-hello') return new GatewayError('tls-without-auth');
  if (input.error instanceof GatewayError) return input.error;
  return new GatewayError('client-closed', { ...(input.error && { detail: input.error.message }) });
}
