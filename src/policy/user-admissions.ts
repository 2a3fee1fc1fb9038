/**
 * How many sessions a user may have. Counts only; who allows how many is told each time.
 */
import { type Admission, placeOf } from './admissions.ts';

/** Who gives places to users: this process, or another one that counts for several. */
export interface UserPlaces {
  /** Asks for a place for one more session of this user (Latin-1), who may have `most` of them. */
  enter(user: string, most: number): Admission | Promise<Admission>;
}

export class UserAdmissions implements UserPlaces {
  readonly #sessions = new Map<string, number>();

  enter(user: string, most: number): Admission {
    const here = this.#sessions.get(user) ?? 0;
    if (here >= most) return { refused: 'too-many-sessions-of-user' };
    this.#sessions.set(user, here + 1);
    return placeOf(() => this.#leave(user));
  }

  #leave(user: string): void {
    const rest = (this.#sessions.get(user) ?? 1) - 1;
    if (rest > 0) this.#sessions.set(user, rest);
    else this.#sessions.delete(user);
  }
}
