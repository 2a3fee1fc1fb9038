/**
 * One PASV or EPSV of the demo backend: listens for one data connection from the peer of the control connection.
 */
import type { Socket } from 'node:net';
import { canonicalAddress, type Endpoint } from '../net/address.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';

const KEEPALIVE = 60_000;

/** Who may connect where. */
export interface PassiveListenerOptions {
  /** Address of the control connection on our side: data connections arrive at the same one. */
  readonly address: string;
  /** Address of the client: others are turned away. */
  readonly peer: string;
  readonly sockets: OpenSockets;
}

/** A port that waits for one data connection. */
export class PassiveListener {
  readonly local: Endpoint;
  readonly #listener: Listener;
  readonly #arrival: Promise<Socket>;
  #arrived: Socket | undefined;
  #taken = false;

  private constructor(listener: Listener, arrival: Promise<Socket>) {
    this.local = listener.local;
    this.#listener = listener;
    this.#arrival = arrival;
    void arrival.then((socket) => {
      this.#arrived = socket;
      void listener.close();
    });
  }

  /** Binds any free port; rejects with Node's own error. */
  static async open({ address, peer, sockets }: PassiveListenerOptions): Promise<PassiveListener> {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    let first = true;
    const listener = await listen({
      address,
      port: 0,
      keepAlive: KEEPALIVE,
      sockets,
      onError: () => {},
      onConnection: (socket) => {
        socket.on('error', () => {});
        if (!first || canonicalAddress(socket.remoteAddress ?? '') !== peer) return void socket.destroy();
        first = false;
        resolve(socket);
      },
    });
    return new PassiveListener(listener, promise);
  }

  /** The data connection, paused; undefined when none arrived in time (milliseconds) or `signal` was aborted. */
  async accept(timeout: number, signal: AbortSignal): Promise<Socket | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, timeout, undefined);
    const stop = (): void => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const socket = signal.aborted ? undefined : await Promise.race([this.#arrival, promise]);
      this.#taken = socket !== undefined;
      return socket;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Gives the port back, and ends a connection that nobody accepted. */
  close(): void {
    void this.#listener.close();
    if (!this.#taken) this.#arrived?.destroy();
  }
}
