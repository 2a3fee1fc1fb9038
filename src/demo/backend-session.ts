/**
 * One control connection of the demo backend: reads commands, runs them one after the other, writes replies.
 * Only this file writes to the control connection and knows the data connection. What commands mean is in the two tables.
 */
import type { Socket } from 'node:net';
import { type Endpoint, endpoint, familyOf } from '../net/address.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { type Command, parseCommand } from '../wire/command.ts';
import { formatExtendedPassive, formatPassive } from '../wire/host-port.ts';
import { type FramedLine, LineFramer } from '../wire/line-framer.ts';
import { type Reply, reply, serializeReply } from '../wire/reply.ts';
import { type BackendState, failureReply, initialState } from './backend-state.ts';
import { FILE_COMMANDS } from './file-commands.ts';
import { PassiveListener } from './passive-listener.ts';
import { type PreparedTransfer, TRANSFER_COMMANDS, type TransferCommand } from './transfer-commands.ts';
import type { VirtualRoot } from './virtual-root.ts';

const MAX_LINE_BYTES = 8192;
/** Commands a client may send ahead of their replies. */
const MAX_PENDING = 1000;
const DATA_ARRIVAL = 30_000;
/** How long a client may keep a data connection open behind its end. */
const LINGER = 5_000;

/** Serves one accepted socket until it is closed; never rejects. */
export async function serveSession(socket: Socket, root: VirtualRoot, sockets: OpenSockets): Promise<void> {
  const session = new BackendSession(socket, root, sockets);
  await session.run();
}

class BackendSession {
  readonly #socket: Socket;
  readonly #sockets: OpenSockets;
  readonly #local: Endpoint;
  readonly #peer: Endpoint;
  readonly #state: BackendState;
  readonly #framer = new LineFramer(MAX_LINE_BYTES);
  readonly #pending: FramedLine[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #data: PassiveListener | undefined;
  /** Of the transfer that runs now. */
  #running: AbortController | undefined;

  constructor(socket: Socket, root: VirtualRoot, sockets: OpenSockets) {
    this.#socket = socket;
    this.#sockets = sockets;
    this.#local = endpoint(socket.localAddress, socket.localPort);
    this.#peer = endpoint(socket.remoteAddress, socket.remotePort);
    this.#state = initialState(root);
  }

  async run(): Promise<void> {
    const socket = this.#socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    socket.resume();
    this.#send(reply(220, 'Sallyport demo backend.'));
    for (;;) {
      const line = await this.#nextLine();
      if (line === undefined) break;
      await this.#answer(line);
    }
    this.#data?.close();
    socket.end();
  }

  #onData(chunk: Buffer): void {
    this.#framer.push(chunk);
    for (let line = this.#framer.next(); line !== undefined; line = this.#framer.next()) this.#onLine(line);
    this.#wake?.();
  }

  /** Lines wait for their turn, but what concerns the transfer that runs is looked at as it comes. */
  #onLine(line: FramedLine): void {
    const command = this.#running === undefined ? undefined : commandOf(line);
    if (command?.verb === 'STAT' && command.argument === undefined) {
      this.#send(reply(211, 'A transfer is running.'));
      return;
    }
    if (command?.verb === 'ABOR') this.#running?.abort();
    this.#pending.push(line);
    if (this.#pending.length > MAX_PENDING) {
      this.#send(reply(421, 'Too many commands at once.'));
      this.#socket.destroySoon();
      this.#end();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#running?.abort();
    this.#wake?.();
  }

  async #nextLine(): Promise<FramedLine | undefined> {
    while (this.#pending.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#socket.destroyed ? undefined : this.#pending.shift();
  }

