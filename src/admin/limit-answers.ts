/**
 * What the side port answers about limits, as shapes: see `answers.ts`.
 */
import type { ValueOf } from './shape.ts';
import * as shape from './shape.ts';

const SCOPES = ['total', 'address', 'user', 'route', 'session'] as const;

/** How much of a limit is used. */
export const LIMIT_USE = shape.object('LimitUse', 'How much of a limit is used now, or was used today.', {
  limit: shape.text('What it is about: `sessions`, `transfers`, `bytesUp`, `bytesDown`, `filesUp` or `filesDown`.'),
  scope: shape.word(SCOPES, 'For whom it counts.'),
  whose: shape.text('Address, user, or what a route matches; empty where it counts for all.'),
  used: shape.count('How much is used.'),
  most: shape.count('How much may be used.'),
});
export type LimitUseShown = ValueOf<typeof LIMIT_USE>;

/** How much of a bandwidth is used. */
export const BANDWIDTH_USE = shape.object('BandwidthUse', 'How much of a limited bandwidth is used.', {
  scope: shape.word(SCOPES, 'For whom it counts.'),
  whose: shape.text('Address, user, or what a route matches; empty where it counts for all.'),
  direction: shape.word(['up', 'down'], '`up` is from clients.'),
  transfers: shape.count('Transfers that draw from it now.'),
  bytesPerSecond: shape.count('In the last seconds.'),
  most: shape.orNull(shape.count('How much it may be; null where it is not limited any more.')),
});
export type BandwidthUseShown = ValueOf<typeof BANDWIDTH_USE>;

/** `GET /limits`. */
export const LIMITS = shape.object(
  'Limits',
  'How much is used of what is limited. What is not limited is not counted.',
  {
    usage: shape.list(LIMIT_USE, 'Those that are nearest to their limit first, at most 100.'),
    bandwidths: shape.list(BANDWIDTH_USE, 'Those with the most bytes per second first, at most 100.'),
    silentWorkers: shape.list(
      shape.count('Number of a worker.'),
      'Workers that did not answer within two seconds and are not in this answer.',
    ),
  },
);
export type LimitsShown = ValueOf<typeof LIMITS>;
