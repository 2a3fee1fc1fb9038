/**
 * Makes ready what FTPS backends are spoken TLS with, before the first client comes: files and ciphers that cannot be used end the
 * start, and backends whose certificate nobody looks at are told of.
 */
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import type { Backend } from './backend.ts';

/** Raises `backend-tls-failed` where the files or the ciphers of a backend cannot be used. */
export async function prepareTls(backends: readonly Backend[]): Promise<void> {
  for (const { contexts } of backends) await contexts?.context();
}

/** Says of each FTPS backend whether its certificate is verified; where nobody looks at it with a warning. */
export function tellUnverified(backends: readonly Backend[], logger: Logger, metrics: Metrics): void {
  for (const { name, contexts } of backends) {
    if (contexts === undefined) continue;
    metrics.backendUnverified(name, !contexts.verifies);
    if (contexts.verifies) continue;
    writeEvent(logger, 'backend-unverified', 'verify is false: anybody may be this backend', { backend: name });
  }
}
