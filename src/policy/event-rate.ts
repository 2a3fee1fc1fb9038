/**
 * How often something may happen: so many times in a period, all of them at once if they like, and then evenly. One number is
 * remembered: when the allowance is whole again (the generic cell rate algorithm). Pure.
 */
import type { EventRate } from '../config/limits.ts';

/** Milliseconds until one more event fits. `whole` is when the allowance is whole again. */
export function delayOf({ count, per }: EventRate, whole: number, now: number): number {
  return Math.max(0, Math.max(whole, now) + per / count - per - now);
}

/** When the allowance is whole again, after one more event. */
export function afterEvent({ count, per }: EventRate, whole: number, now: number): number {
  return Math.max(whole, now) + per / count;
}
