/**
 * Holds commands back that come more often than they may. None is refused for it: to clients a refusal is a failed file or a lost
 * session, a late answer is only slow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionObserver } from '../observe/session-observer.ts';
import { afterEvent, delayOf } from '../policy/event-rate.ts';
import { commandRateBefore } from '../policy/session-limits.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';

/** What is needed of the session. */
export interface PacedSession {
  readonly environment: SessionEnvironment;
  readonly observer: SessionObserver;
}

/** Resolves when the next command may be dealt with, or when the session has ended. Undefined where it may at once. */
export function paceCommand(
  standing: Standing,
  { environment, observer }: PacedSession,
  signal: AbortSignal,
): Promise<void> | undefined {
  const { limits } = standing;
  const rate = limits === undefined ? commandRateBefore(environment.limits) : limits.commandRate;
  if (rate === undefined) return undefined;
  const now = performance.now();
  const delay = delayOf(rate, standing.commandsWhole, now);
  standing.commandsWhole = afterEvent(rate, standing.commandsWhole, now);
  if (delay < 1) return undefined;
  observer.limits.commandHeldBack(delay);
  return sleep(delay, undefined, { signal }).catch(() => {});
}
