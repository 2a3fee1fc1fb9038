/**
 * One backend as the gateway knows it: its configuration, what it has learned about it, and whether it can be used.
 */
import type { BackendConfig } from '../config/schema.ts';
import type { GatewayError } from '../errors/errors.ts';
import { BackendContexts } from '../tls/backend-contexts.ts';
import type { Feature } from '../wire/features.ts';
import type { Candidate } from './choice.ts';
import { type Availability, Health } from './health.ts';

/** How a passive data connection is asked for: learned once, kept for all sessions. */
export type PassiveCommand = 'EPSV' | 'PASV';

/** How a backend in active mode is told where to connect to: learned once, kept for all sessions. */
export type ActiveCommand = 'PORT' | 'EPRT';

export type { Availability };

/** What a backend tells about itself. */
export interface BackendEvents {
  /** It can be used again, or no longer; `reason` is the failure that was one too many. */
  onAvailability(availability: Availability, reason: GatewayError | undefined): void;
  /** A session was given one of its places (1), or gave it back (-1). */
  onSessions(by: 1 | -1): void;
  /** Asked: whether an operator keeps new sessions away from it. */
  isDrained(): boolean;
}

/** Why a backend was not usable. */
export interface BackendFailure {
  readonly at: Date;
  readonly reason: GatewayError;
}

const SILENT: BackendEvents = { onAvailability: () => {}, onSessions: () => {}, isDrained: () => false };

export class Backend implements Candidate {
  readonly config: BackendConfig;
  #events: BackendEvents;
  readonly #health: Health;
  #contexts: BackendContexts | undefined;
  /** Of all backends of this name, also of earlier configurations. */
  readonly #links: { sessions: number };
  #latency: number | undefined;
  #lastFailure: BackendFailure | undefined;
  #passiveCommand: PassiveCommand | undefined;
  #activeCommand: ActiveCommand = 'PORT';
  #features: readonly Feature[] | undefined;

  /** `before`: the backend of the same name in an earlier configuration; it is believed to be as well as that. */
  constructor(config: BackendConfig, events: BackendEvents = SILENT, before?: Backend) {
    this.config = config;
    this.#contexts = config.tls === 'off' ? undefined : new BackendContexts(config);
    const { failures, successes, interval } = config.health;
    this.#health = new Health({ failures, successes, pause: interval }, before?.availability);
    this.#events = events;
    this.#links = before === undefined ? { sessions: 0 } : before.#links;
  }

  /** A later configuration has another one, or none: what becomes of this one is no news any more. */
  retire(): void {
    this.#events = { ...SILENT, onSessions: this.#events.onSessions };
  }

  get name(): string {
    return this.config.name;
  }

  /** What it is spoken TLS with; undefined where it is plain FTP. */
  get contexts(): BackendContexts | undefined {
    return this.#contexts;
  }

  /** New links are made with these. */
  renew(contexts: BackendContexts): void {
    this.#contexts = contexts;
  }

  get availability(): Availability {
    return this.#health.availability;
  }

  get weight(): number {
    return this.config.weight;
  }

  /** Sessions that hold a link to it, in this process. */
  get sessions(): number {
    return this.#links.sessions;
  }

  /** Whether an operator keeps new sessions away from it. */
  get isDrained(): boolean {
    return this.#events.isDrained();
  }

  /** Milliseconds from dialling it until it could be used, the last time. */
  get latency(): number | undefined {
    return this.#latency;
  }

  /** Why it was not usable, the last time that it was not. */
  get lastFailure(): BackendFailure | undefined {
    return this.#lastFailure;
  }

  /** Whether it may be tried in its turn: not ejected, or due for a trial. `now` is `performance.now()`. */
  mayTry(now: number): boolean {
    return this.#health.mayTry(now);
  }

  /** A session is about to dial it. */
  tried(): void {
    this.#health.tried(performance.now());
  }

  /** It greeted, or passed a probe, so many milliseconds after it was dialled. */
  succeeded(latency: number): void {
    this.#latency = latency;
    const changed = this.#health.succeeded();
    if (changed !== undefined) this.#events.onAvailability(changed, undefined);
  }

  /** It could not be reached, did not greet, or failed a probe. */
  failed(reason: GatewayError): void {
    this.#lastFailure = { at: new Date(), reason };
    const changed = this.#health.failed(performance.now());
    // What comes back may be another version of it.
    if (changed === 'down') this.#features = undefined;
    if (changed !== undefined) this.#events.onAvailability(changed, reason);
  }

  /** Counts a session that has a link to it, until the link is lost or closed. */
  occupy(lost: AbortSignal): void {
    if (lost.aborted) return;
    this.#links.sessions++;
    this.#events.onSessions(1);
    const leave = () => {
      this.#links.sessions--;
      this.#events.onSessions(-1);
    };
    lost.addEventListener('abort', leave, { once: true });
  }

  /** What it said to FEAT; undefined before somebody asked. */
  get features(): readonly Feature[] | undefined {
    return this.#features;
  }

  /** Remembers what it said to FEAT. */
  offers(features: readonly Feature[]): void {
    this.#features = features;
  }

  /** The command to try first: as configured, as learned, or EPSV (RFC 2428). */
  get passiveCommand(): PassiveCommand {
    if (this.config.dataMode === 'pasv') return 'PASV';
    if (this.config.dataMode === 'epsv') return 'EPSV';
    return this.#passiveCommand ?? 'EPSV';
  }

  /** Whether PASV may be tried when EPSV fails. */
  get mayFallBack(): boolean {
    return this.config.dataMode === 'auto';
  }

  /** Remembers that this backend has no EPSV. */
  lacksEpsv(): void {
    this.#passiveCommand = 'PASV';
  }

  /** The command to try first where the address is IPv4: as learned, or PORT, which every server has (RFC 959). */
  get activeCommand(): ActiveCommand {
    return this.#activeCommand;
  }

  /** Remembers which of the two the backend has accepted. */
  accepts(command: ActiveCommand): void {
    this.#activeCommand = command;
  }
}
