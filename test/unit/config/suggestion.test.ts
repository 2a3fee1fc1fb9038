/** "Did you mean" for keys and words. */
import { describe, expect, it } from 'vitest';
import { nearest, suggestKey } from '../../../src/config/suggestion.ts';

describe('nearest', () => {
  it.each([
    ['requireTLS', 'requireTls'],
    ['require_tls', 'requireTls'],
    ['require-prot-p', 'requireProtP'],
    ['requierTls', 'requireTls'],
    ['requirTl', 'requireTls'],
  ])('%s means %s', (given, meant) => {
    expect(nearest(given, ['requireTls', 'requireProtP', 'uploadEnd'])).toBe(meant);
  });

  it('stays silent when nothing is near', () => {
    expect(nearest('banner', ['requireTls', 'requireProtP', 'uploadEnd'])).toBeUndefined();
    expect(nearest('x'.repeat(10_000), ['requireTls'])).toBeUndefined();
    expect(nearest('anything', [])).toBeUndefined();
  });
});

describe('suggestKey', () => {
  it('looks among the keys of the same section first', () => {
    expect(suggestKey([], 'backend')).toBe('did you mean backends?');
    expect(suggestKey(['listeners', 3], 'adress')).toBe('did you mean address?');
    expect(suggestKey(['data', 'passive'], 'port')).toBe('did you mean ports?');
  });

  it('knows where a misplaced key belongs', () => {
    expect(suggestKey([], 'minVersion')).toBe('did you mean tls.minVersion or backends[].minVersion?');
    expect(suggestKey(['data'], 'advertise')).toBe('did you mean data.passive.advertise?');
    expect(suggestKey([], 'requireTls')).toBe('did you mean policy.requireTls or listeners[].policy.requireTls?');
  });

  it('has no suggestion for a key unlike all others', () => {
    expect(suggestKey([], 'wallpaper')).toBeUndefined();
  });
});
