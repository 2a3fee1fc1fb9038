/**
 * How many worker processes: the type of the key and its schema. What each worker gets is in `worker-slices.ts`.
 */
import * as field from './fields.ts';

/** How many processes; `auto` leaves it to `workerCount`. */
export type WorkersConfig = number | 'auto';

/** The key as a person writes it. */
export const WORKERS = field.countOr('auto', {
  meaning:
    'Processes that serve clients; each takes a slice of `data.passive.ports`, which needs a port for each. `auto`: as many as processors, at most one for each port. With one nothing is forked.',
  default: 1,
  maximum: 1024,
});
