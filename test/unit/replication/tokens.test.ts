/** Tokens by which a handed-over connection is believed: once, in time, and no other. */
import { describe, expect, it } from 'vitest';
import { TOKEN_LIFE, Tokens } from '../../../src/replication/tokens.ts';

const PASS = { port: 50_000, client: { address: '192.0.2.1', port: 5 }, claim: () => {} };

describe('a token', () => {
  it('counts once', () => {
    const tokens = new Tokens();
    const token = tokens.issue(PASS, 0);
    expect(token).toHaveLength(32);
    expect(tokens.redeem(token, 1)).toBe(PASS);
    expect(tokens.redeem(token, 2)).toBeUndefined();
  });

  it('counts for some seconds, whatever is issued meanwhile', () => {
    const tokens = new Tokens();
    const [early, late] = [tokens.issue(PASS, 0), tokens.issue(PASS, 1)];
    tokens.issue(PASS, TOKEN_LIFE - 1);
    expect(tokens.redeem(early, TOKEN_LIFE)).toBeUndefined();
    expect(tokens.redeem(late, TOKEN_LIFE)).toBe(PASS);
  });

  it('is none where nobody has issued it', () => {
    const tokens = new Tokens();
    const token = tokens.issue(PASS, 0);
    for (const other of [Buffer.alloc(32), Buffer.alloc(0), token.subarray(1), Buffer.concat([token, token])]) {
      expect(tokens.redeem(other, 1)).toBeUndefined();
    }
    expect(tokens.redeem(token, 1)).toBe(PASS);
  });
});
