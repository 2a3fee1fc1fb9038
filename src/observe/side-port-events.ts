/**
 * The log lines that tell of the side port: a part of the table in `log-table.ts`, which says what the columns mean.
 */

export const SIDE_PORT_EVENTS = {
  'side-port-listening': {
    levels: ['info'],
    meaning: 'The side port answers health checks and metrics.',
    fields: ['address', 'port'],
    session: false,
  },
  'side-port-denied': {
    levels: ['debug', 'warn'],
    meaning: 'A request to the side port was not allowed; `warn` where somebody may be guessing or attacking.',
    fields: ['address', 'problem', 'request'],
    session: false,
  },
  'operator-order': {
    levels: ['info'],
    meaning: 'An operator gave an order on the side port.',
    fields: ['address', 'action', 'request', 'status'],
    session: false,
  },
  'side-port-fault': {
    levels: ['error'],
    meaning: 'A request to the side port could not be answered.',
    fields: ['detail', 'stack'],
    session: false,
  },
} as const;
