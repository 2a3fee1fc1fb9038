/**
 * One accepted control connection on its way to a session: who is it, limits, TLS on an implicit listener, the session.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ListenerConfig } from './config/schema.ts';
import { asGatewayError, ERRORS, type ErrorCode, GatewayError } from './errors/errors.ts';
import type { Identify } from './identify.ts';
import type { Logger } from './observe/logger.ts';
import type { Metrics } from './observe/metrics.ts';
import { SessionObserver } from './observe/session-observer.ts';
import type { OpenSessions } from './session/open-sessions.ts';
import { secureControl } from './session/secure-control.ts';
import { Session } from './session/session.ts';
import type { SessionEnvironment } from './session/session-environment.ts';
import { reply, serializeReply } from './wire/reply.ts';

/** Time for a client that is turned away to take the reply (milliseconds). */
const GOODBYE = 2000;

export interface AdmitOptions {
  readonly socket: Socket;
  readonly identify: Identify;
  readonly listener: ListenerConfig;
  readonly environment: SessionEnvironment;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the gateway stops. */
  readonly signal: AbortSignal;
  /** The session is one of these while it lasts. */
  readonly sessions: OpenSessions;
}

/** Leads a connection to its session and runs it. Never rejects. */
export async function admit(options: AdmitOptions): Promise<void> {
  const acceptedAt = performance.now();
  const { socket, listener, environment, sessions, logger, metrics, signal } = options;
  const identity = await options.identify(socket);
  if (identity === undefined) return;
  const { client, local } = identity;
  const id = randomBytes(6).toString('hex');
  const facts = { id, listener: listener.name, mode: listener.mode, ...identity };
  const observer = new SessionObserver(logger, metrics, facts, environment.audit, environment.failures);
  if (sessions.isDraining) return turnAway(socket, listener, observer, 'draining');
  const admission = await environment.places.enter(client.address);
  if ('refused' in admission) return turnAway(socket, listener, observer, admission.refused);
  try {
    // It may have gone while it was identified and counted.
    if (socket.destroyed) throw new GatewayError('client-closed');
    // Implicit: TLS before the first byte of FTP.
    const { address } = client;
    const secured =
      listener.mode === 'implicit'
        ? await secureControl(socket, { address, environment, listener, observer, signal })
        : undefined;
    const session = new Session({
      connection: { socket: secured?.socket ?? socket, removable: secured?.removable, peer: client, local },
      listener,
      tls: secured?.tls,
      acceptedAt,
      environment,
      observer,
    });
    sessions.add(session);
    if (signal.aborted) session.close(new GatewayError('shutting-down'));
    await session.run();
    sessions.delete(session);
  } catch (error) {
    if (!(error instanceof GatewayError)) observer.fault(error);
    const { code, detail } = asGatewayError(error, 'internal-error');
    observer.ended(code, detail);
    socket.destroy();
  } finally {
    admission.leave();
  }
}

/** No session for this connection: told in clear where clear text is spoken, else not at all. */
function turnAway(socket: Socket, listener: ListenerConfig, observer: SessionObserver, code: ErrorCode): void {
  observer.ended(code, undefined);
  socket.on('error', () => {});
  const told = ERRORS[code].reply;
  if (listener.mode === 'implicit' || told === null) {
    socket.destroy();
    return;
  }
  // What the client says meanwhile is read and dropped, or else the reset of unread bytes would overtake the reply.
  const timer = setTimeout(() => socket.destroy(), GOODBYE);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroySoon());
  socket.resume();
  socket.end(serializeReply(reply(told[0], told[1])), 'latin1');
}
