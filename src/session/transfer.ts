/**
 * One transfer, from its command to the verdict: waits for both legs, forwards the command, relays the bytes, and joins
 * two independent facts — the backend's final reply and how the bytes ended. Success needs both. It neither logs nor
 * speaks to the client, except for the preliminary reply.
 */
import { createHash, type Hash } from 'node:crypto';
import { abortTransfer } from '../backends/abort-transfer.ts';
import { startOfHandshake } from '../backends/backend-data.ts';
import type { BackendLink, Turn } from '../backends/backend-link.ts';
import { within } from '../backends/within.ts';
import { type Exchange, letsDataFlow } from '../control/exchange.ts';
import type { DataLeg, Protection } from '../data/leg.ts';
import type { RelayReport } from '../data/relay.ts';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { DataEnd, LegFacts } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import { isPositive, isPreliminary, type Reply, reply } from '../wire/reply.ts';
import { DataPhase, type DataPhaseOptions, type Legs } from './data-phase.ts';
import type { DataPlan } from './data-plan.ts';
import type { RestartPosition } from './restart.ts';
import { sizeInReply } from './size-hints.ts';
import { decided, failed, refused, type Step, stop, type Verdict, withResumption } from './verdict.ts';

/** A backend that says nothing for this long to an upload, or sends data without a word, leaves 1yz out (milliseconds). */
const PRELIMINARY_SILENCE = 5000;
const SIDES = ['client', 'backend'] as const;
/** How long after the final reply a data connection of the backend, made before it, may still be on its way (milliseconds). */
const OVERTAKEN = 2000;

/** What the flow of data has from the transfer itself. */
type OfTransfer = 'legs' | 'turn' | 'exchange' | 'signal' | 'unlessAborted' | 'onRelayed' | 'digest';

export interface TransferOptions extends Omit<DataPhaseOptions, OfTransfer> {
  readonly command: Command;
  readonly link: BackendLink;
  readonly plan: DataPlan;
  readonly protection: Protection;
  /** The position of REST; undefined is the beginning. */
  readonly restart: string | undefined;
  /** What the backend has heard of REST. */
  readonly position: Pick<RestartPosition, 'tell' | 'usedUp'>;
  /** How large it will be, where somebody said so. */
  readonly expectedBytes: number | undefined;
  /** Whether the bytes are hashed. */
  readonly hash: 'off' | 'sha256';
  /** Called when the command is about to be forwarded. Raises GatewayError where it must not be. */
  readonly onBegin: () => void;
  /** Sends 1yz to the client. */
  readonly onPreliminary: (reply: Reply) => Promise<void>;
}

/** A transfer on its way. */
export interface TransferProgress extends Pick<TransferOptions, 'command' | 'direction' | 'expectedBytes'> {
  readonly bytes: number;
  readonly milliseconds: number;
}