  async #answer(line: FramedLine): Promise<void> {
    const command = commandOf(line);
    if (command === undefined) return this.#send(reply(500, 'Not a command.'));
    try {
      const answer = await this.#run(command);
      if (answer !== undefined) this.#send(answer);
    } catch (error) {
      this.#send(failureReply(error));
    }
  }

  async #run({ verb, argument = '' }: Command): Promise<Reply | undefined> {
    if (verb !== 'RNTO' && verb !== 'RNFR') this.#state.renameFrom = undefined;
    if (verb === 'QUIT') return this.#quit();
    const command = FILE_COMMANDS[verb];
    if (!this.#state.loggedIn && command?.anytime !== true) return reply(530, 'Log in first.');
    if (command !== undefined) {
      if (command.argument === 'required' && argument === '') return reply(501, `${verb} needs an argument.`);
      return command.run(this.#state, argument);
    }
    const transfer = TRANSFER_COMMANDS[verb];
    if (transfer !== undefined) return this.#transfer(transfer, argument);
    if (verb === 'PASV') return this.#listen('passive');
    if (verb === 'EPSV') return this.#extendedPassive(argument);
    if (verb === 'ABOR') return reply(226, 'No transfer is running any more.');
    return reply(502, 'Not implemented.');
  }

  #quit(): undefined {
    this.#send(reply(221, 'Goodbye.'));
    this.#pending.length = 0;
    this.#end();
  }

  async #extendedPassive(argument: string): Promise<Reply> {
    const family = familyOf(this.#local.address);
    if (/^ALL$/i.test(argument)) return reply(200, 'OK.');
    if (argument !== '' && argument !== String(family)) return reply(522, `Use protocol (${family})`);
    return this.#listen('extended');
  }

  async #listen(form: 'passive' | 'extended'): Promise<Reply> {
    this.#data?.close();
    this.#data = undefined;
    const { address } = this.#local;
    if (form === 'passive' && familyOf(address) === 2) return reply(425, 'PASV is for IPv4: use EPSV.');
    this.#data = await PassiveListener.open({ address, peer: this.#peer.address, sockets: this.#sockets });
    const { port } = this.#data.local;
    return form === 'passive'
      ? reply(227, `Entering Passive Mode (${formatPassive(address, port)}).`)
      : reply(229, `Entering Extended Passive Mode ${formatExtendedPassive(port)}`);
  }

  async #transfer(command: TransferCommand, argument: string): Promise<Reply> {
    const data = this.#data;
    this.#data = undefined;
    const running = new AbortController();
    if (this.#ended) running.abort();
    this.#running = running;
    let prepared: PreparedTransfer | undefined;
    try {
      if (data === undefined) return reply(425, 'Use PASV or EPSV first.');
      prepared = await command(this.#state, argument);
      return await this.#move(prepared, data, running.signal);
    } finally {
      this.#running = undefined;
      this.#state.restart = 0;
      data?.close();
      await prepared?.close();
    }
  }

  async #move(prepared: PreparedTransfer, data: PassiveListener, signal: AbortSignal): Promise<Reply> {
    const socket = await data.accept(DATA_ARRIVAL, signal);
    if (socket === undefined) {
      return signal.aborted ? reply(426, 'Aborted.') : reply(425, 'No data connection arrived.');
    }
    this.#send(reply(150, prepared.announcement));
    try {
      await prepared.run(socket, signal);
      socket.setTimeout(LINGER, () => socket.destroy());
      return reply(226, 'Transfer complete.');
    } catch (error) {
      socket.destroy();
      if (signal.aborted) return reply(426, 'Transfer aborted.');
      return isSocketFailure(error) ? reply(426, 'The data connection broke.') : failureReply(error);
    }
  }

  #send(answer: Reply): void {
    if (this.#socket.writable) this.#socket.write(serializeReply(answer), 'latin1');
  }
}

function commandOf(line: FramedLine): Command | undefined {
  const parsed = line.kind === 'line' ? parseCommand(line.text) : undefined;
  return parsed?.kind === 'command' ? parsed.command : undefined;
}

const SOCKET_FAILURES: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'];

function isSocketFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && SOCKET_FAILURES.includes(error.code);
}
