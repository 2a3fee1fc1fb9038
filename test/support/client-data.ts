/**
 * The client's end of a data connection: clear or TLS, with or without a resumed session, and every way of ending it.
 * Keeps what it received and how the other side ended. Knows nothing of the control connection.
 */
import type { X509Certificate } from 'node:crypto';
import { connect, Socket } from 'node:net';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { type RawEnding, TappedSocket } from './tapped-socket.ts';

/** How the gateway ended the connection: only `close_notify` means that the TLS stream is whole. */
export type ClientDataEnding = 'close_notify' | 'fin' | 'reset';

/** Choices for the TLS handshake of a data connection. */
export interface DataTlsOptions {
  readonly session?: Buffer | undefined;
  readonly minVersion?: SecureVersion | undefined;
  readonly maxVersion?: SecureVersion | undefined;
  readonly ciphers?: string | undefined;
  /** A certificate to show, in PEM, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Where a data connection goes. */
export interface DataTarget {
  readonly host: string;
  readonly port: number;
  /** Source address. */
  readonly localAddress?: string | undefined;
}

/** A connected data connection. Reads from the beginning; says what to make of the bytes with `startClear` or `startTls`. */
export class ClientData {
  readonly raw: Socket;
  /** How the gateway ended it; pending until it did. */
  readonly ending: Promise<ClientDataEnding>;
  /** How the gateway ended the TCP connection; TLS may have ended before. */
  readonly #rawEnding: Promise<RawEnding>;
  readonly #early: Buffer[] = [];
  readonly #chunks: Buffer[] = [];
  readonly #wire: Buffer[] = [];
  #take: ((chunk: Buffer) => void) | undefined;
  #settle: (ending: ClientDataEnding) => void = () => {};
  #tls: TLSSocket | undefined;
  #tapped: TappedSocket | undefined;
  #readOnlyOnce = false;

  private constructor(source: DataTarget | Socket) {
    this.ending = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (source instanceof Socket) {
      this.raw = source;
      source.on('data', (chunk: Buffer) => this.#arrived(chunk));
    } else this.raw = this.#dial(source);
    this.raw.setNoDelay(true);
    this.#rawEnding = new Promise((resolve) => {
      this.raw.on('end', () => resolve('fin'));
      this.raw.on('error', () => resolve('reset'));
      this.raw.on('close', () => resolve('reset'));
    });
  }

  /** A connection that the gateway has made, in active mode; allows half-open. */
  static accepted(socket: Socket): ClientData {
    return new ClientData(socket);
  }

  #dial({ host, port, localAddress }: DataTarget): Socket {
    const buffer = Buffer.alloc(65_536);
    // With a buffer of our own, pause() stops reading at once: what comes later stays in the kernel.
    const callback = (length: number): boolean => {
      this.#arrived(Buffer.from(buffer.subarray(0, length)));
      return true;
    };
    const onread = { buffer, callback };
    return connect({ host, port, allowHalfOpen: true, onread, ...(localAddress && { localAddress }) });
  }

  /** Opens the TCP connection. Rejects when it is refused. */
  static async connect(target: DataTarget): Promise<ClientData> {
    const data = new ClientData(target);
    await new Promise<void>((resolve, reject) => {
      data.raw.once('connect', resolve);
      data.raw.once('error', reject);
    });
    return data;
  }

  /** The first mebibyte received, as it stood on the wire. */
  get wire(): Buffer {
    return Buffer.concat(this.#wire);
  }

  /** Everything received so far (decrypted). */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Number of bytes received so far (decrypted). */
  get receivedBytes(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether the TLS handshake resumed a session. */
  get resumed(): boolean {
    return this.#tls?.isSessionReused() ?? false;
  }

  /** TLS version, undefined in clear. */
  get version(): string | undefined {
    return this.#tls?.getProtocol() ?? undefined;
  }

  /** The certificate that the gateway has shown here. */
  get certificate(): X509Certificate | undefined {
    return this.#tls?.getPeerX509Certificate();
  }

  /** Reads and writes in clear from now on. */
  startClear(): this {
    this.#takeWith((chunk) => this.#chunks.push(chunk));
    void this.#rawEnding.then((ending) => {
      this.#settle(ending);
      this.raw.end();
    });
    return this;
  }

  /** Makes the TLS handshake. Rejects when it fails or when the connection ends before. */
  async startTls(options: DataTlsOptions = {}): Promise<this> {
    const tapped = new TappedSocket(this.raw);
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const tls = connectTls({ socket: tapped, rejectUnauthorized: false, ...given });
    this.#tls = tls;
    this.#tapped = tapped;
    this.#takeWith((chunk) => tapped.feed(chunk));
    tls.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    tls.once('end', () => this.#settle('close_notify'));
    void this.#rawEnding.then(async (ending) => {
      // close_notify may still be on its way through the TLS layer: let it drain first.
      for (let idle = 0; idle < 5; idle += 1) {
        if (tapped.readableLength > 0 || tls.readableLength > 0) idle = -1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#settle(ending);
      this.raw.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve);
      tls.once('error', reject);
      this.ending.then((ending) => reject(new Error(`data connection ended during the TLS handshake: ${ending}`)));
    });
    tls.on('error', () => {});
    return this;
  }

  /** Writes and waits until the bytes have left this process or the connection broke. */
  async write(bytes: Uint8Array | string): Promise<void> {
    const stream = this.#tls ?? this.raw;
    await new Promise<void>((resolve) => stream.write(bytes, () => resolve()));
  }

  /** Stops reading: the window closes after the kernel's buffers are full. */
  pause(): void {
    this.#tls?.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#tls?.resume();
  }

  /** Never reads again; what the gateway still sends stays unread in the kernel, so that a close becomes a reset. */
  stopReading(): void {
    this.raw.pause();
    this.raw.resume = () => this.raw;
  }

  /** Reads the next bytes and then never again: with TLS 1.3 the handshake, and not the tickets behind it. */
  readOnlyOnce(): void {
    this.#readOnlyOnce = true;
  }

  /** The proper end: close_notify, then FIN, in one packet with `last` where the kernel allows it. In clear: FIN. */
  end(last?: Uint8Array | string): void {
    const stream = this.#tls ?? this.raw;
    this.raw.cork();
    if (last === undefined) stream.end();
    else stream.end(last);
    setImmediate(() => this.raw.uncork());
  }

  /** close_notify, then close() at once, whatever was not read: with unread bytes the kernel sends RST and drops the rest. */
  close(last: Uint8Array | string): void {
    if (this.#tapped) this.#tapped.closesAtEnd = true;
    this.#tls?.end(last);
  }

  /** FIN without close_notify: how a broken client, or a middlebox that cuts, ends a TLS stream. */
  endWithoutCloseNotify(): void {
    this.raw.end();
  }

  /** RST. */
  reset(): void {
    this.raw.resetAndDestroy();
  }

  /** What was received and how the gateway ended, once it has. */
  async readToEnd(): Promise<{ readonly bytes: Buffer; readonly ending: ClientDataEnding }> {
    const ending = await this.ending;
    return { bytes: this.received, ending };
  }

  #takeWith(take: (chunk: Buffer) => void): void {
    this.#take = take;
    for (const chunk of this.#early.splice(0)) take(chunk);
  }

  #arrived(chunk: Buffer): void {
    if (this.raw.bytesRead <= 2 ** 20) this.#wire.push(chunk);
    if (this.#take) this.#take(chunk);
    else this.#early.push(chunk);
    if (this.#readOnlyOnce) this.stopReading();
  }
}
