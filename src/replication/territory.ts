/**
 * Which ports the sessions of this replica have, and whose else a connection to a port may be.
 */
import type { PortRange } from '../config/schema.ts';
import { portsText, rangeText } from '../config/worker-slices.ts';
import type { Introduction } from './messages.ts';
import type { OutgoingLink } from './outgoing-link.ts';
import { portsOfReplica } from './own-ports.ts';

export interface TerritoryOptions {
  readonly index: number;
  readonly count: number;
  readonly range: PortRange;
  /** Whether a session waits on this port. */
  readonly isAwaited: (port: number) => boolean;
  /** To all other replicas. */
  readonly links: () => readonly OutgoingLink[];
}

export class Territory {
  readonly #options: TerritoryOptions;
  #range: PortRange;
  #ports: ReadonlySet<number> = new Set();
  #revision = 0;

  constructor(options: TerritoryOptions) {
    this.#options = options;
    this.#range = options.range;
  }

  /** Whether all replicas have the same, single port. */
  get isShared(): boolean {
    return this.#range.first === this.#range.last;
  }

  /** As others are told. */
  get told(): Pick<Introduction, 'count' | 'revision' | 'ports' | 'range'> {
    const { count } = this.#options;
    return { count, revision: this.#revision, ports: portsText([...this.#ports]), range: rangeText(this.#range) };
  }

  /** Whether sessions here may have this port. */
  has(port: number): boolean {
    return this.#ports.has(port);
  }

  /** The ports of a range that sessions of this replica are given. */
  share(range: PortRange): readonly number[] {
    return portsOfReplica(range, this.#options.index, this.#options.count);
  }

  /**
   * Sessions here will get ports of this range, too: others must know before. Returns what takes that back; undefined where there is nothing
   * new in it.
   */
  claim(range: PortRange): (() => void) | undefined {
    const before = this.#ports;
    const more = this.share(range).filter((port) => !before.has(port));
    if (more.length === 0) return undefined;
    this.#set([...before, ...more]);
    return () => this.#set(before);
  }

  /** From now on sessions get ports of this range, and no others. Returns whether there is something to tell. */
  enter(range: PortRange): boolean {
    const before = this.told;
    this.#range = range;
    // Sessions may still wait on ports that they were given before.
    this.#set([...this.share(range), ...[...this.#ports].filter((port) => this.#options.isAwaited(port))]);
    return before.ports !== this.told.ports || before.range !== this.told.range;
  }

  /** The other replicas whose sessions may have a port, or had it a moment ago; all of them where it is nobody's. */
  ownersOf(port: number): readonly OutgoingLink[] {
    const links = this.#options.links();
    const owners = links.filter((link) => this.#mayHave(link, port));
    return owners.length > 0 || this.#ports.has(port) ? owners : links;
  }

  #mayHave({ index, known, circumstances }: OutgoingLink, port: number): boolean {
    const { count } = this.#options;
    const own = { range: rangeText(this.#range), count };
    return known.mayHave(port, own, () => portsOfReplica(this.#range, index, count).includes(port), circumstances);
  }

  #set(ports: Iterable<number>): void {
    this.#ports = new Set(ports);
    this.#revision += 1;
  }
}
