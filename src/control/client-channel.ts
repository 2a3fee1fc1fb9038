/**
 * The control connection of the client: a bounded queue of its commands in order, and replies to it. Stops reading
 * behind AUTH and behind CCC, so that no byte can slip over the TLS boundary. Decides nothing about commands.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import type { RemovableTls } from '../tls/removable-tls.ts';
import { type Command, parseCommand } from '../wire/command.ts';
import { LineFramer } from '../wire/line-framer.ts';
import { type Reply, serializeReply } from '../wire/reply.ts';
import { ControlChannel } from './control-channel.ts';

/** What comes from a client, in order. `closed` is the last. */
export type ClientInput =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'invalid'; readonly problem: string; readonly line: string }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'tls-hello' }
  | { readonly kind: 'closed'; readonly error: Error | undefined };

/** Commands that wait in the queue before the client is held back by TCP. */
const QUEUE_LENGTH = 100;
/** Empty lines in a row that are ignored; NAT devices send some, floods send more. */
const MAX_EMPTY_LINES = 1000;
/** Content type of a TLS handshake record (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 0x16;

/** A control connection, with its ends as the client sees them: a balancer may stand between. */
export interface ClientConnection {
  readonly socket: Socket | TLSSocket;
  /** What is below the TLSSocket, where TLS can be taken off again. */
  readonly removable?: RemovableTls | undefined;
  readonly peer: Endpoint;
  /** Where the client connected to. */
  readonly local: Endpoint;
}

export interface ClientChannelOptions {
  readonly maxLineBytes: number;
  /** Called for each command as it arrives, before its turn in the queue: ABOR must be seen during a transfer. */
  readonly onArrival: (command: Command) => unknown;
  /** Called once when the client is gone, also while commands of it still wait; with `client-closed`, or what it did wrong. */
  readonly onLost: (reason: GatewayError) => void;
}

export class ClientChannel {
  readonly peer: Endpoint;
  readonly local: Endpoint;
  readonly #channel: ControlChannel;
  readonly #options: ClientChannelOptions;
  readonly #queue: ClientInput[] = [];
  #framer: LineFramer;
  #waiting: ((input: ClientInput) => void) | undefined;
  #state: 'clear' | 'held-at-auth' | 'secure' | 'held-at-ccc' | 'finished' = 'clear';
  #removable: RemovableTls | undefined;
  #emptyLines = 0;

