/**
 * The log lines about other replicas: a part of the table in `log-table.ts`, which says what the columns mean.
 */
export const REPLICATION_EVENTS = {
  'replica-up': {
    levels: ['info'],
    meaning: 'This replica can ask another one about data connections; `ports` are those of its sessions.',
    fields: ['replica', 'ports'],
    session: false,
  },
  'replica-down': {
    levels: ['warn'],
    meaning:
      'This replica cannot ask another one; data connections of sessions there that come here are closed. Told once for each cause.',
    fields: ['replica', 'cause', 'detail'],
    session: false,
  },
  'handover-failed': {
    levels: ['info'],
    meaning:
      'A data connection could not be handed over to the replica of its session, although that can be asked; it was reset.',
    fields: ['replica', 'cause', 'detail'],
    session: false,
  },
  'replica-refused': {
    levels: ['warn'],
    meaning: 'Somebody connected to `replication.listen.port` and was refused. Told once for each address and cause.',
    fields: ['address', 'cause', 'detail'],
    session: false,
  },
  'replica-differs': {
    levels: ['warn'],
    meaning:
      'Another replica has another `replication.count` or another range: right while they are updated one by one.',
    fields: ['replica', 'detail'],
    session: false,
  },
} as const;
