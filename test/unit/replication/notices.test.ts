/** What is said again to a replica that comes back. */
import { expect, it } from 'vitest';
import { LONGEST_ABSENCE, Notices } from '../../../src/replication/notices.ts';

const notice = (bytes: number) => ({ type: 'ended', connection: 'a'.repeat(32), bytes }) as const;

it('counts in order, for longer than a connection can be missing, and not for ever', () => {
  const notices = new Notices();
  notices.keep(notice(1), 0);
  notices.keep(notice(2), 100);
  expect(notices.recent(LONGEST_ABSENCE)).toEqual([notice(1), notice(2)]);
  expect(notices.recent(30_050)).toEqual([notice(2)]);
  expect(notices.recent(60_000)).toEqual([]);
});

it('is bounded: the oldest are forgotten', () => {
  const notices = new Notices();
  for (let each = 0; each < 6000; each += 1) notices.keep(notice(each), 0);
  const recent = notices.recent(1);
  expect(recent).toHaveLength(5000);
  expect(recent.at(-1)).toEqual(notice(5999));
});
