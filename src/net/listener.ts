/**
 * Listens on one address and port and hands over accepted sockets, unread. Decides nothing about them.
 */
import net from 'node:net';
import { type Endpoint, endpoint } from './address.ts';
import type { OpenSockets } from './open-sockets.ts';

/** Where to listen. `::` listens on IPv4 and IPv6. Duration in milliseconds. */
export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly keepAlive: number;
  /**
   * Whether the workers of a cluster listen on this port together, and each connection goes to one of them. Otherwise
   * each binds ports of its own. Means nothing in a process that is no worker.
   */
  readonly shared?: boolean;
  /** Whether sockets read ahead of whoever reads them, 64 KiB each. Default: yes. */
  readonly readAhead?: boolean;
  readonly sockets: OpenSockets;
  readonly onConnection: (socket: net.Socket) => void;
  /** Called when accepting fails later on (out of file descriptors and the like); the listener goes on. */
  readonly onError: (error: Error) => void;
}

/** A bound listener. */
export interface Listener {
  readonly local: Endpoint;
  /** Accepts no more; resolves when the port is free. Sockets that were handed over are not touched. */
  close(): Promise<void>;
}

/** Binds, or rejects with Node's own error (`EADDRINUSE`, `EACCES` …). Sockets arrive paused and half-open capable. */
export function listen(options: ListenOptions): Promise<Listener> {
  const { address, port, keepAlive, shared = false, readAhead = true, sockets, onConnection, onError } = options;
  const server = net.createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    ...(!readAhead && { highWaterMark: 0 }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAlive,
  });
  server.on('connection', (socket) => {
    sockets.track(socket);
    // A socket that was reset between accept and here has no address any more.
    if (socket.remoteAddress === undefined) {
      socket.on('error', () => {});
      socket.destroy();
    } else onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: 511, ipv6Only: false, exclusive: !shared }, () => {
      server.off('error', reject);
      server.on('error', onError);
      const bound = server.address() as net.AddressInfo;
      resolve({
        local: endpoint(bound.address, bound.port),
        close: () => new Promise<void>((done) => server.close(() => done())),
      });
    });
  });
}
