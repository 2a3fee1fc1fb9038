/**
 * RETR, STOR, APPE, STOU, LIST, NLST, MLSD: policy and preconditions; the rest is the transfer's.
 */
import { ERRORS, GatewayError } from '../../errors/errors.ts';
import { LimitReached } from '../../policy/limit-reached.ts';
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

export const beginTransfer: Handler = async (command, context) => {
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
  const course = await context.root?.lead(command);
  if (course?.kind === 'refuse') return course.outcome;
  if (course?.kind === 'answer') return { do: 'reply', reply: course.reply };
  const direction = DIRECTIONS.get(command.verb) ?? 'list';
  try {
    const { plan } = phase;
    return { do: 'begin', command, direction, plan, course, ...(await context.allowTransfer(command, direction)) };
  } catch (error) {
    if (error instanceof LimitReached) return { do: 'exceed', error };
    throw error;
  }
};
