/**
 * What a handler has decided when the session was over meanwhile.
 */
import type { Outcome } from './outcome.ts';

/** Gives back what it holds. */
export function discard(outcome: Outcome): void {
  if (outcome.do === 'plan') outcome.plan.dispose();
  if (outcome.do === 'begin') outcome.allowance.finish(false);
}
