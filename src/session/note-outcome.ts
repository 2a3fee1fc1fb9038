/**
 * Outcomes that change nothing but what a session remembers.
 */
import type { Outcome } from './outcome.ts';
import type { Standing } from './standing.ts';

/** Commands that are kept for the backend until there is one. */
const MOST_REMEMBERED = 4;

/** Remembers it; no reply and no waiting belong to that. */
export function noteOutcome(
  standing: Standing,
  outcome: Outcome & { do: 'protect' | 'host' | 'remember' | 'extended-only' },
): void {
  switch (outcome.do) {
    case 'protect':
      standing.protection = outcome.protection;
      break;
    case 'host':
      standing.host = outcome.host;
      break;
    case 'remember':
      if (standing.remembered.length < MOST_REMEMBERED) standing.remembered.push(outcome.command);
      break;
    case 'extended-only':
      standing.extendedOnly = true;
  }
}
