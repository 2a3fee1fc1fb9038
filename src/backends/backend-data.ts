/**
 * The backend's half of the next transfer. In passive mode it is connected before the transfer command goes out; in active
 * mode the backend connects when it likes to, mostly after it. Says nothing about which of the two it is.
 */

import { letsDataFlow } from '../control/exchange.ts';
import type { DataLeg } from '../data/leg.ts';
import type { LegFacts } from '../observe/session-observer.ts';
import type { Reply } from '../wire/reply.ts';
import { within } from './within.ts';

/** An FTPS backend that says nothing to the command for this long wants TLS first (quirk: ftp-srv 4.6.3), milliseconds. */
const SILENCE = 200;

/** One value serves one transfer. Setting it up has begun already, because REST must stay next to its transfer. */
export interface BackendData {
  /** What is known of the data connection, as soon as there is one. */
  readonly connection: LegFacts | undefined;
  /** The data connection, as soon as bytes can flow on it. */
  readonly leg: DataLeg | undefined;
  /** Resolves when the transfer command may be sent. Rejects with the GatewayError of the attempt. */
  prepared(): Promise<void>;
  /** The transfer command was sent; only now, and only where data will flow, may TLS begin (quirk: pyftpdlib 1.5.7). */
  begin(start: Promise<Start>): void;
  /**
   * The data connection, after {@link begin}; a backend that has to connect itself has `timeouts.backendDataConnect` from the
   * first call. Rejects with a GatewayError.
   */
  open(): Promise<DataLeg>;
  /** Breaks the data connection off with a TCP reset, and lets none come any more. Idempotent. */
  reset(): void;
  /** Gives all of it up quietly; a connection that was closed before is none of its concern. Idempotent. */
  dispose(): void;
}

/** How a handshake begins. `proveEnd`: the backend will send, and how it ends matters. */
export interface Start {
  readonly proveEnd: boolean;
}

/** When the handshake may begin: at the first reply that lets data flow, or soon without one. Pending for ever where the backend refuses. */
export async function startOfHandshake(first: Promise<Reply>, start: Start): Promise<Start> {
  const reply = await within(first, SILENCE);
  return reply === undefined || letsDataFlow(reply) ? start : new Promise(() => {});
}
