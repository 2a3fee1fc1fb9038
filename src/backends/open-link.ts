/**
 * Dials a backend and waits for its greeting. Every failure says whether the backend counts as down.
 */
import type { TimeoutsConfig } from '../config/schema.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { isPositive, type Reply, serializeReply } from '../wire/reply.ts';
import type { Backend } from './backend.ts';
import { BackendLink } from './backend-link.ts';

export interface OpenLinkOptions {
  readonly backend: Backend;
  readonly timeouts: TimeoutsConfig;
  readonly limits: { readonly replyLine: number; readonly reply: number };
  readonly signal: AbortSignal;
  readonly sockets: OpenSockets;
  readonly onUnsolicited: (reply: Reply) => void;
}

/** Opens a link: connect, then 220 (120 before it is waited out, RFC 959 §5.4). Raises GatewayError. */
export async function openLink(options: OpenLinkOptions): Promise<BackendLink> {
  const { backend, timeouts, limits, signal, sockets, onUnsolicited } = options;
  let link: BackendLink | undefined;
  const onAbort = () => link?.lose(asGatewayError(signal.reason, 'backend-closed'));
  try {
    const socket = await dial({
      host: backend.config.host,
      port: backend.config.port,
      timeout: timeouts.backendConnect,
      keepAlive: timeouts.keepalive,
      signal,
      sockets,
      codes: { failed: 'backend-unreachable', timeout: 'backend-connect-timeout' },
    });
    link = new BackendLink(socket, { backend, limits, finalReply: timeouts.finalReply, onUnsolicited });
    signal.addEventListener('abort', onAbort, { once: true });
    const greeting = await link.greeting(timeouts.backendGreeting);
    if (!isPositive(greeting)) {
      throw new GatewayError('backend-refused-service', { detail: serializeReply(greeting).trimEnd() });
    }
    backend.reached('up');
    return link;
  } catch (error) {
    link?.close();
    if (!signal.aborted) backend.reached('down');
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
