/**
 * A Duplex between a TCP socket and a TLSSocket from which TLS can be taken off again, while the TCP connection goes on (CCC,
 * RFC 4217 §6). It gives TLS one record at a time, so that what comes behind the peer's close_notify never was inside TLS, and
 * no byte of it is lost. The end of the TCP stream reaches TLS as it comes. Knows nothing of FTP.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors/errors.ts';
import { TlsRecordCutter, type Upcoming } from '../wire/tls-records.ts';

/** A connection whose own part of TLS is over. */
export interface TlsRemoval {
  /** Where to write from now on, in clear. Who wants to read it waits for `rest`. */
  readonly socket: Socket;
  /**
   * What the peer has already sent in clear; resolves when its part of TLS is over, too, or it sends none. Rejects with
   * `bytes-behind-ccc`, `tls-shutdown-failed`, `tls-shutdown-timeout` or `client-closed`; the socket is destroyed then.
   */
  readonly rest: Promise<Buffer>;
}

type State =
  /** TLS gets records as it wants them. */
  | 'passing'
  /** It gets none. */
  | 'held'
  /** Our close_notify is on its way. */
  | 'leaving'
  /** That of the peer is waited for. */
  | 'left'
  /** TLS is off; the socket is somebody else's. */
  | 'removed';

/**
 * How long the peer may say goodbye first (milliseconds). quirk: lftp 4.9 takes our close_notify for the end of the connection where it
 * comes with the reply; curl in its passive mode waits for ours.
 */
const PRECEDENCE = 250;
/** Turns of the event loop in which TLS deals with a record and tells what came of it. */
const TURNS_FOR_A_RECORD = 3;

export class RemovableTls extends Duplex {
  readonly #raw: Socket;
  readonly #records = new TlsRecordCutter();
  #state: State = 'passing';
  #wanted = false;
  #ended = false;
  #onArrival: (() => void) | undefined;

