/**
 * Who is at the other end of an accepted connection, and where did they connect to: the ends of the TCP connection, or of
 * the one that a balancer tells of in its PROXY header. Counts and logs the headers; places and sessions come later.
 */
import type { Socket } from 'node:net';
import type { ListenerConfig } from './config/schema.ts';
import { acceptProxyHeader } from './net/accept-proxy-header.ts';
import { type Endpoint, endpoint, parseNetwork } from './net/address.ts';
import type { Logger } from './observe/logger.ts';
import type { Channel, Metrics } from './observe/metrics.ts';
import { writeEvent } from './observe/write-event.ts';

/** The ends of a client's connection. */
export interface Identity {
  readonly client: Endpoint;
  /** Where the client connected to: our own address, or the balancer's. */
  readonly local: Endpoint;
  /** The balancer's end of the TCP connection, where there is one. */
  readonly proxy: Endpoint | undefined;
}

/** Tells who a connection is from; undefined where it was closed already. Never rejects. */
export type Identify = (socket: Socket) => Promise<Identity | undefined>;

export interface IdentifyOptions {
  readonly channel: Channel;
  /** Whether every connection must begin with a PROXY header. */
  readonly header: 'off' | 'required';
  /** Networks of the balancers. */
  readonly trusted: readonly string[];
  /** Milliseconds for the whole header. */
  readonly timeout: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the gateway stops. */
  readonly signal: AbortSignal;
}

/** The way to identify the connections of a listener, or of the passive range. */
export function identifyBy(options: IdentifyOptions): Identify {
  if (options.header === 'off') return async (socket) => ({ ...endsOf(socket), proxy: undefined });
  const { channel, timeout, logger, metrics, signal } = options;
  const trusted = options.trusted.map(parseNetwork);
  return async (socket) => {
    const { client: proxy, local: bound } = endsOf(socket);
    const accepted = await acceptProxyHeader(socket, { trusted, timeout, signal });
    switch (accepted.kind) {
      case 'client':
        metrics.proxyHeader(channel, 'accepted');
        return { client: accepted.client, local: accepted.local, proxy };
      case 'local':
        metrics.proxyHeader(channel, 'local');
        return undefined;
      case 'refused': {
        const { cause, detail } = accepted;
        metrics.proxyHeader(channel, cause);
        const fields = { channel, address: proxy.address, port: bound.port, cause, detail };
        // Balancers check their ports by connecting and closing.
        const level = cause === 'proxy-header-incomplete' ? 'debug' : 'info';
        writeEvent(logger, 'proxy-header-refused', `connection without a usable PROXY header: ${cause}`, fields, level);
        return undefined;
      }
      case 'stopped':
        return undefined;
    }
  };
}

/** How the passive range learns who its clients are, where a PROXY header tells; the listeners agree about that. */
export function identifyData(
  listeners: readonly Pick<ListenerConfig, 'proxyProtocol'>[],
  by: (trusted: readonly string[]) => Identify,
): { readonly identify?: Identify } {
  const settings = listeners.map(({ proxyProtocol }) => proxyProtocol);
  if (settings.every(({ data }) => data === 'off')) return {};
  return { identify: by(settings.flatMap(({ trusted }) => trusted)) };
}

function endsOf(socket: Socket): { readonly client: Endpoint; readonly local: Endpoint } {
  return {
    client: endpoint(socket.remoteAddress, socket.remotePort),
    local: endpoint(socket.localAddress, socket.localPort),
  };
}
