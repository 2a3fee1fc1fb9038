/**
 * Puts TLS on an accepted TCP socket, as the TLS server: time limit, cancellation, errors with a code. The FTP client is
 * always the TLS client, whoever connected (RFC 4217 §7). Knows nothing of FTP.
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import { RemovableTls } from './removable-tls.ts';
import type { TlsOffer } from './session-tls.ts';
import { type ProvenStream, WithheldEof } from './withheld-eof.ts';

/** How long a handshake may still finish after the client's FIN, from bytes that came before it (milliseconds). */
const AFTER_END = 50;

/** How to secure a socket. Duration in milliseconds. */
export interface SecureOptions {
  readonly offer: TlsOffer;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Whether the end of the stream must be proven: costs speed, see {@link WithheldEof}. */
  readonly proveEnd: boolean;
  /** Whether TLS may be taken off again; not together with `proveEnd`. Costs speed. */
  readonly removable?: boolean;
  /**
   * When it resolves: `now`, in the turn in which the handshake finishes, or in the `next` one, for whoever may destroy the socket at
   * once. quirk: Node 26.10 crashes where it is destroyed in the turn of its handshake.
   */
  readonly turn: 'now' | 'next';
  readonly codes: { readonly failed: ErrorCode; readonly timeout: ErrorCode };
}

/** A socket whose handshake has finished. */
export interface SecureSocket {
  readonly socket: TLSSocket;
  /** How the peer's stream ends; only where `proveEnd` was asked. */
  readonly proven: ProvenStream | undefined;
  /** What is below TLS; only where `removable` was asked. */
  readonly removable?: RemovableTls | undefined;
}

/** Handshakes as the TLS server. On failure the socket is destroyed. Raises GatewayError, or the signal's reason. */
export function secureAsServer(raw: Socket, options: SecureOptions): Promise<SecureSocket> {
  const { offer, timeout, signal, codes } = options;
  if (signal.aborted || raw.destroyed) {
    raw.destroy();
    return Promise.reject(signal.aborted ? signal.reason : closedEarly(codes.failed));
  }
  const withheld = options.proveEnd ? new WithheldEof(raw) : undefined;
  const removable = options.removable ? new RemovableTls(raw) : undefined;
  const socket = new TLSSocket(removable ?? withheld ?? raw, {
    isServer: true,
    secureContext: offer.secureContext,
    // ALPN `ftp` only: whoever offers only h2 or http/1.1 is turned away (cross-protocol attacks); nobody has to offer any.
    ALPNProtocols: ['ftp'],
    // Whoever asked for it judges it: Node would break off without a word.
    ...(offer.asksCertificate && { requestCert: true, rejectUnauthorized: false }),
    ...(offer.store && { server: offer.store }),
    ...(offer.selectByName && { SNICallback: byName(offer.selectByName) }),
  });
  // Which of the two tells of an end or a break depends on what is between them.
  const streams: readonly Socket[] = [raw, socket];
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      clearTimeout(ended);
      for (const stream of streams) stream.off('error', onError).off('close', onClose).off('end', onEnd);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on('error', () => {});
      raw.on('error', () => {});
      // quirk: Node 26.10 tells of a ClientHello with a ticket at the end of the turn, and throws where the socket is gone by then.
      setImmediate(() => socket.destroy());
      raw.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(handshakeError(error, codes.failed));
    const onClose = () => fail(closedEarly(codes.failed));
    // The last bytes before a FIN may still finish the handshake.
    let ended: NodeJS.Timeout | undefined;
    const onEnd = () => {
      ended ??= setTimeout(onClose, AFTER_END);
    };
    const timer = setTimeout(() => {
      fail(new GatewayError(codes.timeout, { detail: `no TLS handshake within ${timeout} ms` }));
    }, timeout);
    signal.addEventListener('abort', onAbort, { once: true });
    for (const stream of streams) stream.on('error', onError).on('close', onClose).on('end', onEnd);
    socket.once('secure', () => {
      settle();
      socket.disableRenegotiation();
      // A server-side TLSSocket that no tls.Server made tells its later errors only by this event: a forged or damaged record
      // must end the connection, or else it would seem to be silent.
      socket.on('_tlsError', (error: Error) => {
        raw.destroy();
        socket.destroy(error);
      });
      socket.on('error', () => {});
      const secured = { socket, proven: withheld?.proven(socket), removable };
      if (options.turn === 'now') resolve(secured);
      else setImmediate(() => resolve(secured));
    });
  });
}

type ServerNameCallback = (servername: string, done: (error: Error | null, context?: SecureContext) => void) => void;

function byName(select: (servername: string) => SecureContext): ServerNameCallback {
  return (servername, done) => done(null, select(servername));
}

function closedEarly(code: ErrorCode): GatewayError {
  return new GatewayError(code, { detail: 'the client closed during the handshake' });
}

function handshakeError(error: Error, code: ErrorCode): GatewayError {
  const { code: reason } = error as NodeJS.ErrnoException;
  return new GatewayError(code, { detail: reason ?? error.message, cause: error });
}
