/**
 * What the side port answers about replicas, as shapes: see `answers.ts`.
 */
import type { ValueOf } from './shape.ts';
import * as shape from './shape.ts';

/** Another replica. */
export const REPLICA = shape.object('Replica', 'Another replica behind the same address, as this one sees it.', {
  index: shape.count('Its number, from 0.'),
  up: shape.flag('Whether this one can ask it about data connections.'),
  ports: shape.orNull(shape.text('Passive ports of its sessions, as it has said; null where it has not.')),
});
export type ReplicaShown = ValueOf<typeof REPLICA>;

/** `GET /replicas`. */
export const REPLICAS = shape.object('Replicas', 'The other replicas behind the same address.', {
  index: shape.orNull(shape.count('The number of this one; null where there are no others.')),
  others: shape.list(REPLICA, 'In the order of their numbers.'),
  conveyed: shape.count('Data connections of others that go through this one now.'),
});
export type ReplicasShown = ValueOf<typeof REPLICAS>;

/** Where there are no others. */
export const NO_REPLICAS: ReplicasShown = { index: null, others: [], conveyed: 0 };
