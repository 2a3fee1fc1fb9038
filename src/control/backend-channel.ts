/**
 * The control connection to a backend: commands out, replies in. Matches nothing: see exchange.ts.
 */
import type { Socket } from 'node:net';
import type { Endpoint } from '../net/address.ts';
import { type Command, serializeCommand } from '../wire/command.ts';
import { type Reply, ReplyParser } from '../wire/reply.ts';
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
  readonly #parser: ReplyParser;
  readonly #options: BackendChannelOptions;
  #malformed = false;

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

  /** Ends the connection after what was sent. */
  end(linger: number): void {
    this.#channel.end(linger);
  }

  destroy(): void {
    this.#channel.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#malformed) return;
    this.#parser.push(chunk);
    for (let parsed = this.#parser.next(); parsed !== undefined; parsed = this.#parser.next()) {
      if (parsed.kind === 'reply') this.#options.onReply(parsed.reply);
      else {
        this.#malformed = true;
        this.#options.onMalformed(parsed.problem, parsed.excerpt);
        return;
      }
    }
  }
}
