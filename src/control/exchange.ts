/**
 * One command to a backend and its replies: any number of preliminary ones, then one final. A promise for each; what
 * the replies mean is for others to say.
 */
import { isPositive, isPreliminary, type Reply } from '../wire/reply.ts';

/** What an exchange says to a reply: `open`, more replies are expected; `done`, it was the final one. */
export type Acceptance = 'open' | 'done';

/** How long a 200 may stand in for the final reply of a transfer before it is taken for one (milliseconds). */
const STRAY_OK = 2000;

export class Exchange {
  /** The verb of the command; `greeting` for the exchange that no command begins. */
  readonly verb: string;
  readonly #transfer: boolean;
  readonly #first = Promise.withResolvers<Reply>();
  readonly #final = Promise.withResolvers<Reply>();
  #preliminaries = 0;
  #strayOk: NodeJS.Timeout | undefined;

  constructor(verb: string, kind: 'command' | 'transfer' = 'command') {
    this.verb = verb;
    this.#transfer = kind === 'transfer';
    // Whoever is not interested in one of the two must not be punished for the failure of both.
    this.#first.promise.catch(() => {});
    this.#final.promise.catch(() => {});
  }

  /** The first reply, preliminary or final. Rejects when the link is lost. */
  get first(): Promise<Reply> {
    return this.#first.promise;
  }

  /** The final reply. Rejects when the link is lost. */
  get final(): Promise<Reply> {
    return this.#final.promise;
  }

  /** Preliminary replies so far. */
  get preliminaries(): number {
    return this.#preliminaries;
  }

  /**
   * Whether the reply can belong to this exchange. 226 belongs to transfers and ABOR alone (quirk: servers that say 226
   * twice); what ABOR may be answered with does not belong to the NOOP behind it.
   */
  owns(reply: Reply): boolean {
    if (this.#transfer || this.verb === 'ABOR') return true;
    return reply.code !== 226 && !(this.verb === 'NOOP' && (reply.code === 225 || reply.code === 426));
  }

  /** Takes the next reply. `onLateDone` is called when a final reply is recognised as such only later. */
  accept(reply: Reply, onLateDone: () => void): Acceptance {
    clearTimeout(this.#strayOk);
    if (isPreliminary(reply)) {
      this.#preliminaries += 1;
      this.#first.resolve(reply);
      return 'open';
    }
    // quirk: servers that say 200 before 150 to a transfer command; no transfer ends with 200 (RFC 959 §5.4).
    if (this.#transfer && reply.code === 200 && this.#preliminaries === 0) {
      this.#strayOk = setTimeout(() => {
        this.#finish(reply);
        onLateDone();
      }, STRAY_OK);
      return 'open';
    }
    this.#finish(reply);
    return 'done';
  }

  /** Ends the exchange without a reply. */
  fail(error: Error): void {
    clearTimeout(this.#strayOk);
    this.#first.reject(error);
    this.#final.reject(error);
  }

  #finish(reply: Reply): void {
    this.#first.resolve(reply);
    this.#final.resolve(reply);
  }
}

/** Whether a transfer's first reply lets data flow: 1yz, or 2yz of a server that leaves 1yz out (quirk: several old servers). */
export function letsDataFlow(reply: Reply): boolean {
  return isPreliminary(reply) || isPositive(reply);
}
