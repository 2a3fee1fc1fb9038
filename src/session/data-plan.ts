/**
 * What the next transfer's two legs will be: how the client is reached, and the backend's data connection that is being
 * made meanwhile. Made by PASV, EPSV, PORT or EPRT, used by one transfer, thrown away by the next of these.
 */
import type { BackendData } from '../backends/backend-data.ts';
import type { DataLeg, Protection } from '../data/leg.ts';
import type { Endpoint } from '../net/address.ts';

/** The client's half: passive, where the client connects to us, or active, where we connect to the client. */
export interface ClientHalf {
  /** Both ends of the client's connection, once it was there: for the log, also when no leg came of it. */
  readonly connection: { readonly peer: Endpoint; readonly local: Endpoint } | undefined;
  /** The port that the client was told and has not come to; undefined where it has, or where we connect to it. */
  readonly awaitedOn: number | undefined;
  /**
   * Resolves when the client's TCP connection is there; asked when the transfer command is in hand. Rejects with a
   * GatewayError.
   */
  arrived(): Promise<void>;
  /**
   * The leg, secured when `protection` says so; once {@link arrived} has resolved. `proveEnd`: the client will send, and how
   * it ends matters. Rejects with a GatewayError.
   */
  open(protection: Protection, proveEnd: boolean): Promise<DataLeg>;
  /** Gives up what no leg has taken over. Idempotent. */
  dispose(): void;
}

export class DataPlan {
  readonly client: ClientHalf;
  /** Begun already (REST must stay next to its transfer). */
  readonly backend: BackendData;

  constructor(client: ClientHalf, backend: BackendData) {
    this.client = client;
    this.backend = backend;
  }

  /** Gives both halves up. Legs that a transfer has opened are the transfer's to close; closing twice does no harm. */
  dispose(): void {
    this.client.dispose();
    this.backend.dispose();
  }
}
