/**
 * Asks for a transfer whether it may begin, with what is known of its size by then.
 */
import type { Command } from '../wire/command.ts';
import type { AllowedTransfer } from './outcome.ts';
import { wholeNumber } from './size-hints.ts';
import type { Standing } from './standing.ts';
import type { Direction } from './verdict.ts';

/** Raises LimitReached where it must not begin. */
export async function allowTransfer(
  command: Command,
  direction: Direction,
  { limits, sizes, restart: { promised } }: Standing,
): Promise<AllowedTransfer> {
  if (limits === undefined) throw new Error('a transfer before the login');
  const before = command.verb === 'APPE' ? sizes.sizeOf(command.argument) : wholeNumber(promised ?? '');
  const expectedBytes = sizes.expected(command, promised);
  const allowance = await limits.begin({
    way: direction === 'upload' ? 'up' : 'down',
    kind: direction === 'list' ? 'list' : 'file',
    expected: expectedBytes,
    offset: direction === 'upload' ? (before ?? 0) : 0,
  });
  return { allowance, expectedBytes };
}