export class Transfer {
  readonly #options: TransferOptions;
  readonly #abort = new AbortController();
  readonly #aborted = Promise.withResolvers<never>();
  #client: DataLeg | undefined;
  readonly #hash: Hash | undefined;
  #relayed: RelayReport | undefined;
  #preliminary: Reply | undefined;
  readonly #since = performance.now();
  #over = false;
  #fault: unknown;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#hash = options.hash === 'sha256' ? createHash('sha256') : undefined;
    this.#aborted.promise.catch(() => {});
  }

  /** The legs, as far as they were opened; of the client at least its connection. */
  get legs(): { readonly client: LegFacts | undefined; readonly backend: LegFacts | undefined } {
    const { plan, protection } = this.#options;
    const { connection } = plan.client;
    const client = this.#client ?? (connection && { ...connection, protection, tls: undefined });
    return { client, backend: plan.backend.connection };
  }

  /** What was thrown that is no GatewayError: a fault of ours. */
  get fault(): unknown {
    return this.#fault;
  }

  /** Bytes that were relayed. */
  get bytes(): number {
    return this.#relayed?.bytes ?? 0;
  }

  /** What is known of it while it runs: bytes that have arrived from the side that sends, and how long it has run. */
  get progress(): TransferProgress {
    const { command, direction, plan } = this.#options;
    const sender = direction === 'upload' ? this.#client : plan.backend.leg;
    const bytes = this.#relayed?.bytes ?? sender?.bytesReceived ?? 0;
    const { restart, expectedBytes = restart === undefined ? sizeInReply(this.#preliminary) : undefined } =
      this.#options;
    return { command, direction, bytes, expectedBytes, milliseconds: performance.now() - this.#since };
  }

  /** How the data ended, on the side that ended it; once it has. */
  get ends(): { readonly client: DataEnd | undefined; readonly backend: DataEnd | undefined } {
    const end = this.#relayed?.end;
    const [sender, receiver] = this.#options.direction === 'upload' ? SIDES : SIDES.toReversed();
    const ended = end?.kind === 'source' ? sender : end?.kind === 'sink' ? receiver : undefined;
    const how = end?.kind === 'source' ? end.sourceEnd : 'broken';
    return { client: ended === 'client' ? how : undefined, backend: ended === 'backend' ? how : undefined };
  }

  /** SHA-256 of the bytes that were relayed, in hexadecimal. To be asked once, at the end; undefined where no data could flow. */
  takeDigest(): string | undefined {
    return this.#relayed && this.#hash?.digest('hex');
  }

  /** The position of REST. */
  get restart(): string | undefined {
    return this.#options.restart;
  }

  /** What the backend said before the data: 1yz. */
  get preliminary(): Reply | undefined {
    return this.#preliminary;
  }

  /** Ends the transfer as not complete; the first reason wins. */
  abort(reason: GatewayError): void {
    this.#abort.abort(reason);
    this.#aborted.reject(reason);
  }

  /** Runs to the verdict; all that was opened is closed then. Never rejects. */
  async run(): Promise<Verdict> {
    const { plan } = this.#options;
    const turn = await this.#takeTurn();
    if (turn === undefined) return failed(asGatewayError(this.#abort.signal.reason, 'internal-error'));
    let settled = Promise.resolve();
    let verdict: Verdict | undefined;
    try {
      const exchange = await this.#begin(turn);
      const step = await this.#converse(turn, exchange);
      if (step.kind === 'verdict') {
        verdict = withResumption(step.verdict, plan.backend.connection?.tls?.resumed);
        return verdict;
      }
      const { reason } = step;
      this.#client?.reset();
      const announce = reason.code !== 'client-data-reset' || this.#options.direction === 'upload';
      const aborted = await abortTransfer({ turn, exchange, announce, resetData: () => plan.backend.reset() });
      settled = aborted.settled;
      return failed(reason, aborted.final);
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#fault = error;
      return failed(asGatewayError(error, 'internal-error'));
    } finally {
      this.#over = true;
      // A success has closed its legs in good order; everything else is reset, so that nobody takes it for complete.
      if (verdict?.outcome !== 'completed') {
        this.#client?.reset();
        plan.backend.reset();
      }
      plan.dispose();
      void settled.finally(() => turn.end());
    }
  }

  /** Client and backend are ready for data, then the command: a client that never comes cannot truncate a file. */
  async #begin(turn: Turn): Promise<Exchange> {
    const { plan, command, direction, restart, position, link } = this.#options;
    await this.#unlessAborted(plan.client.arrived());
    await this.#unlessAborted(plan.backend.prepared());
    this.#options.onBegin();
    if (direction !== 'list') await position.tell(restart, turn, link.lastVerb);
    const exchange = turn.send(command, 'transfer');
    plan.backend.begin(startOfHandshake(exchange.first, { proveEnd: direction !== 'upload' }));
    return exchange;
  }

  async #converse(turn: Turn, exchange: Exchange): Promise<Step> {
    const { plan, direction, protection, position, onPreliminary, link } = this.#options;
    try {
      const first = await this.#unlessAborted(this.#firstReply(turn, exchange));
      if (first !== undefined && !letsDataFlow(first)) return decided(refused(first));
      this.#preliminary = first;
      if (direction !== 'list') position.usedUp();
      await onPreliminary(first !== undefined && isPreliminary(first) ? first : reply(150, 'Opening data connection.'));
      // Both are waited for from now on, in whatever order they come.
      const arrival = this.#arrival(exchange);
      const opening = plan.client.open(protection, direction === 'upload').then((leg) => this.#adopt(leg));
      const client = await this.#unlessRefused(exchange, opening);
      if ('code' in client) return decided(refused(client));
      const backend = await this.#unlessRefused(exchange, arrival);
      if (backend === 'missing') return await this.#explainMissing(turn, client, exchange);
      if ('code' in backend) return decided(refused(backend));
      return await this.#dataPhase(turn, exchange, { client, backend }).run();
    } catch (error) {
      if (link.lost.aborted) return decided(failed(lostLink(link)));
      if (!(error instanceof GatewayError)) this.#fault = error;
      return stop(asGatewayError(error, 'internal-error'));
    }
  }

  /** A handshake may finish when the transfer is over already: nobody else would close the leg. */
  #adopt(leg: DataLeg): DataLeg {
    this.#client = leg;
    if (this.#over || this.#abort.signal.aborted) leg.reset();
    return leg;
  }

  /** The right to speak to the backend; undefined when the transfer is aborted before it is given. */
  async #takeTurn(): Promise<Turn | undefined> {
    const turn = this.#options.link.takeTurn();
    try {
      return await this.#unlessAborted(turn);
    } catch {
      void turn.then(({ end }) => end());
      this.#options.plan.dispose();
      return undefined;
    }
  }

  /** The first reply; undefined where data may flow without one (quirk: backends that leave 1yz out). */
  async #firstReply(turn: Turn, exchange: Exchange): Promise<Reply | undefined> {
    const first = await within(exchange.first, PRELIMINARY_SILENCE);
    if (first !== undefined) return first;
    const { direction, plan } = this.#options;
    const flows = direction === 'upload' || (plan.backend.leg?.bytesReceived ?? 0) > 0;
    return flows ? undefined : turn.first(exchange);
  }

  /** The backend's leg; `missing` when the backend has confirmed the transfer and never made a data connection. */
  #arrival(exchange: Exchange): Promise<DataLeg | 'missing'> {
    const { backend } = this.#options.plan;
    const opening = backend.open();
    const overtaken = exchange.final.then(
      async () => {
        const leg = await within(opening, OVERTAKEN);
        // A connection that is there may still be shaking hands: taking it for none would be an empty listing.
        return leg ?? (backend.connection === undefined ? 'missing' : opening);
      },
      () => opening,
    );
    const arrival = Promise.race([opening, overtaken]);
    arrival.catch(() => {});
    return arrival;
  }

  /** A leg that is still on its way; or the backend's refusal, where that comes first. */
  #unlessRefused<T>(exchange: Exchange, opening: Promise<T>): Promise<T | Reply> {
    opening.catch(() => {});
    const refusal = exchange.final.then(async (final) => (isPositive(final) ? await opening : final));
    return this.#unlessAborted(Promise.race<T | Reply>([opening, refusal]));
  }

  /** Success without a data connection: only an empty listing needs none (quirk: servers that skip it then). */
  async #explainMissing(turn: Turn, client: DataLeg, exchange: Exchange): Promise<Step> {
    const final = await exchange.final;
    if (this.#options.direction === 'list') return this.#dataPhase(turn, exchange, { client }).deliver(final);
    const detail = 'the backend never connected';
    return decided(failed(new GatewayError('backend-data-timeout', { detail }), final));
  }

  #dataPhase(turn: Turn, exchange: Exchange, legs: Legs): DataPhase {
    return new DataPhase({
      ...this.#options,
      turn,
      exchange,
      legs,
      signal: this.#abort.signal,
      unlessAborted: (promise) => this.#unlessAborted(promise),
      digest: this.#hash,
      onRefused: (reason) => {
        this.#options.onRefused(reason);
        this.abort(reason);
      },
      onRelayed: (report) => {
        this.#relayed = report;
      },
    });
  }

  /** The promise, or a rejection with the reason of {@link abort}. */
  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted.promise]);
  }
}

/** The loss of the link as the cause of a failed transfer. */
function lostLink(link: BackendLink): GatewayError {
  const reason = asGatewayError(link.lost.reason, 'backend-closed');
  const code: ErrorCode =
    reason.code === 'backend-reply-timeout' ? 'backend-final-reply-timeout' : 'backend-control-lost';
  return new GatewayError(code, { detail: reason.message, cause: reason });
}
