/**
 * A load balancer that speaks the PROXY protocol: the same ports as the gateway, on an address of its own. It tells the
 * truth about its clients unless a test says otherwise. Knows nothing of FTP.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { formatProxyHeaderV2 } from '../../src/wire/proxy-header-format.ts';
import type { Target } from './scripted-client.ts';

/** The ends of a client's connection, as a header tells them. */
export interface Claim {
  readonly source: Target;
  readonly destination: Target;
}

/** Choices of a balancer. */
export interface BalancerOptions {
  readonly version?: 1 | 2;
  /** What it says of a connection. Default: the truth. */
  readonly claim?: (truth: Claim) => Claim;
  /** How the header travels: alone, in one segment with the first bytes of the client, or one byte at a time. */
  readonly manner?: 'alone' | 'with the first bytes' | 'in pieces';
  /** Whether connections to this port get a header. Default: all. */
  readonly announces?: (port: number) => boolean;
}

/** Where the balancer is, and where its own connections come from. */
export const BALANCER = '127.0.0.9';

/** The header of a claim. */
export function proxyHeader(version: 1 | 2, { source, destination }: Claim): Buffer {
  if (version === 2) return formatProxyHeaderV2({ source, destination });
  const family = source.address.includes(':') ? 'TCP6' : 'TCP4';
  const words = ['PROXY', family, source.address, destination.address, source.port, destination.port];
  return Buffer.from(`${words.join(' ')}\r\n`, 'latin1');
}

/** A started balancer. */
export class ScriptedBalancer {
  readonly #options: BalancerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(options: BalancerOptions) {
    this.#options = options;
  }

  /** Listens on these ports and hands connections on to the same ports of 127.0.0.1. */
  static async start(ports: readonly number[], options: BalancerOptions = {}): Promise<ScriptedBalancer> {
    const balancer = new ScriptedBalancer(options);
    for (const port of ports) {
      const server = createServer(
        { allowHalfOpen: true, noDelay: true },
        (client) => void balancer.#handOn(client, port),
      );
      server.listen(port, BALANCER);
      await once(server, 'listening');
      balancer.#servers.push(server);
    }
    return balancer;
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #handOn(client: Socket, port: number): Promise<void> {
    const gateway = connect({ host: '127.0.0.1', port, localAddress: BALANCER, allowHalfOpen: true, noDelay: true });
    this.#join(client, gateway);
    this.#join(gateway, client);
    if (this.#options.announces?.(port) !== false) await this.#announce(client, gateway);
    client.pipe(gateway);
    gateway.pipe(client);
  }

  /** A side that breaks off or goes takes the other along. */
  #join(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => other.resetAndDestroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!socket.readableEnded) other.destroy();
    });
  }

  async #announce(client: Socket, gateway: Socket): Promise<void> {
    const { version = 2, claim = (truth) => truth, manner = 'alone' } = this.#options;
    const { address, port } = client.address() as AddressInfo;
    const source = { address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
    const header = proxyHeader(version, claim({ source, destination: { address, port } }));
    if (manner === 'in pieces') {
      for (const byte of header) {
        gateway.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    } else if (manner === 'alone') gateway.write(header);
    else {
      const [first] = (await once(client, 'data')) as [Buffer];
      client.pause();
      gateway.write(Buffer.concat([header, first]));
    }
  }
}
