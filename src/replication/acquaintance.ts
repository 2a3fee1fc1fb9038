/**
 * What is known of another replica, whoever of the two has connected: which ports its sessions have, whether it may live, and who had its
 * index before. Pure.
 */
import { type Introduction, portsIn } from './messages.ts';

/** Which ports a replica has, as it has told. */
export type Told = Pick<Introduction, 'instance' | 'revision' | 'ports' | 'range'>;

/** One that is gone. */
interface Former {
  readonly instance: string;
  readonly ports: ReadonlySet<number>;
  readonly lostAt: number;
  /** Where connections may still come that its sessions have given up; null: anywhere. */
  readonly ghosts: readonly string[] | null;
}

/** What it is judged by. */
export interface Circumstances {
  /** Whether there is a connection with it, made by either side. */
  readonly isHeard: boolean;
  /** Milliseconds for which a connection may come that its session has given up. */
  readonly lateness: number;
  readonly now: number;
}

/** For how long one that was never known is believed to have gone a moment ago, where nobody runs in its place (milliseconds). */
const ON_THE_WAY = 5000;
/** Instances that are remembered; more are forgotten, the oldest first. */
const MOST_FORMER = 16;

export class Acquaintance {
  #introduction: Introduction | undefined;
  #ports: ReadonlySet<number> | undefined;
  /** When it was heard last; in the beginning it may live. */
  #signAt: number;
  /** When it was first seen, or told by itself, that nobody runs there. */
  #nobodySince: number | undefined;
  /** What it said at its end; null: nothing, or too many places to tell. */
  #farewell: readonly string[] | null = null;
  #former: readonly Former[] = [];

  constructor(now = performance.now()) {
    this.#signAt = now;
  }

  /** The ports that its sessions have; undefined until it has said so. They count on while it cannot be reached. */
  get ports(): ReadonlySet<number> | undefined {
    return this.#ports;
  }

  /** It has greeted us, or has answered our greeting. Throws MalformedMessage. */
  introduced(said: Introduction, now = performance.now()): void {
    const known = this.#introduction;
    const ports = portsIn(said.ports);
    if (known !== undefined && known.instance !== said.instance) {
      this.#former = [...this.#former, ...this.#present(this.#nobodySince ?? now)].slice(-MOST_FORMER);
    }
    this.sign(now);
    this.#nobodySince = undefined;
    this.#farewell = null;
    if (known?.instance === said.instance && known.revision > said.revision) return;
    this.#introduction = said;
    this.#ports = ports;
  }

  /** It has said that its ports have changed. What is older than what is known counts for nothing. Throws MalformedMessage. */
  announced(told: Told): void {
    const ports = portsIn(told.ports);
    const known = this.#introduction;
    if (known?.instance !== told.instance || known.revision > told.revision) return;
    const { revision, ports: text, range } = told;
    this.#introduction = { ...known, revision, ports: text, range };
    this.#ports = ports;
  }

  /** It has been heard. */
  sign(at = performance.now()): void {
    this.#signAt = Math.max(this.#signAt, at);
  }

  /** Nobody runs in its place. */
  isGone(now = performance.now()): void {
    this.#nobodySince ??= now;
  }

  /** It has said goodbye, and where connections may still come. */
  left(instance: string, ghosts: readonly string[] | null, now = performance.now()): void {
    if (this.#introduction?.instance === instance) {
      this.isGone(now);
      this.#farewell = ghosts;
    } else this.#former = this.#former.map((each) => (each.instance === instance ? { ...each, ghosts } : each));
  }

  /**
   * Whether connections to a port may be for its sessions, for all that is known. What it has said counts on while it cannot be reached, where it
   * has the same range as we: with another one it may be about to change, and have any port. `inSlice`: whether it has it by our own
   * settings.
   */
  mayHave(
    port: number,
    own: Pick<Introduction, 'range' | 'count'>,
    inSlice: () => boolean,
    on: Circumstances,
  ): boolean {
    const known = this.#introduction;
    const isAlike = known !== undefined && known.range === own.range && known.count === own.count;
    const isSure = on.isHeard || isAlike || !this.#mayLive(on);
    if (!isSure || (this.#ports?.has(port) ?? inSlice())) return true;
    return this.#lost(on).some(({ ports }) => ports.has(port));
  }

  /** Whether a connection to this place may be for a session there, or for one that was there, though it does not answer. */
  mayWait(port: number, place: string, on: Circumstances): boolean {
    if (this.#mayLive(on) || this.isHaunted(port, place, on)) return true;
    if (this.#introduction !== undefined || this.#nobodySince === undefined) return false;
    return on.now - this.#nobodySince <= ON_THE_WAY;
  }

  /** Whether a connection to this place may be for a session of an instance that is gone: nobody but it knew. */
  isHaunted(port: number, place: string, on: Circumstances): boolean {
    return this.#lost(on).some(({ ports, ghosts }) => ports.has(port) && (ghosts?.includes(place) ?? true));
  }

  #mayLive({ isHeard, lateness, now }: Circumstances): boolean {
    return isHeard || (this.#nobodySince === undefined && now - this.#signAt <= lateness);
  }

  /** Instances that are gone, and not for long. */
  #lost({ isHeard, lateness, now }: Circumstances): readonly Former[] {
    const last = isHeard || this.#nobodySince === undefined ? [] : this.#present(this.#nobodySince);
    return [...this.#former, ...last].filter(({ lostAt }) => lostAt + lateness > now);
  }

  /** The one that was known last, as one that is gone. */
  #present(lostAt: number): readonly Former[] {
    if (this.#introduction === undefined || this.#ports === undefined) return [];
    return [{ instance: this.#introduction.instance, ports: this.#ports, lostAt, ghosts: this.#farewell }];
  }
}
