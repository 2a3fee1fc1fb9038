/**
 * A small plain-FTP server over one folder, on loopback only, for `sallyport demo` and for tests. Any user and password
 * get in. It stands behind the gateway and is no part of it: nothing else imports it.
 */
import { type Endpoint, formatEndpoint } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import { OpenSockets } from '../net/open-sockets.ts';
import { serveSession } from './backend-session.ts';
import { VirtualRoot } from './virtual-root.ts';

const KEEPALIVE = 60_000;
const ATTEMPTS = 20;

/** What to serve, and where. */
export interface DemoBackendOptions {
  /** Folder that clients see as `/`; it must exist. */
  readonly root: string;
  /** 0, the default, is any free port: the same one on every address. */
  readonly port?: number;
  /** Literal loopback addresses; IPv4 and IPv6 by default, IPv6 left out where this machine has none. */
  readonly addresses?: readonly string[];
}

/** A running backend. */
export interface DemoBackend {
  /** Where it listens. */
  readonly endpoints: readonly Endpoint[];
  readonly port: number;
  /** Control and data connections that are open. */
  readonly openSockets: number;
  /** Ends every connection; resolves when all sockets are closed and no file is open any more. */
  close(): Promise<void>;
}

/** Starts a backend. Rejects with Node's own error where the folder does not exist or the port is taken. */
export async function startDemoBackend(options: DemoBackendOptions): Promise<DemoBackend> {
  const { port = 0, addresses = ['127.0.0.1', '::1'] } = options;
  const root = await VirtualRoot.open(options.root);
  const sockets = new OpenSockets();
  const sessions = new Set<Promise<void>>();
  const listeners = await listenOnAll(addresses, port, sockets, (socket) => {
    const session = serveSession(socket, root, sockets).finally(() => sessions.delete(session));
    sessions.add(session);
  });
  const endpoints = listeners.map(({ local }) => local);
  return {
    endpoints,
    port: endpoints[0]?.port ?? 0,
    get openSockets() {
      return sockets.size;
    },
    async close() {
      const closed = listeners.map((listener) => listener.close());
      await sockets.destroyAll();
      await Promise.all([...closed, ...sessions]);
      await sockets.destroyAll();
    },
  };
}

type OnConnection = Parameters<typeof listen>[0]['onConnection'];

/** One port on several addresses: where any free one is wanted and is free on the first address only, another is tried. */
async function listenOnAll(
  addresses: readonly string[],
  port: number,
  sockets: OpenSockets,
  onConnection: OnConnection,
): Promise<readonly Listener[]> {
  for (let attempt = 1; ; attempt += 1) {
    const bound: Listener[] = [];
    try {
      for (const address of addresses) {
        const chosen = port === 0 ? (bound[0]?.local.port ?? 0) : port;
        const listener = await listenIfPresent({ address, port: chosen, sockets, onConnection });
        if (listener !== undefined) bound.push(listener);
      }
      if (bound.length === 0) throw new Error(`none of these addresses exists here: ${addresses.join(', ')}`);
      return bound;
    } catch (error) {
      await Promise.all(bound.map((listener) => listener.close()));
      if (port !== 0 || attempt === ATTEMPTS || !hasCode(error, 'EADDRINUSE')) throw error;
    }
  }
}

/** The listener; undefined where the machine has no such address. */
async function listenIfPresent(options: {
  readonly address: string;
  readonly port: number;
  readonly sockets: OpenSockets;
  readonly onConnection: OnConnection;
}): Promise<Listener | undefined> {
  if (!isLoopback(options.address)) throw new RangeError(`not a loopback address: ${formatEndpoint(options)}`);
  try {
    return await listen({ ...options, keepAlive: KEEPALIVE, onError: () => {} });
  } catch (error) {
    if (hasCode(error, 'EADDRNOTAVAIL') || hasCode(error, 'EAFNOSUPPORT')) return undefined;
    throw error;
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
