/**
 * Whether a replica can be who it says it is: the index is one that there is, it is not our own, its certificate is for it, and no other
 * replica that lives has it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { peerPlace, type ReplicationConfig } from '../config/replication.ts';
import { GatewayError } from '../errors/errors.ts';
import type { PeerTls } from '../tls/peer-tls.ts';
import type { Introduction } from './messages.ts';

/** How long is waited to see whether a replica whose index another one claims still lives (milliseconds): it says something every second. */
const SIGN_OF_LIFE = 2500;
const NEVER = Number.NEGATIVE_INFINITY;

/** A replica there is a connection with. */
interface Known {
  readonly introduction: Introduction | undefined;
  /** When it was heard last (`performance.now()`). */
  readonly heardAt: number;
}

export interface ClaimsOptions {
  readonly index: number;
  readonly instance: string;
  readonly config: ReplicationConfig;
  readonly tls: () => PeerTls;
  /** Who has connected to this replica with an index, and to whom this replica has. */
  readonly caller: (index: number) => Known | undefined;
  readonly link: (index: number) => Known | undefined;
  /** Closes the connection of a caller that is gone. */
  readonly dismiss: (index: number) => void;
  /** Fires when this replica stops: whoever is judged then is turned away. */
  readonly signal: AbortSignal;
}

export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Raises GatewayError where a replica that has connected must not be listened to. */
  async judgeCaller(introduction: Introduction, socket: TLSSocket): Promise<void> {
    const { index, count, instance } = introduction;
    const { config, index: ownIndex } = this.#options;
    const own = `${index === ownIndex ? 'this one is' : 'it says'} replica ${index}`;
    if (instance === this.#options.instance) throw new GatewayError('replication-index-wrong');
    if (index === ownIndex) {
      // Who of the two is right is for others to say, who know both.
      const cause = new GatewayError('replication-wrong-replica');
      throw new GatewayError('replication-index-taken', { detail: own, cause });
    }
    const place = peerPlace(config, index);
    if (index >= count || place === undefined) {
      const detail = `${own} of ${count}; here replication.count is ${config.count}`;
      throw new GatewayError('replication-index-unknown', { detail });
    }
    if (!this.#options.tls().belongsTo(socket, place.host)) {
      throw new GatewayError('replication-certificate', { detail: `${own}, which is ${place.host}` });
    }
    await this.judge(introduction);
  }

  /** Whether no other replica that lives has this index. */
  async judge({ index, instance }: Introduction): Promise<void> {
    const { caller, link, dismiss, signal } = this.#options;
    const heardAt = () => {
      const known = [caller(index), link(index)];
      const others = known.flatMap((each) =>
        each?.introduction === undefined || each.introduction.instance === instance ? [] : [each.heardAt],
      );
      return Math.max(...others, NEVER);
    };
    const before = heardAt();
    if (before === NEVER) return;
    await sleep(SIGN_OF_LIFE, undefined, { signal }).catch(() => {
      throw new GatewayError('shutting-down');
    });
    if (heardAt() > before) {
      const detail = `another replica ${index} is there and lives`;
      throw new GatewayError('replication-index-taken', { detail });
    }
    if (caller(index)?.introduction?.instance !== instance) dismiss(index);
  }
}
