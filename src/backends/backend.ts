/**
 * One backend as the gateway knows it: its configuration, what it has learned about it, and whether it can be used.
 */
import type { BackendConfig } from '../config/schema.ts';

/** How a passive data connection is asked for: learned once, kept for all sessions. */
export type PassiveCommand = 'EPSV' | 'PASV';

/** How a backend in active mode is told where to connect to: learned once, kept for all sessions. */
export type ActiveCommand = 'PORT' | 'EPRT';

/** Whether the last attempt to reach the backend worked; `unknown` before the first. */
export type Availability = 'unknown' | 'up' | 'down';

export class Backend {
  readonly config: BackendConfig;
  readonly #onAvailability: (availability: Availability) => void;
  #availability: Availability = 'unknown';
  #passiveCommand: PassiveCommand | undefined;
  #activeCommand: ActiveCommand = 'PORT';

  constructor(config: BackendConfig, onAvailability: (availability: Availability) => void) {
    this.config = config;
    this.#onAvailability = onAvailability;
  }

  get name(): string {
    return this.config.name;
  }

  get availability(): Availability {
    return this.#availability;
  }

  /** Records whether the backend could be reached and greeted. */
  reached(availability: 'up' | 'down'): void {
    if (availability === this.#availability) return;
    this.#availability = availability;
    this.#onAvailability(availability);
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