  /** Takes over the socket. */
  constructor(
    { socket, removable, peer, local }: ClientConnection,
    security: 'clear' | 'secure',
    options: ClientChannelOptions,
  ) {
    this.peer = peer;
    this.local = local;
    this.#options = options;
    this.#state = security;
    this.#removable = removable;
    this.#framer = new LineFramer(options.maxLineBytes);
    this.#channel = new ControlChannel(socket, {
      onBytes: (chunk) => this.#receive(chunk),
      onLost: (error) => {
        this.#put({ kind: 'closed', error });
        options.onLost(error instanceof GatewayError ? error : new GatewayError('client-closed'));
      },
    });
  }

  /** The next input. One caller at a time; asking for the next says that the last one was dealt with. */
  next(): Promise<ClientInput> {
    // AUTH or CCC is the last in the queue while it holds the rest back: an empty queue says that it was dealt with.
    if (this.#queue.length === 0) this.#release();
    this.#parse();
    const input = this.#queue.shift();
    // Behind AUTH nothing is read, however long the commands before it take.
    if (this.#state !== 'held-at-auth' && this.#queue.length < QUEUE_LENGTH) this.#channel.resume();
    if (input !== undefined) return Promise.resolve(input);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Whether bytes were received behind the command in hand. */
  get hasUnreadInput(): boolean {
    return this.#queue.length > 0 || this.#framer.buffered > 0 || this.#channel.unreadBytes > 0;
  }

  /** Whether ABOR waits in the queue. */
  get abortWaits(): boolean {
    return this.#queue.some((input) => input.kind === 'command' && input.command.verb === 'ABOR');
  }

  /** Whether the client is gone, and whether it left commands. */
  get departure(): 'none' | 'with-commands' | 'without-commands' {
    if (!this.#channel.lost) return 'none';
    return this.#queue.some(({ kind }) => kind === 'command') ? 'with-commands' : 'without-commands';
  }

  /** Sends a reply; resolves when the client has room for more. */
  reply(reply: Reply): Promise<void> {
    return this.#channel.write(serializeReply(reply));
  }

  /** Puts TLS on the connection. Raises `bytes-behind-auth`, and what `upgrade` raises. */
  async secure(
    upgrade: (raw: Socket) => Promise<Pick<ClientConnection, 'removable'> & { readonly socket: TLSSocket }>,
  ): Promise<void> {
    if (this.hasUnreadInput) throw new GatewayError('bytes-behind-auth');
    await this.#channel.secure(async (raw) => {
      const { socket, removable } = await upgrade(raw);
      this.#removable = removable;
      return socket;
    });
    this.#framer = new LineFramer(this.#options.maxLineBytes);
    this.#state = 'secure';
  }

  /**
   * Sends the reply to CCC, and takes TLS off the connection. Resolves when replies go out in clear; a client that ends TLS wrongly
   * is lost. `timeout`: see {@link RemovableTls.remove}. Raises what that raises.
   */
  async clear(accepted: Reply, timeout: number): Promise<void> {
    const removable = this.#removable;
    if (removable === undefined) throw new Error('TLS cannot be taken off this connection');
    if (this.hasUnreadInput) throw new GatewayError('bytes-behind-ccc', { detail: 'inside TLS' });
    if (removable.textWaits) throw new GatewayError('bytes-behind-ccc', { detail: 'in clear' });
    await this.reply(accepted);
    await this.#channel.clear((secure) => removable.remove(secure as TLSSocket, timeout));
    this.#removable = undefined;
    if (this.#state === 'held-at-ccc') this.#state = 'clear';
  }

  /** Ends the connection after what was sent; whatever the client still says is ignored. */
  end(linger: number): void {
    this.#state = 'finished';
    this.#channel.end(linger);
    this.#waiting?.({ kind: 'closed', error: undefined });
    this.#waiting = undefined;
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#state = 'finished';
    this.#channel.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'finished') return;
    if (this.#state === 'clear' && this.#framer.buffered === 0 && chunk[0] === TLS_HANDSHAKE) {
      return this.#finish({ kind: 'tls-hello' });
    }
    this.#framer.push(chunk);
    this.#parse();
  }

  #release(): void {
    if (this.#state === 'held-at-auth') this.#state = 'clear';
    if (this.#state !== 'held-at-ccc') return;
    this.#state = 'secure';
    this.#removable?.release();
  }

  /** Lines → queue, until the queue is full, or AUTH in clear or CCC inside TLS holds everything behind it. */
  #parse(): void {
    while (this.#state === 'clear' || this.#state === 'secure') {
      if (this.#queue.length >= QUEUE_LENGTH) return this.#channel.pause();
      const line = this.#framer.next();
      if (line === undefined) return;
      if (line.kind === 'too-long') return this.#finish({ kind: 'too-long' });
      this.#parseLine(line.text);
    }
  }

  #parseLine(line: string): void {
    const parsed = parseCommand(line);
    if (parsed.kind === 'empty') {
      if (++this.#emptyLines > MAX_EMPTY_LINES) this.#finish({ kind: 'too-long' });
      return;
    }
    this.#emptyLines = 0;
    if (parsed.kind === 'invalid') return this.#put({ kind: 'invalid', problem: parsed.problem, line });
    const { command } = parsed;
    if (command.verb === 'AUTH' && this.#state === 'clear') {
      this.#state = 'held-at-auth';
      this.#channel.pause();
    }
    if (command.verb === 'CCC' && this.#state === 'secure' && this.#removable !== undefined) {
      this.#state = 'held-at-ccc';
      this.#removable.hold();
    }
    this.#options.onArrival(command);
    this.#put({ kind: 'command', command });
  }

  #finish(input: ClientInput): void {
    this.#state = 'finished';
    this.#channel.pause();
    this.#put(input);
  }

  #put(input: ClientInput): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#queue.push(input);
    else waiting(input);
  }
}
