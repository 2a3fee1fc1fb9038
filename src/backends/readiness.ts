/**
 * What the backends mean for the readiness of the gateway. Pure.
 */
import type { Availability } from './health.ts';

/** Why no client can log in; empty while at least one backend can be used. */
export function readinessOfBackends(
  backends: readonly { readonly name: string; readonly availability: Availability; readonly isDrained: boolean }[],
): readonly string[] {
  if (backends.some(({ availability, isDrained }) => availability === 'up' && !isDrained)) return [];
  return backends.map(({ name, availability, isDrained }) => {
    if (isDrained) return `backend ${name} is drained`;
    return availability === 'down' ? `backend ${name} is down` : `backend ${name} was not reached yet`;
  });
}
