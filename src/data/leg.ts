/**
 * One data connection on one side, from TCP to the end: plain or TLS, and how each direction ended. A leg reports; what
 * it means for a transfer is decided elsewhere.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Endpoint, endpoint } from '../net/address.ts';
import type { ReadBuffers } from '../net/read-buffers.ts';
import { describeSocketError } from '../net/socket-errors.ts';
import type { TlsFacts } from '../tls/facts.ts';
import type { ProvenStream, StreamEnd } from '../tls/withheld-eof.ts';
import type { Passage } from './passage.ts';
import { watchStall } from './stall.ts';

/** The two sides of the gateway. */
export type Side = 'client' | 'backend';

/** Protection of a data connection: PROT C or PROT P (RFC 2228 §3). */
export type Protection = 'clear' | 'private';

/** How the bytes that a leg delivers ended. `unproven`: a plain connection was closed, which proves nothing. */
export type SourceEnd = StreamEnd | 'unproven';

/** How sending the last bytes went. */
export type Flush = 'flushed' | 'broken' | 'stalled';

/** Takes a chunk; `done` is called when the chunk is not needed any more. */
export type ChunkSink = (chunk: Buffer, done?: () => void) => void;

/** Reading that goes on. */
export interface Reading {
  /** Hands over nothing until {@link Reading.resume}; buffers that are used again wait by themselves until their chunk is done. */
  pause(): void;
  resume(): void;
  stop(): void;
}

export interface DataLegOptions {
  readonly side: Side;
  readonly raw: Socket;
  /** The real ends, where a balancer or another gateway stands between. Default: those of the socket. */
  readonly peer?: Endpoint | undefined;
  readonly local?: Endpoint | undefined;
  /** What another gateway says of the ends, where the connection comes through it. */
  readonly passage?: Passage | undefined;
  /** What reads the socket where its stream does not: a plain connection only. */
  readonly buffers?: ReadBuffers;
  /** The TLS socket over `raw`, with what is known of it. */
  readonly secure?: {
    readonly socket: TLSSocket;
    readonly facts: TlsFacts;
    readonly proven: ProvenStream | undefined;
  };
}

const NOTHING = Buffer.alloc(0);

export class DataLeg {
  readonly side: Side;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly tls: TlsFacts | undefined;
  readonly stream: Socket;
  readonly #raw: Socket;
  readonly #proven: ProvenStream | undefined;
  readonly #buffers: ReadBuffers | undefined;
  readonly #passage: Passage | undefined;
  readonly #broken = Promise.withResolvers<string>();
  /** Bytes that were read before the transfer: a PROXY header. */
  #before = 0;
  #delivered = 0;
  #closed = false;
  #rawClosed = false;

  constructor({ side, raw, peer, local, passage, buffers, secure }: DataLegOptions) {
    this.side = side;
    this.peer = peer ?? endpoint(raw.remoteAddress, raw.remotePort);
    this.local = local ?? endpoint(raw.localAddress, raw.localPort);
    this.#passage = passage;
    this.tls = secure?.facts;
    this.stream = secure?.socket ?? raw;
    this.#raw = raw;
    this.#buffers = buffers;
    this.#proven = secure?.proven;
    if (buffers === undefined) this.#before = raw.bytesRead - raw.readableLength;
    const onError = (error: Error) => this.#broken.resolve(describeSocketError(error));
    for (const socket of new Set([raw, this.stream])) socket.on('error', onError);
    raw.once('close', () => {
      this.#rawClosed = true;
    });
    const onClose = () => {
      this.#closed = true;
      this.#broken.resolve('closed');
    };
    this.stream.once('close', onClose);
    if (secure !== undefined) this.#askAtEnd();
    // It may have been closed before anybody listened.
    this.#rawClosed = raw.closed;
    if (raw.destroyed || this.stream.destroyed) onClose();
  }

  /** Bytes of the transfer that have arrived, read or not; with TLS those that were decrypted. */
  get bytesReceived(): number {
    return this.tls === undefined ? this.#raw.bytesRead - this.#before : this.#delivered + this.stream.readableLength;
  }

  get protection(): Protection {
    return this.tls === undefined ? 'clear' : 'private';
  }

  /** Bytes that a gateway between has handed on to the peer; 0 where there is none. Grows long after they were sent to that gateway. */
  get handedOn(): number {
    return this.#passage?.handedOn ?? 0;
  }

  /** Resolves with the reason when the connection has broken off or was closed; never rejects. */
  get broken(): Promise<string> {
    return this.#broken.promise;
  }

