/**
 * How long backends take to answer USER and to turn a password away, so that a login without a route takes as long: nobody
 * shall learn from the time which names lead somewhere. Keeps durations only.
 */
import { randomInt } from 'node:crypto';

/** Before anything was measured (milliseconds): the delay of vsftpd after a wrong password is one second. */
const FIRST = { named: 5, refused: 1000 } as const;
/** How many durations are kept of each kind. */
const KEPT = 64;

/** USER was answered with 331; PASS was answered with 530. */
export type PacedAnswer = keyof typeof FIRST;

export class LoginPace {
  readonly #measured: Readonly<Record<PacedAnswer, number[]>> = { named: [], refused: [] };

  /** A backend took this long (milliseconds). */
  measured(answer: PacedAnswer, milliseconds: number): void {
    const kept = this.#measured[answer];
    kept.push(milliseconds);
    if (kept.length > KEPT) kept.shift();
  }

  /** A duration that a backend took for this answer lately, any of them (milliseconds). */
  draw(answer: PacedAnswer): number {
    const kept = this.#measured[answer];
    return kept.length === 0 ? FIRST[answer] : (kept[randomInt(kept.length)] ?? FIRST[answer]);
  }
}
