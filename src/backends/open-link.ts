/**
 * Dials a backend and waits for its greeting. What follows from a failure is for the caller to say.
 */
import type { Socket } from 'node:net';
import type { TimeoutsConfig } from '../config/schema.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { BackendTlsSession } from '../tls/backend-session.ts';
import { isPositive, type Reply, serializeReply } from '../wire/reply.ts';
import type { Backend } from './backend.ts';
import { BackendLink } from './backend-link.ts';
import { type ProxiedClient, proxyPreamble } from './proxy-preamble.ts';

export interface OpenLinkOptions {
  readonly backend: Backend;
  readonly timeouts: TimeoutsConfig;
  readonly limits: { readonly replyLine: number; readonly reply: number };
  readonly signal: AbortSignal;
  readonly sockets: OpenSockets;
  readonly onUnsolicited: (reply: Reply) => void;
  /** For whom; undefined for the gateway itself. */
  readonly client?: ProxiedClient;
  /** `greeting`: without AUTH, although the configuration wants it; the link is good for nothing but QUIT. */
  readonly upTo?: 'greeting';
}

/**
 * Opens a link: connect, then 220 (120 before it is waited out, RFC 959 §5.4), with TLS before or behind it as the configuration says.
 * Raises GatewayError.
 */
export async function openLink(options: OpenLinkOptions): Promise<BackendLink> {
  const { backend, timeouts, limits, signal, sockets, onUnsolicited } = options;
  // A client whose address cannot be said must not cost a connection.
  const preamble = proxyPreamble(backend.config.sendProxy, options.client);
  let socket: Socket | undefined;
  let link: BackendLink | undefined;
  const onAbort = () => link?.lose(asGatewayError(signal.reason, 'backend-closed'));
  try {
    socket = await dial({
      host: backend.config.host,
      port: backend.config.port,
      localAddress: backend.config.sourceAddress ?? undefined,
      timeout: timeouts.backendConnect,
      keepAlive: timeouts.keepalive,
      signal,
      sockets,
      codes: { failed: 'backend-unreachable', timeout: 'backend-connect-timeout' },
    });
    socket.on('error', () => {});
    if (preamble.length > 0) socket.write(preamble);
    const { contexts } = backend;
    const handshake = { timeout: timeouts.tlsHandshake, signal };
    const implicit =
      contexts !== undefined && backend.config.tls === 'implicit'
        ? await BackendTlsSession.begin(socket, contexts, 'implicit', handshake)
        : undefined;
    link = new BackendLink(implicit?.socket ?? socket, {
      ...{ backend, limits, finalReply: timeouts.finalReply, onUnsolicited },
      ...(implicit && { tls: implicit.session }),
    });
    signal.addEventListener('abort', onAbort, { once: true });
    const greeting = await link.greeting(timeouts.backendGreeting);
    if (!isPositive(greeting)) {
      throw new GatewayError('backend-refused-service', { detail: serializeReply(greeting).trimEnd() });
    }
    if (contexts !== undefined && implicit === undefined && options.upTo !== 'greeting') {
      const upgrade = (raw: Socket) => BackendTlsSession.begin(raw, contexts, 'explicit', handshake);
      await link.secure(upgrade, timeouts.backendGreeting);
    }
    return link;
  } catch (error) {
    if (link === undefined) socket?.destroy();
    else link.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
