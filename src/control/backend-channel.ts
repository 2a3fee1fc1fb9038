/**
 * The control connection to a backend: commands out, replies in. Matches nothing: see exchange.ts.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors/errors.ts';
import type { Endpoint } from '../net/address.ts';
import { type Command, serializeCommand } from '../wire/command.ts';
import { isFinal, type Reply, ReplyParser } from '../wire/reply.ts';
import { ControlChannel } from './control-channel.ts';

export interface BackendChannelOptions {
  readonly maxLineBytes: number;
  readonly maxReplyBytes: number;
  readonly onReply: (reply: Reply) => void;
  /** Once, when what arrived is no reply; nothing is read after it. */
  readonly onMalformed: (problem: string, excerpt: string) => void;
  /** Once, when the backend is gone. */
  readonly onLost: (error: Error | undefined) => void;
}

export class BackendChannel {
  readonly #channel: ControlChannel;
  #parser: ReplyParser;
  readonly #options: BackendChannelOptions;
  #state: 'reading' | 'holding' | 'held' | 'malformed' = 'reading';

  /** Takes over a connected socket and begins to read. */
  constructor(socket: Socket, options: BackendChannelOptions) {
    this.#options = options;
    this.#parser = new ReplyParser(options);
    this.#channel = new ControlChannel(socket, {
      onBytes: (chunk) => this.#receive(chunk),
      onLost: options.onLost,
    });
    this.#channel.resume();
  }

  get peer(): Endpoint {
    return this.#channel.peer;
  }

  get local(): Endpoint {
    return this.#channel.local;
  }

  send(command: Command): void {
    void this.#channel.write(serializeCommand(command));
  }

  /** Reads one more final reply and nothing behind it: what follows the reply to AUTH must not be taken for a reply. */
  holdAfterReply(): void {
    this.#state = 'holding';
  }

  /**
   * Puts TLS on the connection, after {@link holdAfterReply}. Raises `backend-bytes-behind-auth`, and what `upgrade` raises. Nothing
   * that was said in clear counts any more.
   */
  async secure(upgrade: (raw: Socket) => Promise<TLSSocket>): Promise<void> {
    // What came in the same packet, or right behind it, is here after a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#parser.buffered + this.#channel.unreadBytes > 0) throw new GatewayError('backend-bytes-behind-auth');
    await this.#channel.secure(upgrade);
    this.#parser = new ReplyParser(this.#options);
    this.#state = 'reading';
    this.#channel.resume();
  }

  /** Ends the connection after what was sent. */
  end(linger: number): void {
    this.#channel.end(linger);
  }

  destroy(): void {
    this.#channel.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'malformed') return;
    this.#parser.push(chunk);
    while (this.#state === 'reading' || this.#state === 'holding') {
      const parsed = this.#parser.next();
      if (parsed === undefined) return;
      if (parsed.kind === 'reply') {
        if (this.#state === 'holding' && isFinal(parsed.reply)) this.#hold();
        this.#options.onReply(parsed.reply);
      } else {
        this.#state = 'malformed';
        this.#options.onMalformed(parsed.problem, parsed.excerpt);
        return;
      }
    }
  }

  #hold(): void {
    this.#state = 'held';
    this.#channel.pause();
  }
}
