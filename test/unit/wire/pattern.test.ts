/** Patterns with `*` and `?`, and whether one covers another. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyOf, patternCovers } from '../../../src/wire/pattern.ts';

const matches = (pattern: string, text: string): boolean => anyOf([pattern])(text);

/** Few letters, so that patterns and texts meet. */
const PATTERN = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
const TEXT = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });

describe('a pattern', () => {
  it.each([
    ['alice', 'alice', true],
    ['alice', 'alice2', false],
    ['alice', 'Alice', false],
    ['plant1-*', 'plant1-', true],
    ['plant1-*', 'plant1-a-b', true],
    ['*-in', 'a-in-in', true],
    ['*a*b', 'xaxxb', true],
    ['*a*b', 'xbxxa', false],
    ['???', 'abc', true],
    ['???', 'ab', false],
    ['*', '', true],
    ['?', '', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['**?', '', false],
    ['', '', true],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it('means what the regular expression means', () => {
    fc.assert(
      fc.property(PATTERN, TEXT, (pattern, text) => {
        const source = [...pattern].map((each) => (each === '*' ? '[^]*' : each === '?' ? '[^]' : each)).join('');
        expect(matches(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
    );
  });

  it('takes no exponential time', () => {
    expect(matches('*a'.repeat(50), `${'a'.repeat(5000)}b`)).toBe(false);
  });
});

describe('a pattern that covers another', () => {
  it.each([
    ['*', 'a*b', true],
    ['a*', 'ab*', true],
    ['ab*', 'a*', false],
    ['?', '*', false],
    ['*', '?', true],
    // True, and hard to tell: then the answer is no.
    ['?*', '*?', false],
    ['a', 'a', true],
    ['*.example.com', 'ftp.example.com', true],
  ])('%j covers %j: %s', (outer, inner, expected) => {
    expect(patternCovers(outer, inner)).toBe(expected);
  });

  it('matches everything that the other matches', () => {
    fc.assert(
      fc.property(PATTERN, PATTERN, TEXT, (outer, inner, text) => {
        fc.pre(patternCovers(outer, inner) && matches(inner, text));
        expect(matches(outer, text)).toBe(true);
      }),
      { numRuns: 300, maxSkipsPerRun: 5000 },
    );
  });

  it('covers itself', () => {
    fc.assert(fc.property(PATTERN, (pattern) => patternCovers(pattern, pattern)));
  });
});
