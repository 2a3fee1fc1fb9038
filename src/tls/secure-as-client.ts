/**
 * Puts TLS on a connected TCP socket, as the TLS client: time limit, cancellation, errors with a code. Verifies nothing: whoever asks
 * looks at the certificate before anything is said. Knows nothing of FTP.
 */
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import { type ProvenStream, WithheldEof } from './withheld-eof.ts';

/** How to secure a socket. Duration in milliseconds. */
export interface SecureAsClientOptions {
  /** What `tls.connect` takes; the socket and whether to verify are set here. */
  readonly tls: ConnectionOptions;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Whether the end of the stream must be proven: costs speed, see {@link WithheldEof}. */
  readonly proveEnd: boolean;
  /** Called before the first byte: TLS sessions may come with the last ones of the handshake. */
  readonly onSession?: (session: Buffer) => void;
  readonly codes: {
    readonly failed: ErrorCode;
    readonly timeout: ErrorCode;
    /** What came is no TLS at all. */
    readonly clear: ErrorCode;
  };
}

/** A socket whose handshake has finished. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  /** How the peer's stream ends; only where `proveEnd` was asked. */
  readonly proven: ProvenStream | undefined;
}

/** How long a handshake may still finish after the peer's FIN, from bytes that came before it (milliseconds). */
const AFTER_END = 50;
/** OpenSSL's words for text in place of a TLS record. */
const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_BAD_RECORD_TYPE']);

/** Handshakes as the TLS client. On failure the socket is destroyed. Raises GatewayError, or the signal's reason. */
export function secureAsClient(raw: Socket, options: SecureAsClientOptions): Promise<SecuredSocket> {
  const { tls, timeout, signal, proveEnd, onSession, codes } = options;
  if (signal.aborted || raw.destroyed) {
    raw.destroy();
    return Promise.reject(signal.aborted ? signal.reason : new GatewayError(codes.failed, { detail: 'closed' }));
  }
  const withheld = proveEnd ? new WithheldEof(raw) : undefined;
  // No ALPN: vsftpd 3.0.4 refuses lists, and no backend needs one.
  const socket = connect({ ...tls, socket: withheld ?? raw, rejectUnauthorized: false });
  // For as long as it lives: a damaged record may be met at any time, also before anybody has taken the socket over.
  socket.on('error', () => raw.destroy());
  raw.on('error', () => {});
  if (onSession !== undefined) socket.on('session', onSession);
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      clearTimeout(ended);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
      raw.off('close', onClose);
      raw.off('end', onEnd);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.destroy();
      raw.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(handshakeError(error, codes));
    const onClose = () => fail(new GatewayError(codes.failed, { detail: 'closed during the handshake' }));
    // The stream between withholds the end, so that the TLS socket does not see it.
    let ended: NodeJS.Timeout | undefined;
    const onEnd = () => {
      ended = setTimeout(onClose, AFTER_END);
    };
    const onSecure = () => {
      settle();
      socket.disableRenegotiation();
      resolve({ socket, proven: withheld?.proven(socket) });
    };
    const timer = setTimeout(() => {
      fail(new GatewayError(codes.timeout, { detail: `no TLS handshake within ${timeout} ms` }));
    }, timeout);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('close', onClose);
    raw.on('close', onClose);
    raw.on('end', onEnd);
    socket.once('secureConnect', onSecure);
  });
}

function handshakeError(error: Error, codes: SecureAsClientOptions['codes']): GatewayError {
  const { code: reason } = error as NodeJS.ErrnoException;
  const code = reason !== undefined && NOT_TLS.has(reason) ? codes.clear : codes.failed;
  return new GatewayError(code, { detail: reason ?? error.message, cause: error });
}
