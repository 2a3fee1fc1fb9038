/**
 * A client that does exactly what a test says, over a real control connection: raw bytes, lines, TLS by AUTH or implicit.
 * Everything sent and received is kept in `transcript` and appears in every failure. Knows nothing of the gateway's code.
 */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { ActivePort } from './active-port.ts';
import { Changes } from './changes.ts';
import { ClientData, type DataTlsOptions } from './client-data.ts';
import { type ClientReply, StrictReplies } from './strict-replies.ts';

/** Where to connect. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Choices of a control connection. */
export interface ClientOptions {
  /** Source address: any 127/8 address makes another client. */
  readonly localAddress?: string | undefined;
  /** TLS choices for implicit mode and AUTH. */
  readonly tls?: ConnectionOptions;
}

/** A user whose password the scripted backend takes; it must never show in a log. */
export const USER = 'alice';
export const PASSWORD = 'hunter2-Tr0ub4dor';

/** A scripted control connection. */
export class ScriptedClient {
  readonly options: ClientOptions;
  #socket: Socket;
  #tls: TLSSocket | undefined;
  #replies = new StrictReplies();
  #transcript = '';
  #closed: 'fin' | 'reset' | undefined;
  #fault: Error | undefined;
  #session: Buffer | undefined;
  readonly #changes = new Changes();
  readonly #data: ClientData[] = [];
  readonly #ports: ActivePort[] = [];

  private constructor(socket: Socket, options: ClientOptions) {
    this.#socket = socket;
    this.options = options;
  }

  /** Opens the TCP connection and listens in clear. */
  static async connect(target: Target, options: ClientOptions = {}): Promise<ScriptedClient> {
    const client = await ScriptedClient.#dial(target, options);
    client.#listen(client.#socket);
    return client;
  }

  /** Opens the TCP connection and makes the TLS handshake at once. */
  static async connectImplicit(target: Target, options: ClientOptions = {}): Promise<ScriptedClient> {
    const client = await ScriptedClient.#dial(target, options);
    await client.startTls();
    return client;
  }

