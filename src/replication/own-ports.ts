/**
 * Which replica this is, and which passive ports its sessions are given. Pure.
 */
import { replicaIndex } from '../config/replication.ts';
import type { Config, PortRange } from '../config/schema.ts';
import { portsOf, sharePorts } from '../config/worker-slices.ts';

/** Whether a configuration has several replicas; the index that this one has then. */
export function ownIndex({ replication }: Config): number | undefined {
  return replication.count === 1 ? undefined : replicaIndex(replication);
}

/** The ports that sessions of one replica are given: a slice of its own, or the only one there is. */
export function portsOfReplica(range: PortRange, index: number, count: number): readonly number[] {
  return range.first === range.last ? portsOf(range) : (sharePorts(range, count)[index] ?? []);
}
