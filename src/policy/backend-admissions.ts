/**
 * How many sessions a backend may have. Counts only; knows nothing of sockets.
 */
import { type Admission, placeOf } from './admissions.ts';

/** Who gives places at backends: this process, or another one that counts for several. */
export interface BackendPlaces {
  /** Asks for a place for one more session of the backend with this name. */
  enter(backend: string): Admission | Promise<Admission>;
}

/** A backend as it is counted. */
interface Bounded {
  readonly name: string;
  readonly maxSessions: number | 'unlimited';
}

export class BackendAdmissions implements BackendPlaces {
  readonly #used = new Map<string, number>();
  #backends: readonly Bounded[];

  constructor(backends: readonly Bounded[]) {
    this.#backends = backends;
  }

  /** The limits of a new configuration; places that were given before count. */
  change(backends: readonly Bounded[]): void {
    this.#backends = backends;
  }

  /** Asks for a place; a backend without limit always has one. */
  enter(backend: string): Admission {
    const most = this.#backends.find(({ name }) => name === backend)?.maxSessions ?? 'unlimited';
    const used = this.#used.get(backend) ?? 0;
    if (most !== 'unlimited' && used >= most) return { refused: 'backend-full' };
    this.#used.set(backend, used + 1);
    return placeOf(() => this.#leave(backend));
  }

  #leave(backend: string): void {
    const rest = (this.#used.get(backend) ?? 1) - 1;
    if (rest > 0) this.#used.set(backend, rest);
    else this.#used.delete(backend);
  }
}
