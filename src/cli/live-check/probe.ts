/**
 * What all probes of one backend have in common: how to reach it, and commands without arguments. Judges nothing.
 */
import type { Backend } from '../../backends/backend.ts';
import type { BackendLink } from '../../backends/backend-link.ts';
import { openLink } from '../../backends/open-link.ts';
import type { LimitsConfig, TimeoutsConfig } from '../../config/schema.ts';
import type { OpenSockets } from '../../net/open-sockets.ts';
import type { Reply } from '../../wire/reply.ts';

/** A backend to be probed. */
export interface Probe {
  readonly backend: Backend;
  readonly timeouts: TimeoutsConfig;
  readonly limits: LimitsConfig;
  readonly sockets: OpenSockets;
}

/** A signal that never fires: a check is ended by ending the process. */
export const NEVER: AbortSignal = new AbortController().signal;

/** A connection to the backend that was greeted. Raises GatewayError. */
export function openProbeLink({ backend, timeouts, limits, sockets }: Probe): Promise<BackendLink> {
  return openLink({ backend, timeouts, limits, sockets, signal: NEVER, onUnsolicited: () => {} });
}

/** The final reply to a command. Raises GatewayError; without a reply within `timeout` milliseconds (timeouts.finalReply) the link is lost. */
export function ask(link: BackendLink, verb: string, argument?: string, timeout?: number): Promise<Reply> {
  return link.exchange({ verb, argument }, timeout);
}
