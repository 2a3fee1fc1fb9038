/**
 * Data connections that other replicas hand over to this one: believed by their tokens, and led to the sessions for which the tokens were
 * made. Also hears from those replicas how the clients' own connections ended.
 */
import type { Socket } from 'node:net';
import type { Arrived } from '../data/arrivals.ts';
import type { Passage } from '../data/passage.ts';
import type { UnclaimedCause } from '../data/unclaimed.ts';
import { readHeader } from '../net/accept-proxy-header.ts';
import { type Endpoint, endpoint, withoutZone } from '../net/address.ts';
import type { Of, Question } from './messages.ts';
import { LONGEST_ABSENCE } from './notices.ts';
import { connectionName, type Pass, type Tokens } from './tokens.ts';

/** For the header (milliseconds). */
const PATIENCE = 5000;
/**
 * How long the other replica may take to say how a connection ended that has ended here (milliseconds): the two ways are different
 * connections, and the one on which it speaks may have to be made anew. After that it is gone, and nothing is sure.
 */
const WORD = LONGEST_ABSENCE;

export interface HandedOverOptions {
  readonly tokens: Tokens;
  /** Fires when the replica stops. */
  readonly signal: AbortSignal;
  readonly onAccepted: () => void;
  readonly onUnclaimed: (port: number, address: string, cause: UnclaimedCause) => void;
}

/** What the other replica has said of a connection. */
interface Ends {
  /** How many bytes the client had sent when it ended its direction; null where that was broken off, or nobody tells. */
  readonly ended: PromiseWithResolvers<number | null>;
  readonly delivered: PromiseWithResolvers<boolean>;
  handedOn: number;
}

export class HandedOver {
  readonly #options: HandedOverOptions;
  /** By the names of their connections. */
  readonly #passages = new Map<string, Ends>();

  constructor(options: HandedOverOptions) {
    this.#options = options;
  }

  /** Leads a connection that begins with a header to its session; closes it where that cannot be believed. Never rejects. */
  async accept(socket: Socket): Promise<void> {
    const { tokens, signal, onUnclaimed, onAccepted } = this.#options;
    const sender = endpoint(socket.remoteAddress, socket.remotePort);
    const header = await readHeader(socket, { timeout: PATIENCE, signal });
    const token = header.kind === 'client' ? header.token : undefined;
    const pass = token && tokens.redeem(token);
    if (
      header.kind !== 'client' ||
      token === undefined ||
      pass === undefined ||
      !fits(pass, header.client, header.local)
    ) {
      if (header.kind !== 'stopped') onUnclaimed(pass?.port ?? 0, sender.address, 'forged');
      socket.destroy();
      return;
    }
    onAccepted();
    const arrived: Arrived = {
      ...{ socket, peer: pass.client, local: header.local },
      // What was read and put back belongs to the client.
      passage: this.#passage(connectionName(token), socket, socket.bytesRead - socket.readableLength),
    };
    pass.claim(arrived);
  }

  /** The other replica says what has become of the client's connection. */
  ends(message: Of<Question, 'ended' | 'progress' | 'delivered'>): void {
    const ends = this.#passages.get(message.connection);
    if (ends === undefined) return;
    if (message.type === 'ended') ends.ended.resolve(message.bytes);
    else if (message.type === 'delivered') ends.delivered.resolve(message.whole);
    else ends.handedOn = message.bytes;
  }

  /** `header`: how many bytes came before those of the client. */
  #passage(name: string, socket: Socket, header: number): Passage {
    const ends: Ends = { ended: Promise.withResolvers(), delivered: Promise.withResolvers(), handedOn: 0 };
    this.#passages.set(name, ends);
    let timer: NodeJS.Timeout | undefined;
    const doubt = (inDoubt: () => void) => {
      const left = setTimeout(inDoubt, WORD);
      left.unref();
      return left;
    };
    const over = new Promise<void>((resolve) => {
      socket.once('end', () => {
        timer = doubt(() => ends.ended.resolve(null));
        resolve();
      });
      socket.once('close', () => {
        clearTimeout(timer);
        const last = doubt(() => {
          ends.ended.resolve(null);
          ends.delivered.resolve(false);
        });
        void Promise.all([ends.ended.promise, ends.delivered.promise]).then(() => {
          clearTimeout(last);
          this.#passages.delete(name);
        });
        resolve();
      });
    });
    return {
      // Both are needed: a replica that dies ends its connection in good order, with bytes unsent that it had read.
      ended: Promise.all([ends.ended.promise, over]).then(([bytes]) => bytes === socket.bytesRead - header),
      delivered: ends.delivered.promise,
      get handedOn() {
        return ends.handedOn;
      },
    };
  }
}

/** Whether a header tells of the connection that a token is for. */
function fits(pass: Pass, client: Endpoint, local: Endpoint): boolean {
  const isClient = client.address === withoutZone(pass.client.address) && client.port === pass.client.port;
  return isClient && local.port === pass.port;
}
