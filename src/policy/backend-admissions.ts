/**
 * How many sessions a backend may have. Counts only; knows nothing of sockets.
 */
import type { Admission } from './admissions.ts';

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
  readonly #free = new Map<string, number>();

  constructor(backends: readonly Bounded[]) {
    for (const { name, maxSessions } of backends) if (maxSessions !== 'unlimited') this.#free.set(name, maxSessions);
  }

  /** Asks for a place; a backend without limit always has one. */
  enter(backend: string): Admission {
    const free = this.#free.get(backend);
    if (free === undefined) return { leave: () => {} };
    if (free === 0) return { refused: 'backend-full' };
    this.#free.set(backend, free - 1);
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        this.#free.set(backend, (this.#free.get(backend) ?? 0) + 1);
      },
    };
  }
}
