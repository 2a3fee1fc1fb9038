/**
 * Opens TCP connections: with a time limit, with cancellation, with keepalive. Speaks no protocol on them.
 */
import net from 'node:net';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { OpenSockets } from './open-sockets.ts';
import type { ReadBuffers } from './read-buffers.ts';

/** Where to and how to connect. Durations are milliseconds. */
export interface DialOptions {
  /** Name or literal address; a name is tried over IPv6 and IPv4 (RFC 8305). */
  readonly host: string;
  readonly port: number;
  /** Source address, literal; default: what the system picks. The source port is always a free one. */
  readonly localAddress?: string | undefined;
  readonly timeout: number;
  readonly keepAlive: number;
  readonly signal: AbortSignal;
  readonly sockets: OpenSockets;
  /** Reads the socket in place of its stream, which will not deliver data then, only its end. */
  readonly buffers?: ReadBuffers;
  /** Codes of the errors that are raised. */
  readonly codes: { readonly failed: ErrorCode; readonly timeout: ErrorCode };
}

/** Connects. The socket is not read yet, stays half-open when the peer ends, and is destroyed when the signal fires. Raises GatewayError. */
export function dial(options: DialOptions): Promise<net.Socket> {
  const { host, port, localAddress, timeout, keepAlive, signal, sockets, buffers, codes } = options;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      host,
      port,
      ...(localAddress !== undefined && { localAddress }),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAlive,
      ...(buffers && { onread: buffers.onread }),
    });
    buffers?.attach(socket);
    sockets.track(socket);
    const abandon = (reason: unknown) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    };
    const timer = setTimeout(() => {
      abandon(new GatewayError(codes.timeout, { detail: `no connection to ${host}:${port} within ${timeout} ms` }));
    }, timeout);
    const onError = (error: Error) =>
      abandon(new GatewayError(codes.failed, { detail: describeConnectError(error), cause: error }));
    const onAbort = () => abandon(signal.reason);
    const settle = () => {
      clearTimeout(timer);
      socket.off('error', onError);
      signal.removeEventListener('abort', onAbort);
    };
    socket.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
  });
}

/** The message of a connect error; of all attempts where a name had several addresses. */
function describeConnectError(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each: Error) => each.message).join('; ');
  return error.message;
}
