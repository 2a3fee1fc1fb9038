/**
 * The port at which other replicas come in: with connections between replicas themselves, and with data connections. What it is shows in the
 * first byte; how many may keep that to themselves is bounded.
 */
import type { Socket } from 'node:net';
import { Crowd } from '../data/crowd.ts';
import { canonicalAddress } from '../net/address.ts';
import { firstByte } from '../net/first-byte.ts';
import { type Listener, listen } from '../net/listener.ts';
import type { OpenSockets } from '../net/open-sockets.ts';

/** For the first byte of a connection (milliseconds). */
const PATIENCE = 5000;
/** The first byte of a TLS connection; anything else must be the header of a data connection. */
const TLS_HANDSHAKE = 0x16;
/** Connections that have not shown yet what they are, and whose data connections they are. */
const MOST_STRANGERS = 512;

export interface ReceptionOptions {
  readonly address: string;
  readonly port: number;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Of the connections between replicas themselves, and of data connections. */
  readonly linkSockets: OpenSockets;
  readonly dataSockets: OpenSockets;
  /** Fires when the gateway stops. */
  readonly signal: AbortSignal;
  readonly onLink: (socket: Socket) => Promise<void>;
  /** Resolves when it is known whose it is, or when it is closed. */
  readonly onData: (socket: Socket) => Promise<void>;
  readonly onError: (error: Error) => void;
}

/** Binds the port. Rejects with Node's error where that cannot be. */
export function receive(options: ReceptionOptions): Promise<Listener> {
  const { address, port, keepAlive, linkSockets: sockets, dataSockets, signal, onLink, onData, onError } = options;
  const strangers = new Crowd(MOST_STRANGERS);
  const accept = async (socket: Socket) => {
    const place = strangers.enter(canonicalAddress(socket.remoteAddress ?? ''));
    place.pushedOut.addEventListener('abort', () => socket.destroy(), { once: true });
    const byte = await firstByte(socket, PATIENCE, signal);
    if (byte !== undefined && byte !== TLS_HANDSHAKE) {
      // From here on it is a data connection, and ends with those.
      dataSockets.track(socket);
      await onData(socket);
    }
    place.leave();
    if (byte === TLS_HANDSHAKE) await onLink(socket);
  };
  const onConnection = (socket: Socket) => void accept(socket);
  return listen({ address, port, keepAlive, readAhead: false, sockets, onConnection, onError });
}
