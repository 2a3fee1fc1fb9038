/**
 * The way from one replica to another, on which a test can do harm: to links, and to data connections that are handed over. Told apart by
 * their first byte; what is in them is not understood.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The first byte of a link; all else is a data connection. */
const TLS_HANDSHAKE = 0x16;

/** Carries a data connection: `caller` is the replica to which the client has come, `owner` that of the session. */
export type Carry = (caller: Socket, owner: Socket) => void;

/** A port that leads to another one. */
export class ReplicaWire {
  /** What becomes of links. `lost`: nothing arrives any more, and nobody is told. */
  links: 'carried' | 'lost' = 'carried';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Leads to that place, until the test is over. */
  static async to(target: { readonly host: string; readonly port: number }, carry: Carry = both): Promise<ReplicaWire> {
    const server = createServer({ allowHalfOpen: true });
    const wire = new ReplicaWire(server);
    server.on('connection', (caller) => {
      const owner = connect({ ...target, allowHalfOpen: true });
      for (const socket of [caller, owner]) wire.#keep(socket);
      caller.once('close', () => owner.destroy());
      owner.once('close', () => caller.destroy());
      caller.once('data', (first: Buffer) => {
        owner.write(first);
        if (first[0] === TLS_HANDSHAKE) wire.#carryLink(caller, owner);
        else carry(caller, owner);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  /** As a place in `replication.peers`. */
  get place(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): void {
    socket.on('error', () => {});
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #carryLink(caller: Socket, owner: Socket): void {
    const isGood = this.links === 'carried';
    for (const [from, to] of [
      [caller, owner],
      [owner, caller],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        if (isGood && this.links === 'carried') to.write(chunk);
      });
      from.on('end', () => to.end());
    }
  }
}

function both(caller: Socket, owner: Socket): void {
  caller.pipe(owner);
  owner.pipe(caller);
}
