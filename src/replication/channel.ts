/**
 * One connection between two replicas, either end: lines in both directions, with limits on their length, on silence and on what the peer
 * does not read. Does not know what the messages mean.
 */
import type { TLSSocket } from 'node:tls';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { describeSocketError } from '../net/socket-errors.ts';
import { LineFramer } from '../wire/line-framer.ts';
import { type Answer, LONGEST_LINE, MalformedMessage, type Question, writeMessage } from './messages.ts';

/** A peer says something every second; without a word for so long it is gone (milliseconds). */
export const SILENCE = 4000;
/** Bytes that may wait to be read by the peer. */
const MOST_UNREAD = 1024 ** 2;

export interface ChannelOptions<In> {
  readonly socket: TLSSocket;
  /** Throws {@link MalformedMessage}. */
  readonly read: (line: string) => In;
}

export class Channel<In, Out extends Question | Answer> {
  readonly #socket: TLSSocket;
  readonly #framer = new LineFramer(LONGEST_LINE);
  readonly #read: (line: string) => In;
  readonly #ended = Promise.withResolvers<GatewayError>();
  #onMessage: ((message: In) => void) | undefined;
  #silence: NodeJS.Timeout;
  #heardAt = performance.now();
  #over = false;

  constructor({ socket, read }: ChannelOptions<In>) {
    this.#socket = socket;
    this.#read = read;
    this.#silence = setTimeout(() => this.#checkSilence(), SILENCE);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.close(new GatewayError('replication-closed')));
    socket.on('error', (error) => this.close(closed(describeSocketError(error))));
    socket.on('close', () => this.close(new GatewayError('replication-closed')));
    socket.pause();
  }

  /** Resolves with the reason when the connection is over. */
  get ended(): Promise<GatewayError> {
    return this.#ended.promise;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** When the peer has said something last (`performance.now()`). */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The first thing that is said; what comes behind it waits for {@link listen}. Rejects with the reason where it does not come in time. */
  async first(timeout: number): Promise<In> {
    const late = new GatewayError('replication-timeout', { detail: `nothing said within ${timeout} ms` });
    const timer = setTimeout(() => this.close(late), timeout);
    try {
      return await new Promise<In>((resolve, reject) => {
        void this.ended.then(reject);
        this.listen((message) => {
          this.#onMessage = undefined;
          this.#socket.pause();
          resolve(message);
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Hands over what comes, in order; what was said before waits for it. */
  listen(onMessage: (message: In) => void): void {
    this.#onMessage = onMessage;
    if (!this.#over) this.#socket.resume();
    this.#handOver();
  }

  /** Says something; nothing where the connection is over. */
  send(message: Out): void {
    if (this.#over) return;
    this.#socket.write(writeMessage(message));
    if (this.#socket.writableLength > MOST_UNREAD) {
      this.close(new GatewayError('replication-silent', { detail: 'does not read' }));
    }
  }

  /** Ends the connection, behind what was said. The first reason counts. Idempotent. */
  close(reason: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    this.#onMessage = undefined;
    this.#socket.resume();
    this.#socket.destroySoon();
    this.#ended.resolve(reason);
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = performance.now();
    if (this.#over) return;
    this.#framer.push(chunk);
    this.#handOver();
  }

  #handOver(): void {
    while (this.#onMessage !== undefined) {
      const line = this.#framer.next();
      if (line === undefined) return;
      if (line.kind === 'too-long') return this.close(malformed(`a line of more than ${LONGEST_LINE} bytes`));
      try {
        this.#onMessage(this.#read(line.text));
      } catch (error) {
        if (!(error instanceof MalformedMessage)) this.close(asGatewayError(error, 'replication-protocol'));
        else this.close(malformed(error.message));
      }
    }
  }

  #checkSilence(): void {
    const left = this.#heardAt + SILENCE - performance.now();
    if (left > 0) this.#silence = setTimeout(() => this.#checkSilence(), left);
    else this.close(new GatewayError('replication-silent', { detail: `nothing for ${SILENCE} ms` }));
  }
}

function closed(detail: string): GatewayError {
  return new GatewayError('replication-closed', { detail });
}

function malformed(detail: string): GatewayError {
  return new GatewayError('replication-protocol', { detail });
}
