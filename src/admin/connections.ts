/**
 * The open connections of one server of the side port: no host can take all places, and none is trusted for what was checked by other
 * rules. Knows of requests only that they begin and end.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { hostKey } from './host-key.ts';

type Socket = FastifyRequest['socket'];

/** All together: the descriptors of the process are for clients of the gateway. */
export const MAX_CONNECTIONS = 256;

interface Connection {
  /** Of TCP, also where the requests come over TLS. */
  readonly socket: Socket;
  readonly host: string;
  /** Requests that are being answered. */
  running: number;
  /** When it was made, or its last answer was out (milliseconds of the process). */
  quietSince: number;
  trusted: boolean;
}

export class Connections {
  readonly #connections = new Map<string, Connection>();

  /** Watches a server that does not listen yet. */
  constructor(server: FastifyInstance['server']) {
    server.on('connection', (socket: Socket) => this.#made(socket));
    server.on('request', (request, response) => {
      const connection = this.#of(request.socket);
      if (connection === undefined) return;
      connection.running += 1;
      response.once('close', () => {
        connection.running -= 1;
        connection.quietSince = performance.now();
      });
    });
  }

  /** Whether a certificate that was shown on this connection still counts. */
  isTrusted(socket: Socket): boolean {
    return this.#of(socket)?.trusted === true;
  }

  /** Other authorities count from now on: what was shown before does not. */
  distrust(): void {
    this.endQuiet();
    for (const connection of this.#connections.values()) connection.trusted = false;
  }

  /** Ends those on which no request is being answered. */
  endQuiet(): void {
    for (const connection of this.#connections.values()) {
      if (connection.running === 0) connection.socket.destroy();
    }
  }

  /** Ends all, answered or not. */
  endAll(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #of(socket: Socket): Connection | undefined {
    return this.#connections.get(keyOf(socket));
  }

  #made(socket: Socket): void {
    // Whoever comes gets a place: a health check must, however many others there are.
    if (this.#connections.size >= MAX_CONNECTIONS) this.#makeRoom();
    const key = keyOf(socket);
    const host = hostKey(socket.remoteAddress ?? '');
    const connection = { socket, host, running: 0, quietSince: performance.now(), trusted: true };
    this.#connections.set(key, connection);
    socket.once('close', () => {
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
    });
  }

  /** The host with the most connections loses the one that was quiet for longest. */
  #makeRoom(): void {
    const groups = Map.groupBy(this.#connections, ([, { host }]) => host);
    const most = Math.max(...[...groups.values()].map(({ length }) => length));
    const [victim] = [...groups.values()]
      .filter(({ length }) => length === most)
      .flat()
      .toSorted(([, a], [, b]) => Math.min(a.running, 1) - Math.min(b.running, 1) || a.quietSince - b.quietSince);
    if (victim === undefined) return;
    const [key, { socket }] = victim;
    this.#connections.delete(key);
    socket.destroy();
  }
}

/** The same for a TLS socket and the one below it. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
