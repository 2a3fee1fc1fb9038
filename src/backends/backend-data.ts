/**
 * The backend's half of the next transfer. In passive mode it is connected before the transfer command goes out; in active
 * mode the backend connects when it likes to, mostly after it. Says nothing about which of the two it is.
 */
import type { DataLeg } from '../data/leg.ts';

/** One value serves one transfer. Setting it up has begun already, because REST must stay next to its transfer. */
export interface BackendData {
  /** The data connection, as soon as there is one. */
  readonly leg: DataLeg | undefined;
  /** Resolves when the transfer command may be sent. Rejects with the GatewayError of the attempt. */
  prepared(): Promise<void>;
  /**
   * The data connection, after the command; a backend that has to connect itself has `timeouts.backendDataConnect` from the
   * first call. Rejects with a GatewayError.
   */
  open(): Promise<DataLeg>;
  /** Breaks the data connection off with a TCP reset, and lets none come any more. Idempotent. */
  reset(): void;
  /** Gives all of it up quietly; a connection that was closed before is none of its concern. Idempotent. */
  dispose(): void;
}
