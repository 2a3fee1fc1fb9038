/**
 * TLS on the control connection of a client, on an implicit listener or after AUTH; both outcomes are observed.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ListenerConfig } from '../config/schema.ts';
import { peekClientHello } from '../data/peek-client-hello.ts';
import { asGatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { tlsFacts } from '../tls/facts.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import { secureAsServer } from '../tls/upgrade.ts';
import type { SessionEnvironment } from './session-context.ts';

/** Handshakes. Raises `tls-handshake-failed` or `tls-handshake-timeout`; the socket is destroyed then. */
export async function secureControl(
  raw: Socket,
  environment: SessionEnvironment,
  listener: ListenerConfig,
  observer: SessionObserver,
  signal: AbortSignal,
): Promise<{ readonly socket: TLSSocket; readonly tls: SessionTls }> {
  const { contexts, config } = environment;
  if (contexts === undefined) throw new Error('TLS was begun without a certificate');
  const tls = contexts.newSession(listener.policy.sessionReuse === 'off' ? 'off' : 'on');
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(config.timeouts.tlsHandshake)]);
    const hello = await peekClientHello(raw, inTime);
    if (hello !== undefined) tls.notice(hello);
    const secured = await secureAsServer(raw, {
      offer: tls.control,
      timeout: config.timeouts.tlsHandshake,
      signal,
      proveEnd: false,
      codes: { failed: 'tls-handshake-failed', timeout: 'tls-handshake-timeout' },
    });
    observer.tlsEstablished('control', tlsFacts(secured.socket));
    return { socket: secured.socket, tls };
  } catch (error) {
    tls.dispose();
    const { code, detail } = asGatewayError(error, 'tls-handshake-failed');
    if (!signal.aborted) observer.tlsFailed('control', code, detail);
    throw error;
  }
}
