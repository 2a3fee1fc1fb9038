/**
 * One control connection of either side: bytes in, lines out, TLS put on it in place. The channels of the two sides are
 * built on it. Knows neither commands nor replies.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Endpoint, endpoint } from '../net/address.ts';
import { isReset } from '../net/socket-errors.ts';
import type { TlsRemoval } from '../tls/removable-tls.ts';

/** A peer that does not read what it is sent for this long is gone (milliseconds). */
const MAX_UNREAD_TIME = 60_000;
/** More unsent bytes than this, and the peer does not read: the connection is broken off. */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** What the owner of a channel is told. */
export interface ControlChannelEvents {
  onBytes(chunk: Buffer): void;
  /** Once, when the peer is gone; with the error where it did not say goodbye properly. */
  onLost(error: Error | undefined): void;
}

export class ControlChannel {
  #socket: Socket;
  readonly #events: ControlChannelEvents;
  #lost = false;
  #reading = false;
  /** The socket has another reader: the last of TLS is being taken off it. */
  #lent = false;
  readonly peer: Endpoint;
  readonly local: Endpoint;

  /** Takes over the socket; nothing is read before {@link resume}. */
  constructor(socket: Socket, events: ControlChannelEvents) {
    this.#socket = socket;
    this.#events = events;
    this.peer = endpoint(socket.remoteAddress, socket.remotePort);
    this.local = endpoint(socket.localAddress, socket.localPort);
    this.#attach();
  }

  /** Begins or goes on to read. */
  resume(): void {
    this.#reading = true;
    if (!this.#lent) this.#socket.resume();
  }

  /** Stops reading: the peer is held back by TCP. */
  pause(): void {
    this.#reading = false;
    if (!this.#lent) this.#socket.pause();
  }

  /** Whether the peer has gone. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Bytes that have arrived and that nobody has read. */
  get unreadBytes(): number {
    return this.#socket.readableLength;
  }

  /** Sends Latin-1 text; resolves when there is room for more. Text for a peer that is gone is dropped. */
  async write(text: string): Promise<void> {
    const socket = this.#socket;
    if (this.#lost || !socket.writable) return;
    if (socket.write(text, 'latin1')) return;
    if (socket.writableLength > MAX_UNSENT_BYTES) {
      socket.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), MAX_UNREAD_TIME);
      const done = () => {
        clearTimeout(timer);
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  /** Gives the plain socket to `upgrade` and goes on with the TLS socket that it makes, still paused. */
  async secure(upgrade: (raw: Socket) => Promise<TLSSocket>): Promise<void> {
    this.#detach();
    this.#socket = await upgrade(this.#socket);
    this.#attach();
  }

  /**
   * Has TLS taken off by `remove`, which is given the TLS socket. Resolves when text goes out in clear; what comes in clear is read
   * from when the peer's part of TLS is over, and a peer that ends it wrongly is lost with the error of {@link TlsRemoval.rest}.
   */
  async clear(remove: (secure: Socket) => Promise<TlsRemoval>): Promise<void> {
    this.#detach();
    const { socket, rest } = await remove(this.#socket);
    this.#socket = socket;
    this.#lent = true;
    void rest.then(
      (bytes) => {
        this.#lent = false;
        this.#attach();
        if (bytes.length > 0) this.#events.onBytes(bytes);
        // In the next turn, as a socket would tell it: what came before the end is dealt with first.
        if (socket.destroyed || socket.readableEnded) setImmediate(() => this.#lose(undefined));
        else if (this.#reading) socket.resume();
      },
      (error) => this.#lose(error),
    );
  }

  /** Sends what is unsent and ends the connection; breaks it off when the peer does not close within `linger` milliseconds. */
  end(linger: number): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), linger);
    socket.once('close', () => clearTimeout(timer));
    socket.once('end', () => socket.destroySoon());
    socket.end();
    this.resume();
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#socket.destroy();
  }

  #attach(): void {
    const socket = this.#socket;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.pause();
  }

  #detach(): void {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer) => this.#events.onBytes(chunk);
  readonly #onEnd = () => this.#lose(undefined);
  readonly #onClose = () => this.#lose(undefined);
  readonly #onError = (error: Error) => {
    this.#lose(error);
    if (isReset(error)) this.#socket.destroy();
  };

  #lose(error: Error | undefined): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#events.onLost(error);
  }
}
