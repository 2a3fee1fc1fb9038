/**
 * A link to a backend for a session: takes one of its places, opens the link, and lets the health of the backend know what came
 * of it. The place is given back when the link ends.
 */
import type { TimeoutsConfig } from '../config/schema.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import type { BackendPlaces } from '../policy/backend-admissions.ts';
import type { BackendLink } from './backend-link.ts';
import { type OpenLinkOptions, openLink } from './open-link.ts';

/** A client that comes late in its own login leaves a backend little time: what it then does not do in time says nothing about it. */
const FAIR = 5000;

export interface DialBackendOptions extends OpenLinkOptions {
  readonly places: BackendPlaces;
  /** No wait is longer than this (milliseconds), whatever `timeouts` say. */
  readonly patience: number;
}

/** Opens a link. Raises GatewayError: `backend-full`, or what {@link openLink} raises. */
export async function dialBackend({ places, patience, ...options }: DialBackendOptions): Promise<BackendLink> {
  const { backend, signal, timeouts } = options;
  // Without a limit nobody is asked.
  const bounded = backend.config.maxSessions !== 'unlimited';
  const admission = bounded ? await places.enter(backend.name) : { leave: () => {} };
  if ('refused' in admission) throw new GatewayError(admission.refused);
  try {
    backend.tried();
    const begun = performance.now();
    const link = await openLink({ ...options, timeouts: atMost(timeouts, patience) });
    backend.succeeded(performance.now() - begun);
    backend.occupy(link.lost);
    if (link.lost.aborted) admission.leave();
    else link.lost.addEventListener('abort', () => admission.leave(), { once: true });
    return link;
  } catch (error) {
    admission.leave();
    const failure = asGatewayError(error, 'backend-unreachable');
    const hurried = failure.code.endsWith('-timeout') && patience < Math.min(FAIR, longest(timeouts));
    if (!signal.aborted && !hurried && !isBusy(failure)) backend.failed(failure);
    throw error;
  }
}

/** 421 as the greeting: too many connections, most of the time. Others may have room, and it may have some in a moment. */
function isBusy({ code, detail }: GatewayError): boolean {
  return code === 'backend-refused-service' && detail?.startsWith('421') === true;
}

function atMost(timeouts: TimeoutsConfig, patience: number): TimeoutsConfig {
  const { backendConnect, backendGreeting, tlsHandshake } = timeouts;
  const bounded = (milliseconds: number) => Math.min(milliseconds, patience);
  return {
    ...timeouts,
    backendConnect: bounded(backendConnect),
    backendGreeting: bounded(backendGreeting),
    tlsHandshake: bounded(tlsHandshake),
  };
}

function longest({ backendConnect, backendGreeting, tlsHandshake }: TimeoutsConfig): number {
  return Math.max(backendConnect, backendGreeting, tlsHandshake);
}
