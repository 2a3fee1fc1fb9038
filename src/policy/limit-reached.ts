/**
 * A limit that somebody has reached, as an error that knows which one it was.
 */
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { LimitName } from '../observe/measures.ts';
import type { Claimant } from './claims.ts';

export class LimitReached extends GatewayError {
  /** Which one, and for whom it counts. */
  readonly claim: Claimant & { readonly limit: LimitName };

  constructor(code: ErrorCode, claim: LimitReached['claim']) {
    super(code, { detail: claim.key });
    this.claim = claim;
  }
}
