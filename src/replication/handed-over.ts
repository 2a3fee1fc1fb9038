/**
 * Data connections that other replicas hand over to this one: believed by their tokens, and led to the sessions for which the tokens were
 * made. Also hears from those replicas how the clients' own connections ended.
 */
import type { Socket } from 'node:net';
import type { Arrived, Passage, UnclaimedCause } from '../data/arrivals.ts';
import { readHeader } from '../net/accept-proxy-header.ts';
import { type Endpoint, endpoint, withoutZone } from '../net/address.ts';
import type { Of, Question } from './messages.ts';
import { connectionName, type Pass, type Tokens } from './tokens.ts';

/** For the header (milliseconds). */
const PATIENCE = 5000;
/**
 * How long the other replica may take to say how a connection ended that has ended here (milliseconds): the two ways are different
 * connections. After that it is gone, and nothing is sure.
 */
const WORD = 3000;

export interface HandedOverOptions {
  readonly tokens: Tokens;
  /** Fires when the replica stops. */
  readonly signal: AbortSignal;
  readonly onAccepted: () => void;
  readonly onUnclaimed: (port: number, address: string, cause: UnclaimedCause) => void;
}

interface Ends {
  readonly ended: PromiseWithResolvers<boolean>;
  readonly delivered: PromiseWithResolvers<boolean>;
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
      passage: this.#passage(connectionName(token), socket),
    };
    pass.claim(arrived);
  }

  /** The other replica says how the client's connection ended. */
  ends(message: Of<Question, 'ended' | 'delivered'>): void {
    const ends = this.#passages.get(message.connection);
    if (message.type === 'ended') ends?.ended.resolve(message.how === 'fin');
    else ends?.delivered.resolve(message.whole);
  }

  #passage(name: string, socket: Socket): Passage {
    const ends: Ends = { ended: Promise.withResolvers(), delivered: Promise.withResolvers() };
    this.#passages.set(name, ends);
    let timer: NodeJS.Timeout | undefined;
    const doubt = (...about: readonly PromiseWithResolvers<boolean>[]) => {
      const left = setTimeout(() => about.forEach(({ resolve }) => void resolve(false)), WORD);
      left.unref();
      return left;
    };
    socket.once('end', () => {
      timer = doubt(ends.ended);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      const last = doubt(ends.ended, ends.delivered);
      void Promise.all([ends.ended.promise, ends.delivered.promise]).then(() => {
        clearTimeout(last);
        this.#passages.delete(name);
      });
    });
    return { ended: ends.ended.promise, delivered: ends.delivered.promise };
  }
}

/** Whether a header tells of the connection that a token is for. */
function fits(pass: Pass, client: Endpoint, local: Endpoint): boolean {
  const isClient = client.address === withoutZone(pass.client.address) && client.port === pass.client.port;
  return isClient && local.port === pass.port;
}
