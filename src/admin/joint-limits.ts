/**
 * How much is used of the limits of the whole gateway, made of what its processes tell. Pure.
 */
import type { BandwidthUseShown, LimitUseShown } from './limit-answers.ts';

/** How many of each are shown. */
const SHOWN = 100;

/** Those that are nearest to their limit. */
export function nearestToLimit(usage: readonly LimitUseShown[]): LimitUseShown[] {
  return usage.toSorted((a, b) => b.used / b.most - a.used / a.most).slice(0, SHOWN);
}

/** One row for each bandwidth, whichever processes draw from it; the busiest first. */
export function jointBandwidths(all: readonly BandwidthUseShown[]): BandwidthUseShown[] {
  const joint = new Map<string, BandwidthUseShown>();
  for (const each of all) {
    const name = `${each.direction} ${each.scope} ${each.whose}`;
    const { transfers, bytesPerSecond } = joint.get(name) ?? { transfers: 0, bytesPerSecond: 0 };
    joint.set(name, {
      ...each,
      transfers: each.transfers + transfers,
      bytesPerSecond: each.bytesPerSecond + bytesPerSecond,
    });
  }
  return [...joint.values()].sort((a, b) => b.bytesPerSecond - a.bytesPerSecond).slice(0, SHOWN);
}
