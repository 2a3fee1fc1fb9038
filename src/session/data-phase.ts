/**
 * The part of a transfer in which bytes flow, and the join of its two facts: how the bytes ended, and the backend's final
 * reply. Success needs both.
 */
import type { Turn } from '../backends/backend-link.ts';
import { within } from '../backends/within.ts';
import type { Policy, TimeoutsConfig } from '../config/schema.ts';
import type { Exchange } from '../control/exchange.ts';
import type { DataLeg } from '../data/leg.ts';
import { type RelayOptions, type RelayReport, relay } from '../data/relay.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { isPositive, type Reply, serializeReply } from '../wire/reply.ts';
import { type Direction, decided, failed, refused, type Step, stop, succeeded } from './verdict.ts';

/**
 * How long a backend may take to explain why its data connection broke (milliseconds). What it says can still make a listing an empty
 * one; an upload is lost, whatever it says, and its client waits.
 */
const EXPLANATION = { download: 5000, upload: 1000 } as const;

/** The data connections of a transfer; the backend may need none for an empty listing. */
export interface Legs {
  readonly client: DataLeg;
  readonly backend?: DataLeg;
}

export interface DataPhaseOptions {
  readonly direction: Direction;
  readonly legs: Legs;
  readonly turn: Turn;
  readonly exchange: Exchange;
  readonly uploadEnd: Policy['uploadEnd'];
  readonly downloadEnd: Policy['downloadEnd'];
  readonly timeouts: TimeoutsConfig;
  /** Fires when the transfer is aborted; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  /** The promise, or a rejection with that reason. */
  readonly unlessAborted: <T>(promise: Promise<T>) => Promise<T>;
  readonly onRelayed: (report: RelayReport) => void;
  /** Is told every chunk that is relayed. */
  readonly digest: RelayOptions['digest'];
  /** Changes what the client is sent. */
  readonly filter: RelayOptions['filter'];
  /** Limits the bytes and how fast they go; undefined where nothing does. */
  readonly meter: RelayOptions['meter'];
  /** The meter lets no more bytes go on. */
  readonly onRefused: (reason: GatewayError) => void;
  /** An upload that ended without close_notify is accepted. */
  readonly onUncleanUpload: () => void;
  /** A download whose backend ended without close_notify is accepted. */
  readonly onUncleanDownload: () => void;
}

export class DataPhase {
  readonly #options: DataPhaseOptions;

  constructor(options: DataPhaseOptions) {
    this.#options = options;
  }

  /** Relays in the direction of the transfer. Rejects when the transfer is aborted or the link is lost. */
  run(): Promise<Step> {
    const { direction, legs } = this.#options;
    const { client, backend } = legs;
    if (backend === undefined) throw new Error('a relay needs both legs');
    return direction === 'upload' ? this.#upload(client, backend) : this.#download(client, backend);
  }

  async #download(client: DataLeg, backend: DataLeg): Promise<Step> {
    const { exchange, turn } = this.#options;
    client.discardInput();
    const { end } = await this.#relay(backend, client);
    if (end.kind === 'source') {
      if (end.sourceEnd === 'reset') return this.#explainReset(backend);
      // Some backends wait for our end before they say 226, and a few for our close_notify.
      if (end.sourceEnd === 'close-notify')
        void backend.flush(this.#options.timeouts.linger).then(() => backend.close());
      else backend.close();
      const final = await this.#options.unlessAborted(turn.final(exchange));
      if (!isPositive(final)) return decided(refused(final, 'failed'));
      if (end.sourceEnd === 'fin') {
        if (this.#options.downloadEnd === 'strict') {
          return decided(failed(new GatewayError('backend-data-truncated'), final));
        }
        this.#options.onUncleanDownload();
      }
      return this.deliver(final);
    }
    if (end.kind === 'sink') return stop(new GatewayError('client-data-reset', { detail: end.reason }));
    return this.#interrupted(end.kind);
  }

