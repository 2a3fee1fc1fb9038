/**
 * Who may ask the side port what: tokens, certificates of clients, and what is open without either. Judges what it is shown;
 * knows no route and speaks no HTTP.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../config/admin.ts';
import { canonicalAddress, isNetwork } from '../net/address.ts';
import { GuessLimit } from './guess-limit.ts';

/** What is asked for: `open` is for everybody, `metrics` unless reading is protected. */
export type Right = 'open' | 'metrics' | 'read' | 'write';

/** What a request shows. */
export interface Credentials {
  /** Other end of the connection. */
  readonly address: string;
  /** Header `Host`. */
  readonly host: string | undefined;
  /** Header `Authorization`. */
  readonly authorization: string | undefined;
  /** Whether it came with a certificate of a trusted authority. */
  readonly certified: boolean;
  /** Whether it says that a proxy sends it for somebody else. */
  readonly forwarded: boolean;
}

/** Why a request is not answered. */
export type Denial =
  | 'no-token'
  | 'wrong-token'
  | 'read-only-token'
  | 'too-many-guesses'
  | 'no-certificate'
  | 'foreign-host'
  | 'forwarded'
  | 'reading-not-configured'
  | 'writing-not-configured';

/** How the side port is protected. */
export interface Protection {
  /** Address that it listens on. */
  readonly address: string;
  readonly readToken: string | null;
  readonly writeToken: string | null;
  /** Whether certificates of clients are asked for. */
  readonly certificates: boolean;
}

export class Access {
  readonly #protection: Omit<Protection, 'readToken' | 'writeToken'>;
  readonly #readToken: Buffer | undefined;
  readonly #writeToken: Buffer | undefined;
  readonly #guesses: GuessLimit;

  /** `guesses` go on where another access was before. */
  constructor({ readToken, writeToken, ...protection }: Protection, guesses = new GuessLimit()) {
    this.#protection = protection;
    this.#readToken = readToken === null ? undefined : digest(readToken);
    this.#writeToken = writeToken === null ? undefined : digest(writeToken);
    this.#guesses = guesses;
  }

  /** Why this request has no such right; undefined where it has. */
  judge(right: Right, shown: Credentials): Denial | undefined {
    if (right === 'open') return undefined;
    const { certificates } = this.#protection;
    if (right === 'write') {
      if (this.#writeToken === undefined) return 'writing-not-configured';
      if (certificates && !shown.certified) return 'no-certificate';
      return this.#judgeToken(right, shown);
    }
    if (certificates && !shown.certified) return 'no-certificate';
    if (this.#readToken !== undefined) return this.#judgeToken(right, shown);
    if (certificates || right === 'metrics') return undefined;
    if (shown.authorization !== undefined && this.#writeToken !== undefined) return this.#judgeToken(right, shown);
    if (!isLoopback(this.#protection.address)) return 'reading-not-configured';
    // A proxy on this machine would show it to the world.
    if (shown.forwarded) return 'forwarded';
    // A page of somebody else may give this machine a name of its own (DNS rebinding), but no address.
    return isOwnName(shown.host) ? undefined : 'foreign-host';
  }

  #judgeToken(right: Right, { address, authorization }: Credentials): Denial | undefined {
    if (authorization === undefined) return 'no-token';
    const token = tokenOf(authorization, right);
    if (token === undefined) return 'no-token';
    const granted = this.#rightsOf(token);
    if (granted === 'none') return this.#guesses.guess(address) ? 'wrong-token' : 'too-many-guesses';
    return granted === 'read' && right === 'write' ? 'read-only-token' : undefined;
  }

  /** Takes the same time for every token: digests are compared, and all of them. */
  #rightsOf(token: string): 'none' | 'read' | 'write' {
    const given = digest(token);
    const reads = this.#readToken !== undefined && timingSafeEqual(given, this.#readToken);
    const writes = this.#writeToken !== undefined && timingSafeEqual(given, this.#writeToken);
    if (writes) return 'write';
    return reads ? 'read' : 'none';
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/**
 * The token of a header (RFC 6750 §2.1); for reading also as the password of a browser (RFC 7617), with any name. A browser sends
 * that to whatever page makes it ask, so that it must not give orders.
 */
function tokenOf(authorization: string, right: Right): string | undefined {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(authorization.trim()) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic' || right === 'write') return undefined;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? [];
  return password;
}

/** Whether a `Host` is a literal address or `localhost`, with or without a port. */
function isOwnName(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  const address = /^\[(.+)\]$/.exec(name)?.[1] ?? name;
  return name === 'localhost' || (!address.includes('/') && isNetwork(canonicalAddress(address)));
}
