/**
 * Stops a transfer at a backend so that it cannot take what it got for complete: ABOR, a short wait, then a reset of the
 * data connection. Some backends only heed the one, some only the other, and some answer two commands with one reply.
 */
import type { Exchange } from '../control/exchange.ts';
import type { Reply } from '../wire/reply.ts';
import type { Turn } from './backend-link.ts';
import { within } from './within.ts';

/** How long a backend may take to heed ABOR, and then the reset, before the client is answered (milliseconds). */
const HEED = 500;
/** How long a backend may take to answer at all before the link is given up. */
const ANSWER = 10_000;
/** How long the reply to ABOR may stay out before the NOOP behind it is sent. */
const SECOND_REPLY = 1000;

export interface AbortOptions {
  readonly turn: Turn;
  readonly exchange: Exchange;
  /** Whether to send ABOR: a download whose client is gone ends by the reset alone. */
  readonly announce: boolean;
  /** Resets the backend's data connection. */
  readonly resetData: () => void;
}

/** What the backend said to the transfer, if it spoke soon; and when the link is in step again. */
export interface Aborted {
  readonly final: Reply | undefined;
  readonly settled: Promise<void>;
}

/** Aborts; resolves within about a second. Never rejects: a link that breaks meanwhile is lost by itself. */
export async function abortTransfer({ turn, exchange, announce, resetData }: AbortOptions): Promise<Aborted> {
  const abor = announce ? turn.send({ verb: 'ABOR', argument: undefined }) : undefined;
  let final = announce ? await soon(exchange.final) : undefined;
  resetData();
  final ??= await soon(exchange.final);
  return { final, settled: settle(turn, exchange, abor) };
}

async function soon(reply: Promise<Reply>): Promise<Reply | undefined> {
  try {
    return await within(reply, HEED);
  } catch {
    return undefined;
  }
}

async function settle(turn: Turn, exchange: Exchange, abor: Exchange | undefined): Promise<void> {
  try {
    await turn.final(exchange, ANSWER);
    if (abor === undefined) return;
    await within(abor.final, SECOND_REPLY);
    // Whatever still comes belongs to ABOR, until this is answered: some backends answer it twice, some not at all.
    const noop = turn.send({ verb: 'NOOP', argument: undefined });
    await turn.final(abor, ANSWER);
    await turn.final(noop, ANSWER);
  } catch {
    // The link is lost, and says so itself.
  }
}
