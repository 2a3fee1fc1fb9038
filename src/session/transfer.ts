/**
 * One transfer, from its command to the verdict: waits for both legs, forwards the command, relays the bytes, and joins
 * two independent facts — the backend's final reply and how the bytes ended. Success needs both. It neither logs nor
 * speaks to the client, except for the preliminary reply.
 */
import { abortTransfer } from '../backends/abort-transfer.ts';
import type { BackendLink, Turn } from '../backends/backend-link.ts';
import { within } from '../backends/within.ts';
import type { Policy, TimeoutsConfig } from '../config/schema.ts';
import { type Exchange, letsDataFlow } from '../control/exchange.ts';
import type { DataLeg, Protection } from '../data/leg.ts';
import { type RelayReport, relay } from '../data/relay.ts';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Command } from '../wire/command.ts';
import { isPositive, isPreliminary, type Reply, reply, serializeReply } from '../wire/reply.ts';
import type { DataPlan } from './data-plan.ts';
import { type Direction, failed, refused, succeeded, type Verdict } from './verdict.ts';

/** How long a backend may take to explain why its data connection broke (milliseconds). */
const EXPLANATION = 5000;
/** How long after the final reply a data connection of the backend, made before it, may still be on its way (milliseconds). */
const OVERTAKEN = 2000;

export interface TransferOptions {
  readonly command: Command;
  readonly direction: Direction;
  readonly link: BackendLink;
  readonly plan: DataPlan;
  readonly protection: Protection;
  /** The position of REST, repeated when other commands came between. */
  readonly restart: string | undefined;
  readonly uploadEnd: Policy['uploadEnd'];
  readonly timeouts: TimeoutsConfig;
  /** Sends 1yz to the client. */
  readonly onPreliminary: (reply: Reply) => Promise<void>;
  /** An upload that ended without close_notify is accepted. */
  readonly onUncleanUpload: () => void;
}

/** What a step came to: a verdict, or a reason for which the backend must be stopped first. */
type Step =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'stop'; readonly reason: GatewayError };

/** Both data connections of a transfer. */
interface Legs {
  readonly client: DataLeg;
  readonly backend: DataLeg;
}

