/**
 * What can be wrong between replicas behind one address. One part of the table in `errors.ts`, which says what the columns mean.
 */
import type { ErrorDescription } from './error-description.ts';

export const REPLICATION_ERRORS = {
  'replication-unreachable': {
    reply: null,
    meaning: 'Another replica could not be connected to.',
    remedy: 'It may be starting or gone. Otherwise see `detail`: replication.peers, name resolution, a network policy.',
  },
  'replication-timeout': {
    reply: null,
    meaning: 'Another replica did not answer a connection, a TLS handshake or a greeting in time.',
    remedy: 'A network policy that drops packets to replication.listen.port, or a host that is gone.',
  },
  'replication-tls-failed': {
    reply: null,
    meaning: 'The TLS handshake with another replica failed.',
    remedy: 'See `detail`: they must all have the same replication.key, or certificates of replication.tls.ca.',
  },
  'replication-certificate': {
    reply: null,
    meaning: 'A replica has shown a certificate that is not for the host name by which replication.peers calls it.',
    remedy: 'Give each replica a certificate for its own name, or one for all of their names.',
  },
  'replication-version': {
    reply: null,
    meaning: 'Another replica speaks another version of the protocol between replicas.',
    remedy: 'Finish the update: data connections are handed over between replicas of one version.',
  },
  'replication-protocol': {
    reply: null,
    meaning: 'What came over a connection between replicas is no message of theirs, or too long.',
    remedy: 'Something else speaks to replication.listen.port; see `detail`.',
  },
  'replication-index-unknown': {
    reply: null,
    meaning:
      'A replica claims an index that is not smaller than replication.count, or has no place in replication.peers.',
    remedy: 'Set the same replication.count and replication.peers for all of them.',
  },
  'replication-index-taken': {
    reply: null,
    meaning:
      'Two replicas that are both alive claim the same index. The one that came later is refused, and not ready.',
    remedy: 'Give each replica an index of its own.',
  },
  'replication-index-wrong': {
    reply: null,
    meaning: 'This replica has found itself where replication.peers says that another one is. It is not ready.',
    remedy: 'replication.index is wrong here, or replication.peers is.',
  },
  'replication-wrong-replica': {
    reply: null,
    meaning: 'Where one replica was expected another one answers.',
    remedy: 'See `detail`: replication.peers leads to the wrong place, or replication.index is wrong there.',
  },
  'replication-silent': {
    reply: null,
    meaning: 'Another replica has said nothing for some seconds, although they say something every second.',
    remedy: 'A host or a network that is gone, or a replica that has far too much to do.',
  },
  'replication-closed': {
    reply: null,
    meaning: 'Another replica closed the connection: it ends, or has died.',
    remedy: 'None where it is updated; otherwise look at its own log.',
  },
} as const satisfies Record<string, ErrorDescription>;
