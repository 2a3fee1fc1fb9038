/**
 * RETR, STOR, APPE, STOU, LIST, NLST, MLSD: policy and preconditions; the rest is the transfer's.
 */
import { ERRORS, GatewayError } from '../../errors/errors.ts';
import { judge } from '../../policy/protection.ts';
import { reply } from '../../wire/reply.ts';
import type { Handler } from '../outcome.ts';
import type { Direction } from '../verdict.ts';

const DIRECTIONS: ReadonlyMap<string, Direction> = new Map([
  ['RETR', 'download'],
  ['STOR', 'upload'],
  ['APPE', 'upload'],
  ['STOU', 'upload'],
]);

export const beginTransfer: Handler = (command, context) => {
  const { phase, policy, protection } = context;
  if (phase.name !== 'ready') throw new Error(`transfer while ${phase.name}`);
  // The level counts on the transfer command, not on PASV (RFC 4217 §8, §10.2).
  switch (judge(policy, 'requireProtP', protection === 'private')) {
    case 'deny':
      return { do: 'refuse', rule: 'requireProtP', reply: reply(...ERRORS['protection-required'].reply) };
    case 'report':
      context.reportPolicy('requireProtP', command.verb);
  }
  if (phase.plan === undefined) return { do: 'fail', error: new GatewayError('no-data-setup') };
  return { do: 'begin', command, direction: DIRECTIONS.get(command.verb) ?? 'list', plan: phase.plan };
};
