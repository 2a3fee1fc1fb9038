/**
 * TLS on the control connection of a client, on an implicit listener or after AUTH, and the client's certificate; and its end
 * where the client gives it up (CCC). Every outcome is observed.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ListenerConfig } from '../config/schema.ts';
import type { ClientChannel } from '../control/client-channel.ts';
import { peekClientHello } from '../data/peek-client-hello.ts';
import { asGatewayError, type GatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { verifiedCertificate } from '../tls/client-certificate.ts';
import { tlsFacts } from '../tls/facts.ts';
import type { RemovableTls } from '../tls/removable-tls.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import { secureAsServer } from '../tls/upgrade.ts';
import { type Reply, reply, serializeReply } from '../wire/reply.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';

/** Time for a client whose certificate is not accepted to take the reply (milliseconds). */
const GOODBYE = 2000;

export interface SecureControlOptions {
  /** Address of the client. */
  readonly address: string;
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly observer: SessionObserver;
  readonly signal: AbortSignal;
}

/**
 * Handshakes. Raises `tls-handshake-failed`, `tls-handshake-timeout`, or a code that begins with `client-certificate-`, which the
 * client was told then; the socket is destroyed.
 */
export async function secureControl(
  raw: Socket,
  { address, environment, listener, observer, signal }: SecureControlOptions,
): Promise<{ readonly socket: TLSSocket; readonly removable: RemovableTls | undefined; readonly tls: SessionTls }> {
  const { contexts, config } = environment;
  if (contexts === undefined) throw new Error('TLS was begun without a certificate');
  const { clientCertificates } = listener;
  const tls = contexts.newSession(clientCertificates, address);
  let socket: TLSSocket | undefined;
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(config.timeouts.tlsHandshake)]);
    const hello = await peekClientHello(raw, inTime);
    if (hello !== undefined) tls.notice(hello);
    const secured = await secureAsServer(raw, {
      offer: tls.control,
      timeout: config.timeouts.tlsHandshake,
      signal,
      proveEnd: false,
      removable: listener.policy.ccc === 'allow',
      turn: 'now',
      codes: { failed: 'tls-handshake-failed', timeout: 'tls-handshake-timeout' },
    });
    socket = secured.socket;
    const { mode } = clientCertificates;
    const certificate = mode === 'off' ? undefined : verifiedCertificate(socket, mode);
    if (certificate !== undefined) tls.identify(certificate);
    observer.tlsEstablished('control', { ...tlsFacts(socket), clientCertificate: certificate });
    return { socket, removable: secured.removable, tls };
  } catch (error) {
    tls.dispose();
    const failure = asGatewayError(error, 'tls-handshake-failed');
    if (!signal.aborted) observer.tlsFailed('control', failure.code, failure.detail);
    // The handshake was fine and the certificate is not: that can be told inside TLS (RFC 4217 §10.1).
    if (socket !== undefined) await turnAway(socket, failure, signal);
    throw error;
  }
}

/** Answers AUTH, handshakes as {@link secureControl} does, and notes what came of it. */
export async function upgradeControl(
  client: ClientChannel,
  accepted: Reply,
  standing: Standing,
  options: Omit<SecureControlOptions, 'address'>,
): Promise<void> {
  const { address } = client.peer;
  await client.reply(accepted);
  await client.secure(async (raw) => {
    const { socket, removable, tls } = await secureControl(raw, { ...options, address });
    Object.assign(standing, { tls, clientCertificate: tls.clientCertificate });
    return { socket, removable };
  });
}

/** Answers CCC, takes TLS off, and notes it (RFC 4217 §6). Raises what {@link ClientChannel.clear} raises. */
export async function clearControl(
  accepted: Reply,
  client: ClientChannel,
  standing: Standing,
  { environment, observer, signal }: Pick<SecureControlOptions, 'environment' | 'observer' | 'signal'>,
): Promise<void> {
  await client.clear(accepted, environment.config.timeouts.tlsHandshake);
  if (signal.aborted) return;
  standing.control = 'cleared';
  observer.controlCleared();
}

/** The reply and the end of the connection; what the client says meanwhile is dropped, or else a reset would overtake the reply. */
function turnAway(socket: TLSSocket, { reply: told }: GatewayError, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      socket.destroy();
      resolve();
    };
    const timer = setTimeout(over, GOODBYE);
    signal.addEventListener('abort', over, { once: true });
    socket.on('error', () => {});
    socket.once('close', over);
    socket.once('end', () => socket.destroySoon());
    socket.resume();
    socket.end(told === null ? '' : serializeReply(reply(told[0], told[1])), 'latin1');
  });
}
