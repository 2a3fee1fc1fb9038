/**
 * The client's listening end in active mode: one port that the gateway is told by PORT or EPRT, and the connections that it
 * makes to it. Knows nothing of the control connection.
 */
import { createServer, type Server } from 'node:net';
import { Changes } from './changes.ts';
import { ClientData } from './client-data.ts';
import { freePorts, type PortBlock } from './free-ports.ts';

/** A listening port of a client. */
export class ActivePort {
  readonly address: string;
  readonly port: number;
  /** Every connection so far. */
  readonly accepted: readonly ClientData[];
  readonly #server: Server;
  readonly #block: PortBlock;
  readonly #changes: Changes;

  private constructor(server: Server, block: PortBlock, accepted: readonly ClientData[], changes: Changes) {
    const bound = server.address();
    if (typeof bound !== 'object' || bound === null) throw new Error('not listening');
    this.address = bound.address;
    this.port = bound.port;
    this.accepted = accepted;
    this.#server = server;
    this.#block = block;
    this.#changes = changes;
  }

  /** Listens on a free port of this address: none of those that the system gives to the doors of gateways, which refuse their own. */
  static async listen(address: string, onConnection: (data: ClientData) => void): Promise<ActivePort> {
    const accepted: ClientData[] = [];
    const changes = new Changes();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const data = ClientData.accepted(socket);
      accepted.push(data);
      onConnection(data);
      changes.notify();
    });
    const block = await freePorts(1, [address]);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(block.first, address, resolve);
    });
    return new ActivePort(server, block, accepted, changes);
  }

  /** The argument of PORT. */
  get sixNumbers(): string {
    return `${this.address.replaceAll('.', ',')},${this.port >> 8},${this.port & 255}`;
  }

  /** The argument of EPRT. */
  get extended(): string {
    return `|${this.address.includes(':') ? 2 : 1}|${this.address}|${this.port}|`;
  }

  /** The first connection, once it is there. */
  async connection(): Promise<ClientData> {
    return this.#changes.until(
      () => this.accepted[0],
      () => `no data connection on port ${this.port}`,
    );
  }

  /** Accepts no more: from now on connections are refused. */
  close(): void {
    this.#server.close();
    void this.#block.release();
  }
}