  /** Takes over the socket. */
  constructor(raw: Socket) {
    // Keeps nothing of its own: what TLS does not want yet stays in the socket.
    super({ allowHalfOpen: true, readableHighWaterMark: 0 });
    this.#raw = raw;
    raw.on('readable', this.#onReadable);
    raw.on('end', this.#onEnd);
    raw.on('error', this.#onGone);
    raw.on('close', this.#onGone);
  }

  /** Gives TLS no further record until it is released. */
  hold(): void {
    if (this.#state === 'passing') this.#state = 'held';
  }

  release(): void {
    if (this.#state !== 'held') return;
    this.#state = 'passing';
    this.#pull();
  }

  /** Whether bytes have arrived, behind the last record that TLS was given, that are no record. */
  get textWaits(): boolean {
    const upcoming = this.#look();
    return upcoming === 'text' || upcoming === 'damaged';
  }

  /**
   * Ends TLS behind what was written to `secure`, the TLSSocket over this one, which is nobody's after that. Resolves when our
   * close_notify is sent. `timeout` is for that and, once more, from the first byte of the peer's goodbye to its last
   * (milliseconds). Raises `bytes-behind-ccc`, `tls-shutdown-timeout` or `client-closed`; the socket is destroyed then.
   */
  async remove(secure: TLSSocket, timeout: number): Promise<TlsRemoval> {
    this.#state = 'leaving';
    if (this.#look() === 'incomplete' && this.#records.buffered === 0) await this.#letGoFirst();
    if (this.textWaits) {
      this.destroy();
      throw new GatewayError('bytes-behind-ccc', { detail: 'in clear' });
    }
    await this.#leave(secure, timeout);
    this.#state = 'left';
    const rest = this.#awaitGoodbye(secure, timeout);
    rest.catch(() => {});
    return { socket: this.#raw, rest };
  }

  #letGoFirst(): Promise<void> {
    return new Promise((resolve) => {
      const proceed = () => {
        clearTimeout(timer);
        this.#onArrival = undefined;
        resolve();
      };
      const timer = setTimeout(proceed, PRECEDENCE);
      this.#onArrival = proceed;
    });
  }

  #leave(secure: TLSSocket, timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.off('finish', onSent);
        this.off('close', onGone);
      };
      const onSent = () => {
        settle();
        resolve();
      };
      const fail = (error: GatewayError) => {
        settle();
        this.destroy();
        reject(error);
      };
      const onGone = () => fail(new GatewayError('client-closed', { detail: 'gone at CCC' }));
      const timer = setTimeout(() => fail(late('the client does not read', timeout)), timeout);
      this.once('finish', onSent);
      this.once('close', onGone);
      if (this.destroyed) onGone();
      else secure.end();
    });
  }

  async #awaitGoodbye(secure: TLSSocket, timeout: number): Promise<Buffer> {
    const timer = new Deadline(timeout, () => this.#onArrival?.());
    let spoke = false;
    secure.on('data', () => {
      spoke = true;
    });
    secure.resume();
    try {
      while (!secure.readableEnded) {
        const upcoming = this.#look();
        // quirk: curl in its passive mode sends no close_notify, and goes on in clear.
        if (upcoming === 'text') break;
        if (upcoming === 'damaged') throw failed('what the client sent is no TLS record');
        if (this.#records.buffered > 0) timer.start();
        if (upcoming === 'incomplete') await this.#arrival();
        else await this.#decrypt(secure);
        if (spoke) throw new GatewayError('bytes-behind-ccc', { detail: 'inside TLS' });
        if (timer.expired) throw late('the close_notify of the client did not end', timeout);
      }
    } catch (error) {
      this.#raw.destroy();
      throw error;
    } finally {
      timer.stop();
      this.#giveBack(secure);
    }
    // A socket forgets only in the next turn that somebody listened to `readable`.
    await turn();
    return this.#records.rest();
  }

  /** Gives TLS the record at the front, and waits for what comes of it. */
  async #decrypt(secure: TLSSocket): Promise<void> {
    this.push(this.#records.take());
    for (let turns = 0; turns < TURNS_FOR_A_RECORD && !secure.readableEnded; turns += 1) {
      if (secure.destroyed) throw failed('a TLS record of the client was damaged');
      await turn();
    }
  }

  /** More bytes. Raises `client-closed` where none will come. */
  async #arrival(): Promise<void> {
    const raw = this.#raw;
    if (raw.readableEnded || raw.destroyed) throw new GatewayError('client-closed', { detail: 'gone at CCC' });
    await new Promise<void>((resolve) => {
      this.#onArrival = resolve;
    });
    this.#onArrival = undefined;
  }

  /** The socket as it was found. */
  #giveBack(secure: TLSSocket): void {
    const raw = this.#raw;
    this.#state = 'removed';
    raw.off('readable', this.#onReadable);
    raw.off('end', this.#onEnd);
    raw.off('close', this.#onGone);
    secure.destroy();
  }

  /** What comes next, of all that has arrived. */
  #look(): Upcoming {
    while (this.#records.upcoming === 'incomplete') {
      const chunk: Buffer | null = this.#raw.read();
      if (chunk === null) break;
      this.#records.push(chunk);
    }
    return this.#records.upcoming;
  }

  readonly #onReadable = () => {
    // Nothing to read means the end, and reading is what makes the socket tell of it.
    if (this.#raw.readableLength === 0) this.#raw.read();
    else if (this.#onArrival !== undefined) this.#onArrival();
    else this.#pull();
  };

  readonly #onEnd = () => {
    if (this.#onArrival !== undefined) this.#onArrival();
    else this.#pull();
  };

  readonly #onGone = (error?: unknown) => {
    this.#onArrival?.();
    if (this.#state === 'left' || this.#state === 'removed') return;
    this.destroy(error instanceof Error ? error : undefined);
  };

  override _read(): void {
    this.#wanted = true;
    // What TLS made of the last record may have led to a hold.
    process.nextTick(() => this.#pull());
  }

  #pull(): void {
    if (this.#state !== 'passing' && this.#state !== 'held') return;
    if (this.#state === 'passing' && this.#wanted) {
      const upcoming = this.#look();
      const partial = upcoming === 'incomplete' && !(this.#raw.readableEnded && this.#records.buffered > 0);
      if (!partial) {
        this.#wanted = false;
        // What is no record is the business of TLS, too: it says what is wrong.
        this.push(upcoming === 'record' ? this.#records.take() : this.#records.rest());
        return;
      }
    }
    if (this.#ended || !this.#raw.readableEnded || this.#records.buffered > 0) return;
    this.#ended = true;
    this.push(null);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#raw.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#state === 'leaving') callback();
    else this.#raw.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#state !== 'left' && this.#state !== 'removed') this.#raw.destroy();
    callback(error);
  }
}

/** A time limit that runs from its first start. */
class Deadline {
  readonly #milliseconds: number;
  readonly #onExpiry: () => void;
  #timer: NodeJS.Timeout | undefined;
  #expired = false;

  constructor(milliseconds: number, onExpiry: () => void) {
    this.#milliseconds = milliseconds;
    this.#onExpiry = onExpiry;
  }

  get expired(): boolean {
    return this.#expired;
  }

  start(): void {
    this.#timer ??= setTimeout(() => {
      this.#expired = true;
      this.#onExpiry();
    }, this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function failed(detail: string): GatewayError {
  return new GatewayError('tls-shutdown-failed', { detail });
}

function late(what: string, timeout: number): GatewayError {
  return new GatewayError('tls-shutdown-timeout', { detail: `${what} within ${timeout} ms` });
}