export class Transfer {
  readonly #options: TransferOptions;
  readonly #abort = new AbortController();
  readonly #aborted = Promise.withResolvers<never>();
  #client: DataLeg | undefined;
  #bytes = 0;
  #over = false;
  #fault: unknown;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#aborted.promise.catch(() => {});
  }

  /** The legs, as far as they were opened. */
  get legs(): { readonly client: DataLeg | undefined; readonly backend: DataLeg | undefined } {
    return { client: this.#client, backend: this.#options.plan.backend.leg };
  }

  /** What was thrown that is no GatewayError: a fault of ours. */
  get fault(): unknown {
    return this.#fault;
  }

  /** Bytes that were relayed. */
  get bytes(): number {
    return this.#bytes;
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
        verdict = step.verdict;
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
    const { plan, command, restart, link } = this.#options;
    await this.#unlessAborted(plan.client.arrived());
    await this.#unlessAborted(plan.backend.prepared());
    // REST must stand directly before its transfer command (RFC 959 §4.1.3); PASV of the client may have come between.
    if (restart !== undefined && link.lastVerb !== 'REST') {
      const answer = await turn.final(turn.send({ verb: 'REST', argument: restart }));
      if (answer.code !== 350) throw new GatewayError('restart-refused', { detail: serializeReply(answer).trimEnd() });
    }
    return turn.send(command, 'transfer');
  }

  async #converse(turn: Turn, exchange: Exchange): Promise<Step> {
    const { plan, direction, protection, onPreliminary, link } = this.#options;
    try {
      const first = await this.#unlessAborted(turn.first(exchange));
      if (!letsDataFlow(first)) return decided(refused(first));
      await onPreliminary(isPreliminary(first) ? first : reply(150, 'Opening data connection.'));
      // Both are waited for from now on, in whatever order they come.
      const arrival = this.#arrival(exchange);
      const opening = plan.client.open(protection, direction === 'upload').then((leg) => this.#adopt(leg));
      const client = await this.#unlessRefused(exchange, opening);
      if ('code' in client) return decided(refused(client));
      const backend = await this.#unlessRefused(exchange, arrival);
      if (backend === 'missing') return await this.#explainMissing(client, exchange);
      if ('code' in backend) return decided(refused(backend));
      const legs = { client, backend };
      return await (direction === 'upload' ? this.#upload(turn, exchange, legs) : this.#download(turn, exchange, legs));
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

  /** The backend's leg; `missing` when the backend has confirmed the transfer and never made a data connection. */
  #arrival(exchange: Exchange): Promise<DataLeg | 'missing'> {
    const opening = this.#options.plan.backend.open();
    const overtaken = exchange.final.then(
      async () => (await within(opening, OVERTAKEN)) ?? 'missing',
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
  async #explainMissing(client: DataLeg, exchange: Exchange): Promise<Step> {
    const final = await exchange.final;
    client.discardInput();
    if (this.#options.direction === 'list') return this.#deliver(client, final);
    const detail = 'the backend never connected';
    return decided(failed(new GatewayError('backend-data-timeout', { detail }), final));
  }

  async #download(turn: Turn, exchange: Exchange, { client, backend }: Legs): Promise<Step> {
    client.discardInput();
    const { end } = await this.#relay(backend, client, exchange);
    if (end.kind === 'source') {
      if (end.sourceEnd === 'reset') return this.#explainReset(client, backend, exchange);
      // Some backends wait for our end before they say 226.
      backend.close();
      const final = await this.#unlessAborted(turn.final(exchange));
      return isPositive(final) ? this.#deliver(client, final) : decided(refused(final, 'failed'));
    }
    if (end.kind === 'sink') return stop(new GatewayError('client-data-reset', { detail: end.reason }));
    return this.#interrupted(end.kind, exchange);
  }

  /** The backend reset its data connection; only an empty listing may end so (quirk: ProFTPD without matching files). */
  async #explainReset(client: DataLeg, backend: DataLeg, exchange: Exchange): Promise<Step> {
    const final = await this.#unlessAborted(within(exchange.final, EXPLANATION));
    const reason = new GatewayError('backend-data-reset');
    if (final === undefined) return stop(reason);
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    if (this.#options.direction === 'list' && backend.bytesReceived === 0) return this.#deliver(client, final);
    return decided(failed(reason, final));
  }

  /** The last bytes to the client, close_notify and FIN, and its own close: only then is it told (RFC 959 has no other end of file). */
  async #deliver(client: DataLeg, final: Reply): Promise<Step> {
    const { timeouts } = this.#options;
    const flush = await this.#unlessAborted(client.flush(timeouts.dataStall));
    if (flush === 'stalled') return decided(failed(new GatewayError('data-stalled')));
    if (flush === 'broken') return decided(failed(new GatewayError('client-data-reset')));
    await client.closeAfterPeer(timeouts.linger);
    return decided(succeeded(final));
  }

  async #upload(turn: Turn, exchange: Exchange, { client, backend }: Legs): Promise<Step> {
    backend.discardInput();
    const { end } = await this.#relay(client, backend, exchange);
    if (end.kind === 'source') {
      if (end.sourceEnd === 'reset') return stop(new GatewayError('client-data-reset'));
      if (end.sourceEnd === 'fin') {
        if (this.#options.uploadEnd === 'strict') return stop(new GatewayError('client-data-truncated'));
        this.#options.onUncleanUpload();
      }
      return this.#store(turn, exchange, client, backend);
    }
    if (end.kind === 'sink') return this.#explainClose(exchange, end.reason);
    return this.#interrupted(end.kind, exchange);
  }

  /** All bytes of the client are here: end of file to the backend, close_notify to the client, then the backend's word. */
  async #store(turn: Turn, exchange: Exchange, client: DataLeg, backend: DataLeg): Promise<Step> {
    const { timeouts } = this.#options;
    const answered = client.flush(timeouts.linger).then(() => client.close());
    const flush = await this.#unlessAborted(backend.flush(timeouts.dataStall));
    if (flush === 'stalled') return stop(new GatewayError('data-stalled'));
    if (flush === 'broken') return this.#explainClose(exchange, 'broken while flushing');
    const final = await this.#unlessAborted(turn.final(exchange));
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    await answered;
    backend.close();
    return decided(succeeded(final));
  }

  /** The backend closed its data connection before the upload had ended: whatever it says, the file is not complete. */
  async #explainClose(exchange: Exchange, detail: string): Promise<Step> {
    const final = await this.#unlessAborted(within(exchange.final, EXPLANATION));
    const reason = new GatewayError('backend-data-closed', { detail });
    if (final === undefined) return stop(reason);
    return decided(isPositive(final) ? failed(reason, final) : refused(final, 'failed'));
  }

  /** Relays until an end; a final reply that makes going on senseless stops it. */
  async #relay(source: DataLeg, sink: DataLeg, exchange: Exchange): Promise<RelayReport> {
    const { direction, timeouts } = this.#options;
    const finalReply = new AbortController();
    exchange.final.then(
      (final) => {
        // A download may still be in flight when the backend already says 226.
        if (direction === 'upload' || !isPositive(final)) finalReply.abort();
      },
      () => finalReply.abort(),
    );
    const report = await relay({
      source,
      sink,
      stall: timeouts.dataStall,
      signal: AbortSignal.any([this.#abort.signal, finalReply.signal]),
    });
    this.#bytes = report.bytes;
    return report;
  }

  /** The relay stalled, or was stopped: by an abort, by the backend's final reply, or by the loss of the link. */
  async #interrupted(kind: 'stalled' | 'stopped', exchange: Exchange): Promise<Step> {
    if (kind === 'stalled') return stop(new GatewayError('data-stalled'));
    if (this.#abort.signal.aborted) return stop(asGatewayError(this.#abort.signal.reason, 'internal-error'));
    const final = await exchange.final;
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    return decided(failed(new GatewayError('backend-early-success', { detail: serializeReply(final).trimEnd() })));
  }

  /** The promise, or a rejection with the reason of {@link abort}. */
  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted.promise]);
  }
}

function decided(verdict: Verdict): Step {
  return { kind: 'verdict', verdict };
}

function stop(reason: GatewayError): Step {
  return { kind: 'stop', reason };
}

/** The loss of the link as the cause of a failed transfer. */
function lostLink(link: BackendLink): GatewayError {
  const reason = asGatewayError(link.lost.reason, 'backend-closed');
  const code: ErrorCode =
    reason.code === 'backend-reply-timeout' ? 'backend-final-reply-timeout' : 'backend-control-lost';
  return new GatewayError(code, { detail: reason.message, cause: reason });
}
