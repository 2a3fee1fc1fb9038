/**
 * Names with `*`, `?` and `[…]`, as shells and FTP servers read them. Pure.
 */

/** Whether a name in a listing is meant. */
export type NameTest = (name: string) => boolean;

/** What makes a name a pattern; with braces some servers do the same. */
const WILD = /[*?[{]/;

type Token = { readonly kind: 'any' } | { readonly kind: 'one'; readonly is: (character: string) => boolean };

/** Whether a server may take this for more than one name. */
export function isPattern(name: string): boolean {
  return WILD.test(name);
}

/**
 * The names that a pattern means, and the name that it is itself. Names that begin with a dot are meant by patterns that do so. Takes time in
 * proportion to both lengths.
 */
export function nameTest(pattern: string): NameTest {
  const tokens = tokensOf(pattern);
  const dotted = pattern.startsWith('.');
  return (name) => name === pattern || (name.startsWith('.') === dotted && matches(tokens, name));
}

function tokensOf(pattern: string): readonly Token[] {
  return Array.from(pattern.matchAll(/\*+|\?|\[([!^]?)([^\]]+)\]|./gs), ([text, not = '', inside]): Token => {
    if (text.startsWith('*')) return { kind: 'any' };
    if (text === '?') return { kind: 'one', is: () => true };
    if (inside === undefined) return { kind: 'one', is: (character) => character === text };
    return { kind: 'one', is: (character) => isAmong(character, inside) === (not === '') };
  });
}

/** As in `a-z_`. */
function isAmong(character: string, set: string): boolean {
  for (let at = 0; at < set.length; at += 1) {
    const [first = '', dash, last = ''] = set.slice(at, at + 3);
    if (dash === '-' && last !== '') {
      if (first <= character && character <= last) return true;
      at += 2;
    } else if (first === character) {
      return true;
    }
  }
  return false;
}

/** Greedy with one point to go back to, so that no pattern takes exponential time. */
function matches(tokens: readonly Token[], name: string): boolean {
  let [at, place] = [0, 0];
  let star: { readonly at: number; place: number } | undefined;
  while (place < name.length) {
    const token = tokens[at];
    if (token?.kind === 'any') {
      star = { at, place };
      at += 1;
    } else if (token?.is(name[place] ?? '') === true) {
      at += 1;
      place += 1;
    } else if (star !== undefined) {
      star.place += 1;
      at = star.at + 1;
      place = star.place;
    } else {
      return false;
    }
  }
  return tokens.slice(at).every(({ kind }) => kind === 'any');
}
