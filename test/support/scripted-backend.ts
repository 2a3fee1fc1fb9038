/**
 * An FTP or FTPS backend over real sockets whose every answer can be replaced by a test: `backend.on('EPSV', …)`. Records
 * what it was told as raw bytes. By default it behaves like a good legacy server (`legacy-server.ts`).
 */
import { createServer, type Server } from 'node:net';
import { BackendSession, type CommandHandler, type ReceivedCommand, type SessionHost } from './backend-session.ts';
import { BackendTls, type BackendTlsOptions } from './backend-tls.ts';
import { Changes } from './changes.ts';
import { type LegacyState, legacyHandlers, type Upload } from './legacy-server.ts';

/** Choices of a scripted backend. */
export interface BackendOptions {
  /** Loopback address of either family. */
  readonly address?: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly features?: readonly string[];
  /** FTPS; the default is plain FTP. */
  readonly tls?: BackendTlsOptions;
}

/** A backend that does what a test says. */
export class ScriptedBackend implements SessionHost {
  readonly address: string;
  readonly changes = new Changes();
  readonly tls: BackendTls | undefined;
  readonly sessions: BackendSession[] = [];
  /** Faults inside handlers: a test that leaves any has failed. */
  readonly faults: unknown[] = [];
  readonly #state: LegacyState;
  readonly #defaults: ReadonlyMap<string, CommandHandler>;
  readonly #overrides = new Map<string, CommandHandler>();
  readonly #server: Server;
  #greet: (session: BackendSession) => void | Promise<void> = (session) => session.reply(220, 'Legacy FTP ready.');
  #port = 0;

  private constructor(options: BackendOptions, tls: BackendTls | undefined) {
    this.tls = tls;
    this.address = options.address ?? '127.0.0.1';
    const files = Object.entries(options.files ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes)] as const);
    const features = options.features ?? ['EPSV', 'SIZE', 'MDTM', 'REST STREAM', 'UTF8'];
    this.#state = { files: new Map(files), uploads: [], features };
    this.#defaults = legacyHandlers(this.#state);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const session = new BackendSession(tls?.security === 'implicit' ? tls.control(socket) : socket, this);
      this.sessions.push(session);
      this.changes.notify();
      void this.#greet(session);
    });
  }

  /** Starts listening on a free port. */
  static async start(options: BackendOptions = {}): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend(options, options.tls && (await BackendTls.make(options.tls)));
    await new Promise<void>((resolve) => backend.#server.listen(0, backend.address, resolve));
    const address = backend.#server.address();
    backend.#port = typeof address === 'object' && address ? address.port : 0;
    return backend;
  }

  get port(): number {
    return this.#port;
  }

  /** Files by absolute path. */
  get files(): Map<string, Buffer> {
    return this.#state.files;
  }

  /** Uploads in the order in which they ended. */
  get uploads(): readonly Upload[] {
    return this.#state.uploads;
  }

  /** Lines of all sessions, Latin-1, without line ends. */
  get commands(): readonly string[] {
    return this.sessions.flatMap((session) => session.commands);
  }

  /** Verbs of all sessions. */
  get verbs(): readonly string[] {
    return this.commands.map((line) => line.split(' ')[0] ?? '');
  }

  /** The newest session. Throws when there was none. */
  get lastSession(): BackendSession {
    const session = this.sessions.at(-1);
    if (!session) throw new Error('the backend saw no connection');
    return session;
  }

  /** Replaces the behaviour of a verb, for good. */
  on(verb: string, handler: CommandHandler): this {
    this.#overrides.set(verb, handler);
    return this;
  }

  /** Answers a verb always with these raw bytes. */
  answer(verb: string, raw: string): this {
    return this.on(verb, (session) => session.raw(raw));
  }

  /** Replaces the greeting. */
  onConnect(greet: (session: BackendSession) => void | Promise<void>): this {
    this.#greet = greet;
    return this;
  }

  /** Waits until `probe` holds. */
  until<T>(probe: () => T | undefined | false, what: string, timeout?: number): Promise<T> {
    return this.changes.until(probe, () => `${what}; the backend heard ${JSON.stringify(this.commands)}`, timeout);
  }

  /** Waits until a line beginning with `start` was received `count` times. */
  async received(start: string, count = 1): Promise<void> {
    const heard = (): number => this.commands.filter((line) => line.startsWith(start)).length;
    await this.until(() => heard() >= count, `${start} at the backend`);
  }

  /** Waits until the control connection (by default the newest) was closed by the gateway. */
  async disconnected(session?: BackendSession): Promise<'fin' | 'reset'> {
    return this.until(() => (session ?? this.lastSession).closed, 'the gateway closes its connection to the backend');
  }

  /** Stops listening: new connections are refused. Sessions go on. */
  async refuse(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      if (this.sessions.every((session) => session.socket.destroyed)) return;
      resolve();
    });
  }

  /** Closes the connections so far and forgets what was said on them. */
  forgetSessions(): void {
    for (const session of this.sessions.splice(0)) session.destroy();
  }

  /** Destroys everything. */
  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  handlerOf(verb: string): CommandHandler {
    return this.#overrides.get(verb) ?? this.defaultOf(verb);
  }

  defaultOf(verb: string): CommandHandler {
    return (
      this.#defaults.get(verb) ??
      ((session: BackendSession, _command: ReceivedCommand) => session.reply(500, 'Unknown.'))
    );
  }

  failed(error: unknown): void {
    this.faults.push(error);
  }
}
