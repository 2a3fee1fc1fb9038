/**
 * A backend whose changes go into the log and the metrics.
 */
import type { BackendConfig } from '../config/schema.ts';
import { asLatin1 } from '../observe/log-text.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { printable } from '../wire/redact.ts';
import { Backend, type BackendEvents } from './backend.ts';

/** Makes the backend of a configuration; `before` is that of the same name in the one before, `drained` whom operators keep sessions from. */
export function observedBackend(
  config: BackendConfig,
  logger: Logger,
  metrics: Metrics,
  drained: ReadonlySet<string>,
  before?: Backend,
): Backend {
  const { name } = config;
  const events: BackendEvents = {
    onAvailability: (availability, reason) => {
      const isUp = availability === 'up';
      metrics.backendUp(name, isUp);
      if (!isUp) metrics.backendEjected(name);
      const detail = reason?.detail === undefined ? undefined : printable(asLatin1(reason.detail));
      const fields = { backend: name, availability, cause: reason?.code, detail };
      writeEvent(logger, 'backend-availability', `backend is ${availability}`, fields, isUp ? 'info' : 'warn');
    },
    onSessions: (by) => metrics.backendSessions(name, by),
    isDrained: () => drained.has(name),
  };
  return new Backend(config, events, before);
}
