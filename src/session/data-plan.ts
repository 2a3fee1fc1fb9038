/**
 * What the next transfer's two legs will be: the client's port, and the backend's data connection that is being made
 * meanwhile. Made by PASV or EPSV, used by one transfer, thrown away by the next PASV or EPSV.
 */
import type { DataLeg } from '../data/leg.ts';
import type { ClientData } from './client-data.ts';

export class DataPlan {
  readonly client: ClientData;
  readonly #backend: Promise<DataLeg>;

  /** `backend` is the connection to the backend's data port, begun already (REST must stay next to its transfer). */
  constructor(client: ClientData, backend: Promise<DataLeg>) {
    this.client = client;
    this.#backend = backend;
    backend.catch(() => {});
  }

  /** The backend's leg. Rejects with the GatewayError of the attempt. */
  get backend(): Promise<DataLeg> {
    return this.#backend;
  }

  /** Gives both halves up. Legs that a transfer has opened are the transfer's to close; closing twice does no harm. */
  dispose(): void {
    this.client.dispose();
    // quirk: wu-ftpd and embedded servers cannot take a second PASV before the first was connected, so the dial goes on.
    this.#backend.then(
      (leg) => leg.close(),
      () => {},
    );
  }
}
