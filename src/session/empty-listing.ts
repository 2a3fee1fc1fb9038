/**
 * A listing with nothing in it, which the gateway makes itself: the backend is not asked. To the session it is a transfer like others, with
 * the same ends.
 */
import type { DataLeg } from '../data/leg.ts';
import { asGatewayError, ERRORS, type GatewayError } from '../errors/errors.ts';
import { type Reply, reply } from '../wire/reply.ts';
import type { Outcome } from './outcome.ts';
import type { RunningTransfer } from './phase.ts';
import type { SessionOptions } from './session-options.ts';
import type { Standing } from './standing.ts';

const DONE = reply(226, 'Listing complete.');

/** What a listing takes from its session. */
export interface ListingSurroundings extends Pick<SessionOptions, 'environment' | 'observer'> {
  readonly standing: Pick<Standing, 'protection'>;
  /** Sends 1yz to the client. */
  readonly onPreliminary: (reply: Reply) => Promise<void>;
}

export class EmptyListing implements RunningTransfer {
  /** Nothing of ours throws but GatewayErrors. */
  readonly fault = undefined;
  readonly #outcome: Outcome & { readonly do: 'list-nothing' };
  readonly #surroundings: ListingSurroundings;
  readonly #aborted = Promise.withResolvers<never>();
  readonly #since = performance.now();
  #reason: GatewayError | undefined;
  #leg: DataLeg | undefined;

  constructor(outcome: Outcome & { readonly do: 'list-nothing' }, surroundings: ListingSurroundings) {
    this.#outcome = outcome;
    this.#surroundings = surroundings;
    this.#aborted.promise.catch(() => {});
  }

  get legs(): RunningTransfer['legs'] {
    const { connection } = this.#outcome.plan.client;
    const { protection } = this.#surroundings.standing;
    return { client: this.#leg ?? (connection && { ...connection, protection, tls: undefined }), backend: undefined };
  }

  get progress(): RunningTransfer['progress'] {
    const milliseconds = performance.now() - this.#since;
    return { command: this.#outcome.command, direction: 'list', bytes: 0, expectedBytes: 0, milliseconds };
  }

  /** Ends it; the first reason wins. */
  abort(reason: GatewayError): void {
    this.#reason ??= reason;
    this.#aborted.reject(reason);
  }

  /** Gives the plan back. Resolves with the final reply, null where nobody is left to be told; never rejects. */
  async run(): Promise<Reply | null> {
    const { plan } = this.#outcome;
    try {
      return await this.#show();
    } catch (error) {
      const { code, detail } = asGatewayError(error, 'client-data-timeout');
      if (this.#reason === undefined) this.#surroundings.observer.dataConnectionFailed('client', code, detail);
      const told = ERRORS[code].reply;
      return told === null ? null : reply(told[0], told[1]);
    } finally {
      this.#leg?.reset();
      plan.dispose();
    }
  }

  async #show(): Promise<Reply> {
    const { command, plan } = this.#outcome;
    const { environment, observer, standing, onPreliminary } = this.#surroundings;
    const { timeouts } = environment.config;
    // A plan that is given up tells nobody.
    await this.#unlessAborted(plan.client.arrived());
    await onPreliminary(reply(150, 'Here comes the listing.'));
    const opening = plan.client.open(standing.protection, false);
    // Its handshake may finish when nobody else would close it.
    opening.then((late) => this.#reason !== undefined && late.reset()).catch(() => {});
    const leg = await this.#unlessAborted(opening);
    this.#leg = leg;
    leg.discardInput();
    const flush = await this.#unlessAborted(leg.flush(timeouts.dataStall));
    if (flush !== 'flushed') return reply(426, 'The data connection broke.');
    await this.#unlessAborted(leg.closeAfterPeer(timeouts.linger));
    observer.policy('uploadOnly', 'enforce', command.verb, {
      rule: 'uploadOnly',
      cause: 'access-denied',
      reply: DONE.code,
      touched: undefined,
    });
    return DONE;
  }

  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted.promise]);
  }
}
