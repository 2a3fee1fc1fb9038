/**
 * A client that can take TLS off its control connection again (CCC), byte by byte as a test says: what TLS would send can be kept back,
 * so that a test sends it cut, joined with clear text, damaged or not at all. Knows nothing of the gateway's code.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Changes } from './changes.ts';
import { ClientData, type DataTlsOptions } from './client-data.ts';
import { PASSWORD, type Target, USER } from './scripted-client.ts';
import { type ClientReply, StrictReplies } from './strict-replies.ts';
import { type House, type HouseOptions, LISTENERS, withGateway } from './test-gateway.ts';

/** What lies between the TCP socket and TLS: its owner feeds it, and may keep what TLS sends. */
class BelowTls extends Duplex {
  #kept: Buffer[] | undefined;
  readonly #raw: Socket;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    this.on('error', () => {});
  }

  /** From now on nothing of TLS goes out. */
  keep(): void {
    this.#kept ??= [];
  }

  /** What TLS would have sent since it was asked for last. */
  get kept(): Buffer {
    return Buffer.concat(this.#kept?.splice(0) ?? []);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#kept === undefined) this.#raw.write(chunk, () => done());
    else {
      this.#kept.push(Buffer.from(chunk));
      done();
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#kept === undefined) this.#raw.end();
    done();
  }
}

/** The control connection of such a client. */
export class ClearingClient {
  readonly raw: Socket;
  readonly #changes = new Changes();
  readonly #data: ClientData[] = [];
  #replies = new StrictReplies();
  #transcript = '';
  #below: BelowTls | undefined;
  #tls: TLSSocket | undefined;
  #session: Buffer | undefined;
  #state: 'clear' | 'tls' | 'cleared' = 'clear';
  #closed = false;
  #goodbye = false;

  private constructor(raw: Socket) {
    this.raw = raw;
    raw.setNoDelay(true);
    raw.on('error', () => {});
    raw.on('data', (chunk: Buffer) => this.#arrived(chunk));
    raw.on('close', () => {
      this.#closed = true;
      this.#changes.notify();
    });
  }

  /** Connects in clear, and waits for the greeting. */
  static async greeted(target: Target): Promise<ClearingClient> {
    const client = await ClearingClient.#dial(target);
    await client.expect(220);
    return client;
  }

  /** Encrypted, greeted, logged in, with PROT P. */
  static async loggedIn(target: Target, mode: 'explicit' | 'implicit', tls?: ConnectionOptions) {
    const client = await ClearingClient.#dial(target);
    if (mode === 'implicit') await client.startTls(tls);
    await client.expect(220);
    if (mode === 'explicit') {
      await client.command('AUTH TLS', 234);
      await client.startTls(tls);
    }
    await client.command(`USER ${USER}`, 331);
    await client.command(`PASS ${PASSWORD}`, 230);
    await client.command('PBSZ 0', 200);
    await client.command('PROT P', 200);
    return client;
  }

  static async #dial({ address, port }: Target): Promise<ClearingClient> {
    const raw = connect({ host: address, port });
    await once(raw, 'connect');
    return new ClearingClient(raw);
  }

  /** Everything that was said, for failure messages. */
  get transcript(): string {
    return `${this.#transcript}\n(unread) ${JSON.stringify(this.#replies.rest)}${this.#closed ? '\n(closed)' : ''}`;
  }

  async startTls(options: ConnectionOptions = {}): Promise<void> {
    const below = new BelowTls(this.raw);
    const tls = connectTls({ socket: below, rejectUnauthorized: false, ...options });
    this.#state = 'tls';
    this.#below = below;
    this.#tls = tls;
    tls.on('error', () => {});
    tls.on('session', (session) => {
      this.#session = session;
    });
    tls.on('data', (chunk: Buffer) => this.#said(chunk));
    tls.once('end', () => {
      this.#goodbye = true;
      this.#changes.notify();
    });
    await once(tls, 'secureConnect');
  }

  /** Says CCC, and waits for the reply and for the gateway's close_notify. From then on everything is in clear. */
  async ccc(): Promise<void> {
    await this.command('CCC', 200);
    await this.gatewaysGoodbye();
    this.leave();
  }

  /** CCC with the goodbyes of both sides: what a client does that goes by the book. */
  async cleared(): Promise<void> {
    await this.ccc();
    this.raw.write(await this.goodbye());
  }

  /** Waits for the close_notify of the gateway. */
  async gatewaysGoodbye(): Promise<void> {
    this.#below?.keep();
    await this.#changes.until(
      () => this.#goodbye,
      () => `no close_notify${this.transcript}`,
    );
  }

  /** Reads and writes in clear from now on. */
  leave(): void {
    this.#below?.keep();
    this.#state = 'cleared';
  }

  /** The record with the close_notify of this client, which is not sent. */
  async goodbye(): Promise<Buffer> {
    this.#below?.keep();
    await new Promise<void>((resolve) => this.#tls?.end(resolve));
    return this.#below?.kept ?? Buffer.alloc(0);
  }

  /** Text as a TLS record, which is not sent. */
  async encrypted(text: string): Promise<Buffer> {
    this.#below?.keep();
    await new Promise<void>((resolve) => this.#tls?.write(text, () => resolve()));
    return this.#below?.kept ?? Buffer.alloc(0);
  }

  send(line: string): void {
    this.#transcript += `\n> ${line}`;
    (this.#state === 'tls' ? this.#tls : this.raw)?.write(`${line}\r\n`, 'latin1');
  }

  async command(line: string, ...codes: readonly number[]): Promise<ClientReply> {
    this.send(line);
    return this.expect(...codes);
  }

  /** The next reply, which must have one of these codes. */
  async expect(...codes: readonly number[]): Promise<ClientReply> {
    const reply = await this.#changes.until(
      () => {
        const next = this.#replies.next();
        if (!next && this.#closed) throw new Error(`closed instead of a reply${this.transcript}`);
        return next;
      },
      () => `no reply${this.transcript}`,
    );
    this.#transcript += `\n< ${JSON.stringify(reply.raw)}`;
    if (!codes.includes(reply.code)) throw new Error(`expected ${codes.join(' or ')}${this.transcript}`);
    return reply;
  }

  /** Resolves when the gateway has closed, without a word more. */
  async expectClosed(timeout = 5000): Promise<void> {
    await this.#changes.until(
      () => this.#closed,
      () => `still open${this.transcript}`,
      timeout,
    );
    if (this.#replies.rest !== '') throw new Error(`a reply instead of silence${this.transcript}`);
  }

  /** A data connection to a fresh EPSV, of which nothing is read yet. */
  async openData(): Promise<ClientData> {
    const { text } = await this.command('EPSV', 229);
    const port = Number(/\(\|\|\|(\d{1,5})\|\)$/.exec(text)?.[1]);
    const data = await ClientData.connect({ host: this.raw.remoteAddress ?? '127.0.0.1', port });
    this.#data.push(data);
    return data;
  }

  /** What a data connection that resumes the TLS session of this connection needs. */
  get resuming(): DataTlsOptions {
    return { session: this.#session ?? this.#tls?.getSession() };
  }

  /** A whole download; tells whether its data connection resumed the TLS session of this one. */
  async download(command: string, options: DataTlsOptions = {}): Promise<{ text: string; resumed: boolean }> {
    const data = await this.openData();
    await this.command(command, 125, 150);
    await data.startTls({ ...this.resuming, ...options });
    const { bytes, ending } = await data.readToEnd();
    if (ending !== 'close_notify') throw new Error(`ended by ${ending}${this.transcript}`);
    await this.expect(226, 250);
    return { text: bytes.toString(), resumed: data.resumed };
  }

  /** A whole upload. */
  async upload(command: string, text: string, options: DataTlsOptions = {}): Promise<void> {
    const data = await this.openData();
    await this.command(command, 125, 150);
    await data.startTls({ ...this.resuming, ...options });
    await data.write(text);
    data.end();
    await this.expect(226, 250);
  }

  destroy(): void {
    for (const data of this.#data) data.raw.destroy();
    this.#tls?.destroy();
    this.raw.destroy();
  }

  #arrived(chunk: Buffer): void {
    if (this.#state === 'tls') this.#below?.push(chunk);
    else this.#said(chunk);
  }

  #said(chunk: Buffer): void {
    this.#replies.push(chunk);
    this.#changes.notify();
  }
}

/** A house with such clients. */
export interface ClearingHouse extends House {
  /** A client that is logged in with PROT P. */
  clearing(mode?: 'explicit' | 'implicit', tls?: ConnectionOptions): Promise<ClearingClient>;
}

/** {@link withGateway}, with CCC allowed unless the policy says otherwise. */
export function withClearing(options: HouseOptions, play: (house: ClearingHouse) => Promise<void>): Promise<void> {
  const policy = { ccc: 'allow', ...options.policy };
  return withGateway({ ...options, policy }, async (house) => {
    const clients: ClearingClient[] = [];
    try {
      await play({
        ...house,
        async clearing(mode = 'explicit', tls) {
          const client = await ClearingClient.loggedIn(house.doors[mode], LISTENERS[mode].mode, tls);
          clients.push(client);
          return client;
        },
      });
    } finally {
      for (const client of clients) client.destroy();
    }
  });
}