  /** The backend reset its data connection; only an empty listing in clear may end so (quirk: ProFTPD without matching files). */
  async #explainReset(backend: DataLeg): Promise<Step> {
    const { exchange } = this.#options;
    const final = await this.#options.unlessAborted(within(exchange.final, EXPLANATION.download));
    const reason = new GatewayError('backend-data-reset');
    if (final === undefined) return stop(reason);
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    const empty = backend.protection === 'clear' && backend.bytesReceived === 0;
    if (this.#options.direction === 'list' && empty) return this.deliver(final);
    return decided(failed(reason, final));
  }

  /** The last bytes to the client, close_notify and FIN, and its own close: only then is it told (RFC 959 has no other end of file). */
  async deliver(final: Reply): Promise<Step> {
    const { timeouts, legs } = this.#options;
    const { client } = legs;
    client.discardInput();
    const flush = await this.#options.unlessAborted(client.flush(timeouts.dataStall));
    if (flush === 'stalled') return decided(failed(new GatewayError('data-stalled'), final));
    if (flush === 'broken') return decided(failed(new GatewayError('client-data-reset'), final));
    await client.closeAfterPeer(timeouts.linger);
    return decided(succeeded(final));
  }

  async #upload(client: DataLeg, backend: DataLeg): Promise<Step> {
    backend.discardInput();
    const { end } = await this.#relay(client, backend);
    if (end.kind === 'source') {
      if (end.sourceEnd === 'reset') return stop(new GatewayError('client-data-reset'));
      if (end.sourceEnd === 'fin') {
        if (this.#options.uploadEnd === 'strict') return stop(new GatewayError('client-data-truncated'));
        this.#options.onUncleanUpload();
      }
      return this.#store(client, backend);
    }
    if (end.kind === 'sink') return this.#explainClose(end.reason);
    return this.#interrupted(end.kind);
  }

  /** All bytes of the client are here: end of file to the backend, close_notify to the client, then the backend's word. */
  async #store(client: DataLeg, backend: DataLeg): Promise<Step> {
    const { timeouts, exchange, turn } = this.#options;
    const answered = client.flush(timeouts.linger).then(() => client.close());
    const flush = await this.#options.unlessAborted(backend.flush(timeouts.dataStall));
    if (flush === 'stalled') return stop(new GatewayError('data-stalled'));
    if (flush === 'broken') return this.#explainClose('broken while flushing');
    const final = await this.#options.unlessAborted(turn.final(exchange));
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    await answered;
    backend.close();
    return decided(succeeded(final));
  }

  /** The backend closed its data connection before the upload had ended: whatever it says, the file is not complete. */
  async #explainClose(detail: string): Promise<Step> {
    const { exchange } = this.#options;
    const final = await this.#options.unlessAborted(within(exchange.final, EXPLANATION.upload));
    const reason = new GatewayError('backend-data-closed', { detail });
    if (final === undefined) return stop(reason);
    return decided(isPositive(final) ? failed(reason, final) : refused(final, 'failed'));
  }

  /** Relays until an end; a final reply that makes going on senseless stops it. */
  async #relay(source: DataLeg, sink: DataLeg): Promise<RelayReport> {
    const { direction, timeouts, exchange, signal, digest, filter, meter, onRefused, onRelayed } = this.#options;
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
      signal: AbortSignal.any([signal, finalReply.signal]),
      digest,
      filter,
      meter,
      onRefused,
    });
    onRelayed(report);
    return report;
  }

  /** The relay stalled, or was stopped: by an abort, by the backend's final reply, or by the loss of the link. */
  async #interrupted(kind: 'stalled' | 'stopped'): Promise<Step> {
    const { exchange, signal } = this.#options;
    if (kind === 'stalled') return stop(new GatewayError('data-stalled'));
    if (signal.aborted) return stop(asGatewayError(signal.reason, 'internal-error'));
    const final = await exchange.final;
    if (!isPositive(final)) return decided(refused(final, 'failed'));
    return decided(failed(new GatewayError('backend-early-success', { detail: serializeReply(final).trimEnd() })));
  }
}
