/**
 * Logins that failed: how long the next refusal is held back, and which addresses are banned. Counts and judges; waits for nobody
 * and closes nothing.
 */
import { createHash } from 'node:crypto';
import type { BanConfig, LoginDelayConfig } from '../config/login-limits.ts';
import { type Network, parseNetwork } from '../net/address.ts';
import { addressKey } from './address-key.ts';

/** An address that is turned away. */
export interface Ban {
  /** An IPv4 address, or an IPv6 network of 64 bits. */
  readonly address: string;
  readonly until: Date;
  /** Failed logins that began it. */
  readonly failures: number;
}

/** What follows from a failed login. */
export interface LoginFailure {
  /** Milliseconds to hold the refusal back. */
  readonly delay: number;
  /** Whether the address is banned: by this failure, or before it. */
  readonly ban: 'none' | 'begins' | 'holds';
}

export interface FailedLoginsOptions {
  readonly loginDelay: LoginDelayConfig;
  readonly ban: BanConfig;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** Addresses and names that are remembered; the ones that were quiet for longest make way. */
const MAX_REMEMBERED = 50_000;
/** Failures of one address or name that are counted for delays: the delay has long been at its most then. */
const MAX_COUNTED = 32;

export class FailedLogins {
  readonly #clock: () => number;
  #options: FailedLoginsOptions;
  #except: readonly Network[];
  readonly #byAddress: RecentTimes;
  readonly #byUser: RecentTimes;
  readonly #forBan: RecentTimes;
  readonly #bans = new Map<string, { readonly until: number; readonly failures: number }>();

  constructor(options: FailedLoginsOptions) {
    const { loginDelay, ban, clock = Date.now } = options;
    this.#options = options;
    this.#clock = clock;
    this.#except = ban.except.map(parseNetwork);
    this.#byAddress = new RecentTimes(loginDelay.within, MAX_COUNTED);
    this.#byUser = new RecentTimes(loginDelay.within, MAX_COUNTED);
    this.#forBan = new RecentTimes(ban.within, ban.failures === 'off' ? 0 : ban.failures);
  }

  /** Other settings; what happened before counts by them, and bans that hold go on. */
  change(options: Omit<FailedLoginsOptions, 'clock'>): void {
    const { loginDelay, ban } = options;
    this.#options = options;
    this.#except = ban.except.map(parseNetwork);
    this.#byAddress.change(loginDelay.within, MAX_COUNTED);
    this.#byUser.change(loginDelay.within, MAX_COUNTED);
    this.#forBan.change(ban.within, ban.failures === 'off' ? 0 : ban.failures);
  }

  /** A login failed. `user` is what the client said, Latin-1; it is kept only as a digest, since it may be a password. */
  failed(address: string, user: string): LoginFailure {
    const now = this.#clock();
    const key = addressKey(address);
    const count = Math.max(this.#byAddress.add(key, now), this.#byUser.add(digest(user), now));
    return { delay: this.#delay(count), ban: this.#ban(address, key, now) };
  }

  /** Whether the address is to be turned away. */
  isBanned(address: string): boolean {
    return this.#bans.size > 0 && this.#holds(addressKey(address), this.#clock());
  }

  /** All that hold now; the one that ends first comes first. */
  get bans(): readonly Ban[] {
    const now = this.#clock();
    const keys = [...this.#bans.keys()].filter((key) => this.#holds(key, now));
    const bans = keys.flatMap((address) => {
      const ban = this.#bans.get(address);
      return ban === undefined ? [] : [{ address, until: new Date(ban.until), failures: ban.failures }];
    });
    return bans.sort((a, b) => a.until.getTime() - b.until.getTime());
  }

  /** Lifts a ban; false where this address, as {@link bans} has it, is not banned. */
  liftBan(address: string): boolean {
    return this.#holds(address, this.#clock()) && this.#bans.delete(address);
  }

  #delay(count: number): number {
    const { first, most } = this.#options.loginDelay;
    return count < 2 ? 0 : Math.min(most, first * 2 ** (count - 2));
  }

  #ban(address: string, key: string, now: number): LoginFailure['ban'] {
    const { failures, for: duration } = this.#options.ban;
    if (this.#holds(key, now)) return 'holds';
    if (failures === 'off' || this.#except.some((network) => network.contains(address))) return 'none';
    const count = this.#forBan.add(key, now);
    if (count < failures) return 'none';
    this.#forBan.forget(key);
    remember(this.#bans, key, { until: now + duration, failures: count });
    return 'begins';
  }

  #holds(key: string, now: number): boolean {
    const ban = this.#bans.get(key);
    if (ban === undefined) return false;
    if (ban.until > now) return true;
    this.#bans.delete(key);
    return false;
  }
}

/** The latest times at which something happened, by key. */
class RecentTimes {
  #window: number;
  #most: number;
  readonly #times = new Map<string, readonly number[]>();

  constructor(window: number, most: number) {
    this.#window = window;
    this.#most = most;
  }

  change(window: number, most: number): void {
    this.#window = window;
    this.#most = most;
  }

  /** Notes a time; how many there are within the window, at most `most`. */
  add(key: string, now: number): number {
    const recent = (this.#times.get(key) ?? []).filter((time) => time > now - this.#window);
    const times = [...recent, now].slice(-this.#most);
    remember(this.#times, key, times);
    return times.length;
  }

  forget(key: string): void {
    this.#times.delete(key);
  }
}

/** The newest entry stands last; the first makes way. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
}

function digest(user: string): string {
  return createHash('sha256').update(user, 'latin1').digest('base64');
}
