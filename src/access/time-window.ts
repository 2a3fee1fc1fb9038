/**
 * Whether a moment lies in a window of time that is told as days and times of day in a time zone. Pure.
 */

import type { TimeMatch } from '../config/access.ts';
import type { Day } from '../config/access-fields.ts';

const DAYS: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Compiles a window; undefined where it is always. */
export function timeWindow({ days, from, to, zone }: TimeMatch): ((now: Date) => boolean) | undefined {
  if (days === null && from === 0 && to === 24 * 60) return undefined;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const begins = (day: Day | undefined) => days === null || (day !== undefined && days.includes(day));
  return (now) => {
    const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    const today = DAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as Day);
    if (from < to) return begins(DAYS[today]) && minute >= from && minute < to;
    // Behind midnight the window is that of the day before.
    const yesterday = DAYS[(today + 6) % 7];
    return (begins(DAYS[today]) && minute >= from) || (begins(yesterday) && minute < to);
  };
}
