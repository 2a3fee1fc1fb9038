/**
 * TLS on the control connection of a client, on an implicit listener or after AUTH; both outcomes are observed.
 */
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { asGatewayError } from '../errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { tlsFacts } from '../tls/facts.ts';
import { secureAsServer } from '../tls/upgrade.ts';
import type { SessionEnvironment } from './session-context.ts';

/** Handshakes. Raises `tls-handshake-failed` or `tls-handshake-timeout`; the socket is destroyed then. */
export async function secureControl(
  raw: Socket,
  environment: SessionEnvironment,
  observer: SessionObserver,
  signal: AbortSignal,
): Promise<{ readonly socket: TLSSocket; readonly context: SecureContext }> {
  const { contexts, config } = environment;
  if (contexts === undefined) throw new Error('TLS was begun without a certificate');
  try {
    const secured = await secureAsServer(raw, {
      contexts,
      timeout: config.timeouts.tlsHandshake,
      signal,
      proveEnd: false,
      codes: { failed: 'tls-handshake-failed', timeout: 'tls-handshake-timeout' },
    });
    observer.tlsEstablished('control', tlsFacts(secured.socket));
    return secured;
  } catch (error) {
    const { code, detail } = asGatewayError(error, 'tls-handshake-failed');
    if (!signal.aborted) observer.tlsFailed('control', code, detail);
    throw error;
  }
}
