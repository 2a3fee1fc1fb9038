/**
 * What the table of errors says of each. Knows no code.
 */

/** One row of the table. `reply` is what the client is told: code and text; null where the client is told nothing. */
export interface ErrorDescription {
  readonly reply: readonly [code: number, text: string] | null;
  /** What happened, for an operator. */
  readonly meaning: string;
  /** What an operator can do about it. */
  readonly remedy: string;
}
