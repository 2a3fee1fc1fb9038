/**
 * Tokens by which a replica believes another one that hands a data connection over: each is for one connection, and for some seconds.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Claim } from '../data/arrivals.ts';
import type { Endpoint } from '../net/address.ts';

/** For how long a token counts (milliseconds). */
export const TOKEN_LIFE = 10_000;
const TOKEN_BYTES = 32;
/** More are forgotten, the oldest first. */
const MOST = 10_000;

/** What a token is for. */
export interface Pass {
  readonly port: number;
  readonly client: Endpoint;
  /** Takes the connection over. */
  readonly claim: Claim;
}

interface Issued {
  readonly pass: Pass;
  readonly token: Buffer;
  readonly until: number;
}

export class Tokens {
  /** By what a token is called; the oldest first. */
  readonly #issued = new Map<string, Issued>();

  issue(pass: Pass, now = performance.now()): Buffer {
    for (const [name, { until }] of this.#issued) {
      if (until > now && this.#issued.size < MOST) break;
      this.#issued.delete(name);
    }
    const token = randomBytes(TOKEN_BYTES);
    this.#issued.set(connectionName(token), { pass, token, until: now + TOKEN_LIFE });
    return token;
  }

  /** What a token is for, once; undefined where it is none, is over, or was used. */
  redeem(token: Buffer, now = performance.now()): Pass | undefined {
    const name = connectionName(token);
    const issued = this.#issued.get(name);
    if (issued === undefined) return undefined;
    this.#issued.delete(name);
    const right = token.length === TOKEN_BYTES && timingSafeEqual(token, issued.token);
    return right && issued.until > now ? issued.pass : undefined;
  }
}

/** What both replicas call a connection that was handed over with this token; says nothing of the token. */
export function connectionName(token: Buffer): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 32);
}
