/**
 * Whether the other replicas accept this one. Pure.
 */
import type { ErrorCode } from '../errors/errors.ts';
import type { OutgoingLink } from './outgoing-link.ts';

/** Failures of a connection to somebody who is there. */
const UNBELIEVED: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'replication-tls-failed',
  'replication-certificate',
  'replication-version',
  'replication-index-unknown',
]);

/**
 * Why a replica must get no clients: it is not who it says it is, or nobody has ever believed it. Nothing where others cannot be reached: that
 * is not its fault. Nor where it has been accepted once (`hasBeenFound`: by one that has connected to it): then the fault is with those
 * who came later.
 */
export function refusalsOf(
  own: number,
  links: readonly Pick<OutgoingLink, 'index' | 'refusal' | 'failure' | 'hasBeenUp'>[],
  hasBeenFound: boolean,
): readonly string[] {
  const reasons = links.flatMap(({ index, refusal }) => {
    if (refusal === 'replication-index-taken') return [`another replica has index ${own}`];
    if (refusal !== 'replication-index-wrong') return [];
    return [`replication.peers says that this is replica ${index}, not ${own}`];
  });
  if (reasons.length > 0 || hasBeenFound || links.some(({ hasBeenUp }) => hasBeenUp)) return reasons;
  const unbelieved = links.find(({ failure }) => UNBELIEVED.has(failure));
  return unbelieved === undefined ? [] : [`no other replica has accepted this one: ${unbelieved.failure}`];
}
