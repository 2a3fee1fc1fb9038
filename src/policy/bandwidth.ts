/**
 * The bandwidths of one process that are limited: a bucket for each scope and direction, as long as a transfer draws from it. Where
 * several processes serve one gateway, each has a part of every bandwidth, which somebody else tells it.
 */
import type { Most } from '../config/limits.ts';
import type { Claimant } from './claims.ts';
import { TokenBucket } from './token-bucket.ts';

/** Which way bytes go: `up` from clients, `down` to them. */
export type Way = 'up' | 'down';

/** A bandwidth that a transfer is bound to. */
export interface BandwidthClaim extends Claimant {
  readonly way: Way;
  /** Bytes per second, as the configuration has it now. */
  readonly most: () => Most;
}

/** How much of a bandwidth is used. */
export interface BandwidthUsage extends Pick<BandwidthClaim, 'scope' | 'whose' | 'way'> {
  readonly transfers: number;
  /** In the last seconds. */
  readonly bytesPerSecond: number;
  /** What all processes together may. */
  readonly most: Most;
}

/** Told of each change: so many transfers of this process draw from the bucket with this name now. */
export type OnDrawing = (bucket: string, transfers: number) => void;

/** A rate is measured over this long (milliseconds). */
const WINDOW = 2000;

interface Shared {
  readonly bucket: TokenBucket;
  claim: BandwidthClaim;
  transfers: number;
  /** The part of the bandwidth that is this process's. */
  part: number;
  readonly flow: Flow;
}

export class Bandwidth {
  readonly #onDrawing: OnDrawing | undefined;
  readonly #shared = new Map<string, Shared>();

  /** With `onDrawing` nothing flows until {@link Bandwidth.share} says which part is this process's; without it has all. */
  constructor(onDrawing?: OnDrawing) {
    this.#onDrawing = onDrawing;
  }

  /** The buckets of a new transfer, without those that are not bounded. Each is to be closed. */
  open(claims: readonly BandwidthClaim[]): readonly Drawing[] {
    return claims.filter((claim) => claim.most() !== 'unlimited').map((claim) => this.#open(claim));
  }

  /** The configuration has changed: rates of transfers that run change with it. */
  change(): void {
    for (const shared of this.#shared.values()) shared.bucket.change(rateOf(shared));
  }

  /** This process may use this part of a bandwidth, from 0 to 1. */
  share(bucket: string, part: number): void {
    const shared = this.#shared.get(bucket);
    if (shared === undefined) return;
    shared.part = part;
    shared.bucket.change(rateOf(shared));
  }

  get usage(): readonly BandwidthUsage[] {
    return [...this.#shared.values()].map(({ claim, transfers, flow }) => {
      const { scope, whose, way } = claim;
      return { scope, whose, way, transfers, bytesPerSecond: flow.rate, most: claim.most() };
    });
  }

  #open(claim: BandwidthClaim): Drawing {
    const name = nameOf(claim);
    const shared = this.#shared.get(name) ?? this.#made(name, claim);
    shared.claim = claim;
    shared.transfers += 1;
    shared.bucket.change(rateOf(shared));
    this.#onDrawing?.(name, shared.transfers);
    return new Drawing(
      shared.bucket,
      claim,
      (bytes) => shared.flow.add(bytes),
      () => {
        shared.transfers -= 1;
        if (shared.transfers === 0) this.#shared.delete(name);
        this.#onDrawing?.(name, shared.transfers);
      },
    );
  }

  #made(name: string, claim: BandwidthClaim): Shared {
    const part = this.#onDrawing === undefined ? 1 : 0;
    const shared = { bucket: new TokenBucket(0), claim, transfers: 0, part, flow: new Flow() };
    this.#shared.set(name, shared);
    return shared;
  }
}

/** What one transfer draws from one bucket. */
export class Drawing {
  readonly claim: BandwidthClaim;
  readonly #bucket: TokenBucket;
  readonly #onSpent: (bytes: number) => void;
  readonly #onClose: () => void;
  #credit = 0;
  #stopWaiting: (() => void) | undefined;
  #waited = 0;

  constructor(bucket: TokenBucket, claim: BandwidthClaim, onSpent: (bytes: number) => void, onClose: () => void) {
    this.claim = claim;
    this.#bucket = bucket;
    this.#onSpent = onSpent;
    this.#onClose = onClose;
  }

  /** Bytes that may be moved now; 0 where a portion has to be waited for. */
  available(): number {
    if (this.#credit === 0) this.#credit = this.#bucket.take() ?? 0;
    return this.#credit;
  }

  /** Milliseconds that were spent waiting. */
  get waited(): number {
    return this.#waited;
  }

  /** Calls back when there is credit. */
  wait(onCredit: () => void): void {
    const since = performance.now();
    this.#stopWaiting = this.#bucket.wait((bytes) => {
      this.#stopWaiting = undefined;
      this.#waited += performance.now() - since;
      this.#credit += bytes;
      onCredit();
    });
  }

  /** So many bytes are moved, no more than are {@link Drawing.available}. */
  spend(bytes: number): void {
    this.#credit -= bytes;
    this.#onSpent(bytes);
  }

  /** Waits no more, and gives back what is not needed. To be called once. */
  close(): void {
    this.#stopWaiting?.();
    if (this.#credit > 0) this.#bucket.giveBack(this.#credit);
    this.#onClose();
  }
}

/** Bytes per second over the last two windows. */
class Flow {
  #before = 0;
  #now = 0;
  #since = performance.now();

  add(bytes: number): void {
    this.#turn();
    this.#now += bytes;
  }

  get rate(): number {
    this.#turn();
    const span = performance.now() - this.#since + (this.#before > 0 ? WINDOW : 0);
    return span < 1 ? 0 : Math.round(((this.#before + this.#now) / span) * 1000);
  }

  #turn(): void {
    const age = performance.now() - this.#since;
    if (age < WINDOW) return;
    this.#before = age < 2 * WINDOW ? this.#now : 0;
    this.#now = 0;
    this.#since += Math.floor(age / WINDOW) * WINDOW;
  }
}

function nameOf({ way, scope, whose }: BandwidthClaim): string {
  return `${way} ${scope} ${whose}`;
}

function rateOf({ claim, part }: Shared): number {
  const most = claim.most();
  return most === 'unlimited' ? Number.POSITIVE_INFINITY : most * part;
}
