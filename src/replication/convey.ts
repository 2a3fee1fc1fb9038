/**
 * Moves the bytes of a client's data connection to and from the replica that has its session, as they are; and tells how each direction
 * ended, FIN as FIN and a break as a break. Knows nothing of who is who.
 */
import type { Socket } from 'node:net';
import { watchStall } from '../data/stall.ts';
import type { ReadBuffers } from '../net/read-buffers.ts';

export interface ConveyOptions {
  readonly client: Socket;
  /** The connection to the other replica, which must be read by `buffers`. */
  readonly owner: Socket;
  readonly buffers: ReadBuffers;
  /** Milliseconds in which at least one byte must move; and in which the client must close when all was said to it. */
  readonly stall: number;
  readonly linger: number;
  /** How often it is told at most that bytes were handed on to the client (milliseconds). */
  readonly telling: number;
  /** Breaks both connections off. */
  readonly signal: AbortSignal;
  /**
   * The client has ended its direction behind so many bytes; null where it was broken off. Called once, before the other replica can see
   * the end: which may come there without the last bytes, where this one dies.
   */
  readonly onEnded: (bytes: number | null) => void;
  /** So many bytes were handed on to the client, more than when it was told before. */
  readonly onProgress: (bytes: number) => void;
  /** The other replica has ended its direction, and all was handed on to the client; or was lost. Called once. */
  readonly onDelivered: (whole: boolean) => void;
}

/** How it went. `reset`: one side broke off. `stalled`: nothing moved for too long. */
export interface Conveyed {
  readonly outcome: 'completed' | 'reset' | 'stalled';
  readonly bytes: number;
}

/** Runs until both directions have ended, or one side has broken off; both sockets are closed then. Never rejects. */
export function convey(options: ConveyOptions): Promise<Conveyed> {
  return new Promise((resolve) => new Conveyance(options, resolve).start());
}

class Conveyance {
  readonly #options: ConveyOptions;
  readonly #resolve: (conveyed: Conveyed) => void;
  /** From the client, and for it. */
  #sent = 0;
  #received = 0;
  #told = 0;
  #ended = false;
  #ownerEnded = false;
  #delivered = false;
  #over = false;
  #linger: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;
  #endWatch: () => void = () => {};

  constructor(options: ConveyOptions, resolve: (conveyed: Conveyed) => void) {
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    const { client, owner, buffers, stall, telling, signal } = this.#options;
    for (const socket of [client, owner]) socket.on('error', () => this.#break('reset'));
    client.on('close', () => this.#closed(this.#ended && this.#delivered));
    owner.on('close', () => this.#closed(this.#ended && this.#ownerEnded));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#telling = setInterval(() => this.#tell(), telling);
    this.#endWatch = watchStall(
      () => 2 * this.#bytes - client.writableLength - owner.writableLength,
      stall,
      () => this.#break('stalled'),
    );
    client.on('data', (chunk: Buffer) => {
      this.#sent += chunk.length;
      if (!owner.write(chunk)) client.pause();
    });
    owner.on('drain', () => client.resume());
    client.on('end', () => this.#clientEnded());
    owner.on('end', () => this.#endOfOwner());
    buffers.start((chunk, done) => {
      this.#received += chunk.length;
      client.write(chunk, () => done());
    });
    if (client.destroyed || owner.destroyed || signal.aborted) return this.#break('reset');
    if (owner.readableEnded) this.#endOfOwner();
    client.resume();
  }

  get #bytes(): number {
    return this.#sent + this.#received;
  }

  readonly #onAbort = () => this.#break('reset');

  #tell(): void {
    const handedOn = this.#received - this.#options.client.writableLength;
    if (handedOn <= this.#told) return;
    this.#told = handedOn;
    this.#options.onProgress(handedOn);
  }

  #clientEnded(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#options.onEnded(this.#sent);
    this.#options.owner.end();
    this.#finish();
  }

  #endOfOwner(): void {
    if (this.#ownerEnded || this.#over) return;
    this.#ownerEnded = true;
    const { client, linger } = this.#options;
    client.once('finish', () => {
      if (this.#over) return;
      this.#delivered = true;
      clearInterval(this.#telling);
      this.#options.onDelivered(true);
      this.#linger = setTimeout(() => this.#end('completed'), linger);
      this.#finish();
    });
    client.end();
  }

  #finish(): void {
    if (this.#ended && this.#delivered) this.#end('completed');
  }

  #closed(inGoodOrder: boolean): void {
    if (!inGoodOrder) this.#break('reset');
  }

  #break(outcome: 'reset' | 'stalled'): void {
    if (this.#over) return;
    const { client, owner } = this.#options;
    const isLate = this.#delivered;
    this.#end(isLate ? 'completed' : outcome);
    for (const socket of [client, owner]) breakOff(socket);
  }

  #end(outcome: Conveyed['outcome']): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#linger);
    clearInterval(this.#telling);
    this.#endWatch();
    const { client, owner, buffers, signal, onEnded, onDelivered } = this.#options;
    signal.removeEventListener('abort', this.#onAbort);
    buffers.stop();
    if (!this.#ended) onEnded(null);
    if (!this.#delivered) onDelivered(false);
    if (outcome === 'completed') for (const socket of [client, owner]) socket.destroySoon();
    this.#resolve({ outcome, bytes: this.#bytes });
  }
}

/** A TCP reset, except for a socket that is shutting down, which libuv cannot reset any more. */
export function breakOff(socket: Socket): void {
  if (!socket.destroyed && !(socket.writableEnded && socket.writableLength === 0)) socket.resetAndDestroy();
  // resetAndDestroy waits for what is unsent, possibly for ever; destroy does not, and keeps the reset.
  socket.destroy();
}
