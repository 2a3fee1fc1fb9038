/**
 * One control connection of a scripted backend: cuts lines, runs the handlers one after the other (ABOR also during a
 * transfer), owns the passive listener. Speaks no FTP by itself: see `legacy-server.ts` for the default behaviour.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BackendData } from './backend-data.ts';
import type { BackendTls } from './backend-tls.ts';
import type { Changes } from './changes.ts';

/** A received command line. Everything is Latin-1; `raw` is the line with its line end. */
export interface ReceivedCommand {
  readonly verb: string;
  readonly argument: string;
  readonly line: string;
  readonly raw: Buffer;
}

/** What a backend does for one verb. */
export type CommandHandler = (session: BackendSession, command: ReceivedCommand) => void | Promise<void>;

/** What a session needs from its backend. */
export interface SessionHost {
  readonly address: string;
  readonly changes: Changes;
  /** TLS, where it has any. */
  readonly tls: BackendTls | undefined;
  handlerOf(verb: string): CommandHandler;
  /** The well-behaved default, for handlers that change only a detail. */
  defaultOf(verb: string): CommandHandler;
  failed(error: unknown): void;
}

/** A control connection of a backend. */
export class BackendSession {
  socket: Socket;
  readonly address: string;
  /** Every line received, with its line end. */
  readonly rawLines: Buffer[] = [];
  /** Every line received, Latin-1, without its line end. */
  readonly commands: string[] = [];
  readonly data: BackendData[] = [];
  /** Facts that handlers keep: user, working directory, restart offset… */
  readonly facts = new Map<string, string>();
  /** Runs while a transfer is under way; commands other than ABOR wait for it. */
  transfer: Promise<void> | undefined;
  readonly #host: SessionHost;
  readonly #queue: ReceivedCommand[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #passive: Server | undefined;
  #active: { readonly host: string; readonly port: number } | undefined;
  #taken = 0;
  #busy = false;
  #closed: 'fin' | 'reset' | undefined;

  constructor(socket: Socket, host: SessionHost) {
    this.socket = socket;
    this.#host = host;
    this.address = host.address;
    socket.setNoDelay(true);
    this.#attach();
  }

  /** Goes on over TLS, as the TLS server; what is said before the handshake waits for it. */
  secure(): void {
    if (this.#host.tls === undefined) throw new Error('this backend has no TLS');
    for (const event of ['data', 'error', 'end', 'close']) this.socket.removeAllListeners(event);
    this.socket = this.#host.tls.control(this.socket);
    this.#attach();
  }

  #attach(): void {
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => this.#close('reset'));
    socket.on('end', () => this.#close('fin'));
    socket.on('close', () => this.#close('reset'));
  }

  /** A data connection, with TLS where this session has said PROT P. */
  #dataOver(socket: Socket): BackendData {
    const { tls, changes } = this.#host;
    const secured = tls !== undefined && this.facts.get('protection') === 'P' ? tls.data(socket) : socket;
    return new BackendData(secured, () => changes.notify(), socket);
  }

  /** How the gateway ended the control connection, undefined while it is open. */
  get closed(): 'fin' | 'reset' | undefined {
    return this.#closed;
  }

  get hasTls(): boolean {
    return this.#host.tls !== undefined;
  }

  /** The newest data connection. Throws when there was none. */
  get lastData(): BackendData {
    const data = this.data.at(-1);
    if (!data) throw new Error('the backend saw no data connection');
    return data;
  }

  /** Says one line: code, text (Latin-1) and CRLF. */
  reply(code: number, text: string): void {
    this.raw(`${code} ${text}\r\n`);
  }

  /** Says exactly these bytes (a string is Latin-1). */
  raw(bytes: string | Uint8Array): void {
    if (!this.socket.writable) return;
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Does for this command what a well-behaved server does. */
  async byDefault(command: ReceivedCommand): Promise<void> {
    await this.#host.defaultOf(command.verb)(this, command);
  }

  /** Opens a passive listener in place of the one before; the port. */
  async listen(): Promise<number> {
    this.unlisten();
    this.#active = undefined;
    this.#taken = this.data.length;
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close();
      this.data.push(this.#dataOver(socket));
      this.#host.changes.notify();
    });
    this.#passive = server;
    await new Promise<void>((resolve) => server.listen(0, this.address, resolve));
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Closes the passive listener. */
  unlisten(): void {
    this.#passive?.close();
    this.#passive = undefined;
  }

  /** Active mode: where the next data connection goes, in place of a passive listener. Connects to nobody yet. */
  aim(host: string, port: number): void {
    this.unlisten();
    this.#taken = this.data.length;
    this.#active = { host, port };
  }

  /** Active mode: connects to where {@link aim} said. Rejects when it is refused. */
  async connectData(): Promise<BackendData> {
    if (this.#active === undefined) throw new Error('the gateway has sent neither PORT nor EPRT');
    const socket = connect({ ...this.#active, localAddress: this.address, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const data = this.#dataOver(socket);
    this.data.push(data);
    return data;
  }

  /** The data connection of the newest passive listener, as soon as the gateway has made it; in active mode it is made now. */
  async accept(): Promise<BackendData> {
    if (this.#active !== undefined && this.data[this.#taken] === undefined) await this.connectData();
    const data = await this.#host.changes.until(
      () => {
        if (this.#closed) throw new Error('control connection closed while waiting for the data connection');
        return this.data[this.#taken];
      },
      () => `no data connection at the backend after ${JSON.stringify(this.commands)}`,
    );
    this.#taken += 1;
    return data;
  }

  /** Closes the control connection by FIN. */
  end(): void {
    this.socket.end();
  }

  /** Destroys the control connection, the listener and all data connections. */
  destroy(): void {
    this.unlisten();
    for (const data of this.data) data.socket.destroy();
    this.socket.destroy();
  }

  #received(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(10); end >= 0; end = this.#rest.indexOf(10)) {
      const raw = this.#rest.subarray(0, end + 1);
      this.#rest = this.#rest.subarray(end + 1);
      const line = raw.toString('latin1').replace(/\r?\n$/, '');
      const space = line.indexOf(' ');
      const verb = (space < 0 ? line : line.slice(0, space)).toUpperCase();
      this.rawLines.push(raw);
      this.commands.push(line);
      this.#queue.push({ verb, argument: space < 0 ? '' : line.slice(space + 1), line, raw });
    }
    this.#host.changes.notify();
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      const next = this.#queue[0];
      if (!next || (this.transfer && next.verb !== 'ABOR')) break;
      this.#queue.shift();
      try {
        await this.#host.handlerOf(next.verb)(this, next);
      } catch (error) {
        if (!this.#closed) this.#host.failed(error);
      }
    }
    this.#busy = false;
  }

  /** Starts a transfer that goes on while commands are read; the next command is looked at when it ends. */
  run(transfer: () => Promise<void>): void {
    const running = transfer()
      .catch((error) => {
        if (!this.#closed) this.#host.failed(error);
      })
      .finally(() => {
        if (this.transfer === running) this.transfer = undefined;
        void this.#work();
      });
    this.transfer = running;
  }

  #close(how: 'fin' | 'reset'): void {
    this.#closed ??= how;
    this.unlisten();
    this.#host.changes.notify();
    if (how === 'fin') this.socket.end();
  }
}
