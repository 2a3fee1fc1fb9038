/**
 * A backend whose changes go into the log and the metrics.
 */
import type { BackendConfig } from '../config/schema.ts';
import { asLatin1 } from '../observe/log-text.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { printable } from '../wire/redact.ts';
import { Backend } from './backend.ts';

/** Makes the backend of a configuration. */
export function observedBackend(config: BackendConfig, logger: Logger, metrics: Metrics): Backend {
  const { name } = config;
  metrics.backendEjected(name, 0);
  metrics.backendSessions(name, 0);
  return new Backend(config, {
    onAvailability: (availability, reason) => {
      const isUp = availability === 'up';
      metrics.backendUp(name, isUp);
      if (!isUp) metrics.backendEjected(name);
      const detail = reason?.detail === undefined ? undefined : printable(asLatin1(reason.detail));
      const fields = { backend: name, availability, cause: reason?.code, detail };
      writeEvent(logger, 'backend-availability', `backend is ${availability}`, fields, isUp ? 'info' : 'warn');
    },
    onSessions: (sessions) => metrics.backendSessions(name, sessions),
  });
}