  /** Resolves when the peer has ended its direction, and all its bytes were read. Ask before reading. */
  sourceEnd(): Promise<SourceEnd> {
    // A gateway between that dies ends its connection in good order, whatever the client had still to send.
    const whole = async (end: SourceEnd): Promise<SourceEnd> => ((await this.#endedByPeer()) ? end : 'reset');
    if (this.#proven !== undefined) return this.#proven.end.then((end) => (end === 'fin' ? whole(end) : end));
    return new Promise((resolve) => {
      const onEnd = () => void whole('unproven').then(resolve);
      if (this.stream.readableEnded) return onEnd();
      this.stream.once('end', onEnd);
      void this.broken.then(() => {
        if (!this.stream.readableEnded) resolve('reset');
      });
    });
  }

  /** Hands over what arrives, in order, until it is stopped. */
  read(sink: ChunkSink): Reading {
    const { stream } = this;
    const buffers = this.#buffers;
    const proven = this.#proven;
    if (buffers !== undefined) {
      buffers.start(sink);
      return { pause: () => {}, resume: () => {}, stop: () => buffers.stop() };
    }
    const onData = (chunk: Buffer) => {
      this.#delivered += chunk.length;
      sink(chunk);
    };
    const pause = () => {
      stream.pause();
      proven?.hold();
    };
    const resume = () => {
      stream.resume();
      proven?.release();
    };
    stream.on('data', onData);
    resume();
    return {
      pause,
      resume,
      stop: () => {
        stream.off('data', onData);
        stream.pause();
      },
    };
  }

  /** Reads and drops whatever the peer sends, so that its close is seen. */
  discardInput(): void {
    this.read((_chunk, done) => done?.());
  }

  /**
   * Ends our direction and waits until every byte was handed to the kernel: to that of the gateway between, where there is one. `stall`
   * milliseconds without progress count as stalled.
   */
  async flush(stall: number): Promise<Flush> {
    const { stream } = this;
    const finished = new Promise<Flush>((resolve) => {
      const onFinish = () => void this.#delivery().then((whole) => resolve(whole ? 'flushed' : 'broken'));
      if (stream.writableFinished) onFinish();
      else stream.once('finish', onFinish);
    });
    // quirk: Node 26.10 loses close_notify where the last bytes of the handshake are still being written; this waits behind them.
    if (this.tls !== undefined && stream.writable) stream.write(NOTHING);
    stream.end();
    const broken = this.broken.then(() => (stream.writableFinished ? finished : 'broken'));
    return Promise.race([finished, broken, this.#stalled(finished, stall)]);
  }

  /** Goes on reading, after {@link flush}, until the peer has closed as well or `linger` milliseconds are over; then closes. */
  async closeAfterPeer(linger: number): Promise<void> {
    this.stream.resume();
    await this.#peerClosed(linger);
    this.close();
  }

  /**
   * Breaks the connection off with a TCP reset and without close_notify, so that the peer cannot take it for complete. One whose
   * end is on its way already is only closed; in clear that is so once every byte was handed to the kernel. Idempotent.
   */
  reset(): void {
    const raw = this.#raw;
    if (this.#isShuttingDown) return this.close();
    if (!raw.destroyed) {
      raw.resetAndDestroy();
      // resetAndDestroy waits for what is unsent, possibly for ever; destroy does not, and keeps the reset.
      raw.destroy();
    }
    this.#destroyStream();
  }

  /** A socket that is shutting down cannot be reset any more: libuv refuses, and Node would lose the handle. It begins behind the last byte. */
  get #isShuttingDown(): boolean {
    if (this.tls === undefined) return this.#raw.writableEnded && this.#raw.writableLength === 0;
    return this.stream.writableEnded || this.#raw.writableEnded;
  }

  /** Closes quietly: after a good end, or where no data was carried. Idempotent. */
  close(): void {
    if (!this.#raw.destroyed) this.stream.destroy();
    this.#raw.destroy();
    this.#destroyStream();
  }

  /** quirk: Node 26.10 crashes when a TLSSocket that is ending is destroyed in the same turn as the socket below is reset. */
  #destroyStream(): void {
    if (this.#rawClosed) this.stream.destroy();
    else this.#raw.once('close', () => this.stream.destroy());
  }

  /**
   * quirk: Node 26.10 tells nobody when what TLS sends by itself behind the handshake fails by a reset: all writes wait for ever then, and
   * the kernel, which tells of a reset only once, says FIN from then on. Sending nothing below TLS asks it again.
   */
  #askAtEnd(): void {
    const { stream } = this;
    const ask = () => {
      // Behind our own end, which is sent when all is written, the kernel takes nothing in good order.
      const hasEnded = stream.writableEnded && stream.writableLength === 0;
      if (!hasEnded && this.#raw.writable) this.#raw.write(NOTHING);
    };
    if (stream.readableEnded) ask();
    else stream.once('end', ask);
  }

  async #endedByPeer(): Promise<boolean> {
    return this.#passage === undefined || this.#passage.ended;
  }

  /** Whether what was flushed has left the gateway between as well. */
  async #delivery(): Promise<boolean> {
    return this.#passage === undefined || this.#passage.delivered;
  }

  #peerClosed(linger: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || this.stream.readableEnded || this.#raw.readableEnded) return resolve();
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, linger);
      this.stream.once('end', done);
      this.#raw.once('end', done);
      void this.broken.then(done);
    });
  }

  /** Resolves when nothing was handed to the kernel, here or on its way, for `stall` milliseconds. */
  #stalled(until: Promise<unknown>, stall: number): Promise<Flush> {
    return new Promise((resolve) => {
      const endWatch = watchStall(
        () => this.handedOn - this.stream.writableLength,
        stall,
        () => resolve('stalled'),
      );
      void Promise.race([until, this.broken]).then(endWatch);
    });
  }
}