  static async #dial(target: Target, options: ClientOptions): Promise<ScriptedClient> {
    const { localAddress } = options;
    const socket = connect({ host: target.address, port: target.port, ...(localAddress && { localAddress }) });
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new ScriptedClient(socket, options);
    socket.on('error', () => client.#tls ?? client.#close('reset'));
    socket.on('close', () => client.#tls ?? client.#close('fin'));
    return client;
  }

  /** Everything that went over the line, for failure messages. */
  get transcript(): string {
    const rest = this.#replies.rest === '' ? '' : `\n(unread) ${JSON.stringify(this.#replies.rest)}`;
    return `${this.#transcript}${rest}${this.#closed === undefined ? '' : `\n(closed: ${this.#closed})`}`;
  }

  /** Bytes that have arrived and were not read as replies (Latin-1). */
  get unread(): string {
    return this.#replies.rest;
  }

  /** The TLS socket of the control connection, if there is one. */
  get tls(): TLSSocket | undefined {
    return this.#tls;
  }

  /** The newest TLS session of the control connection, for resumption on data connections. */
  get session(): Buffer | undefined {
    return this.#session ?? this.#tls?.getSession();
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Sends raw bytes (a string is Latin-1), nothing added. */
  write(bytes: Uint8Array | string): void {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    const shown = buffer.toString('latin1', 0, 200);
    this.#transcript += `\n> ${JSON.stringify(shown)}${buffer.length > 200 ? ` … ${buffer.length} bytes` : ''}`;
    (this.#tls ?? this.#socket).write(buffer);
  }

  /** Sends a line (Latin-1) and CRLF. */
  send(line: string): void {
    this.write(`${line}\r\n`);
  }

  /** The next reply, whatever its code. Rejects when the connection closes or the time runs out. */
  async reply(timeout = 5000): Promise<ClientReply> {
    const reply = await this.#changes.until(
      () => {
        if (this.#fault) throw this.#fault;
        const next = this.#replies.next();
        if (!next && this.#closed) throw new Error(`connection closed instead of a reply${this.transcript}`);
        return next;
      },
      () => `no reply${this.transcript}`,
      timeout,
    );
    this.#transcript += `\n< ${JSON.stringify(reply.raw)}`;
    return reply;
  }

  /** The next reply, which must have one of these codes. */
  async expect(...codes: readonly number[]): Promise<ClientReply> {
    const reply = await this.reply();
    if (!codes.includes(reply.code)) throw new Error(`expected ${codes.join(' or ')}${this.transcript}`);
    return reply;
  }

  /** Sends a line and takes its reply, which must have one of these codes. */
  async command(line: string, ...codes: readonly number[]): Promise<ClientReply> {
    this.send(line);
    return this.expect(...codes);
  }

  /** Resolves when the gateway has closed; rejects when a reply comes first or it stays open. */
  async expectClosed(timeout = 5000): Promise<void> {
    await this.#changes.until(
      () => this.#closed !== undefined,
      () => `still open${this.transcript}`,
      timeout,
    );
    const reply = this.#replies.next();
    if (reply) throw new Error(`a reply instead of silence: ${JSON.stringify(reply.raw)}${this.transcript}`);
  }

  /** Proves that the gateway said nothing more and still answers: sends NOOP, whose 200 must be the next reply. */
  async expectNothingMore(): Promise<void> {
    await this.command('NOOP', 200);
  }

  /** Makes the TLS handshake on the control connection. Rejects when it fails. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.#socket.removeAllListeners('data');
    const tls = connectTls({ socket: this.#socket, rejectUnauthorized: false, ...this.options.tls, ...options });
    this.#tls = tls;
    tls.on('session', (session) => {
      this.#session = session;
    });
    tls.on('error', () => this.#close('reset'));
    tls.on('close', () => this.#close('fin'));
    await new Promise<void>((resolve, reject) => {
      tls.once('secureConnect', resolve);
      tls.once('error', reject);
      tls.once('close', () => reject(new Error(`closed during the TLS handshake${this.transcript}`)));
    });
    this.#transcript += `\n(TLS: ${tls.getProtocol()})`;
    this.#listen(tls);
    return tls;
  }

  /** `AUTH` and the handshake. */
  async auth(mechanism = 'TLS', options: ConnectionOptions = {}): Promise<void> {
    await this.command(`AUTH ${mechanism}`, 234);
    if (this.unread !== '') throw new Error(`clear text behind 234${this.transcript}`);
    await this.startTls(options);
  }

  /** USER and PASS, which must be accepted. */
  async login(user = USER, password = PASSWORD): Promise<void> {
    await this.command(`USER ${user}`, 331);
    await this.command(`PASS ${password}`, 230);
  }

  /** `PBSZ 0` and `PROT P`. */
  async protect(): Promise<void> {
    await this.command('PBSZ 0', 200);
    await this.command('PROT P', 200);
  }

  /** EPSV: the port. */
  async epsv(argument?: string): Promise<number> {
    const reply = await this.command(argument === undefined ? 'EPSV' : `EPSV ${argument}`, 229);
    const port = /\(\|\|\|(\d{1,5})\|\)$/.exec(reply.text)?.[1];
    if (port === undefined) throw new Error(`not the form of RFC 2428 §3: ${reply.text}`);
    return Number(port);
  }

  /** PASV: address and port. */
  async pasv(): Promise<Target> {
    const reply = await this.command('PASV', 227);
    const match = /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/.exec(reply.text);
    if (!match) throw new Error(`not the form of RFC 959: ${reply.text}`);
    const [a, b, c, d, high, low] = match.slice(1).map(Number);
    return { address: `${a}.${b}.${c}.${d}`, port: (high ?? 0) * 256 + (low ?? 0) };
  }

  /** Opens the TCP connection of a data connection, by default to the control peer's address and a fresh EPSV. */
  async openData(options: { port?: number; host?: string; localAddress?: string } = {}): Promise<ClientData> {
    const port = options.port ?? (await this.epsv());
    const data = await ClientData.connect({
      host: options.host ?? this.#socket.remoteAddress ?? '127.0.0.1',
      port,
      localAddress: options.localAddress ?? this.options.localAddress,
    });
    this.#data.push(data);
    return data;
  }

  /** Listens on the address of the control connection for a data connection, and announces that. */
  async active(verb: 'PORT' | 'EPRT'): Promise<ActivePort> {
    const port = await ActivePort.listen(this.#socket.localAddress ?? '127.0.0.1', (data) => this.#data.push(data));
    this.#ports.push(port);
    await this.command(`${verb} ${verb === 'PORT' ? port.sixNumbers : port.extended}`, 200);
    return port;
  }

  /** A whole download or listing: 150, data, 226. `clear` for sessions without PROT P. */
  async download(command: string, options: DataTlsOptions & { clear?: boolean } = {}): Promise<Buffer> {
    const data = await this.openData();
    await this.command(command, 125, 150);
    await this.#protectData(data, options);
    const { bytes, ending } = await data.readToEnd();
    if (ending !== (options.clear ? 'fin' : 'close_notify')) throw new Error(`ended by ${ending}${this.transcript}`);
    await this.expect(226, 250);
    return bytes;
  }

  /** Downloads twice, resuming: only a client that has done so before may share a data port. */
  async earnSharing(command: string, options: DataTlsOptions = {}): Promise<void> {
    for (let time = 0; time < 2; time += 1) await this.download(command, options);
  }

  /** A whole upload: 150, data, 226. */
  async upload(
    command: string,
    bytes: Uint8Array | string,
    options: DataTlsOptions & { clear?: boolean } = {},
  ): Promise<ClientReply> {
    const data = await this.openData();
    await this.command(command, 125, 150);
    await this.#protectData(data, options);
    if (bytes.length > 0) await data.write(bytes);
    data.end();
    return this.expect(226, 250);
  }

  /** Ends the connection by FIN. */
  end(): void {
    (this.#tls ?? this.#socket).end();
  }

  /** Ends the connection by RST, as a crash of the client's machine would look at the next packet. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Destroys this connection and all its data connections. */
  destroy(): void {
    for (const port of this.#ports) port.close();
    for (const data of this.#data) data.raw.destroy();
    this.#tls?.destroy();
    this.#socket.destroy();
  }

  async #protectData(data: ClientData, options: DataTlsOptions & { clear?: boolean }): Promise<void> {
    const { clear, ...tls } = options;
    if (clear) data.startClear();
    else await data.startTls({ session: this.session, ...tls });
  }

  #listen(stream: Socket): void {
    stream.on('data', (chunk: Buffer) => {
      this.#replies.push(chunk);
      this.#changes.notify();
    });
  }

  #close(how: 'fin' | 'reset'): void {
    this.#closed ??= how;
    this.#changes.notify();
  }
}
