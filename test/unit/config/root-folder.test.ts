/** The folder that a client sees as `/`: which ones can be, and whether their backends read them so. */
import { describe, expect, it } from 'vitest';
import { parseDecision } from '../../../src/config/decision.ts';
import { isRootFolder, rootErrors } from '../../../src/config/root-folder.ts';
import { POSIX_PATHS } from '../../../src/wire/path.ts';

describe('a root', () => {
  it.each(['/partners/acme', '/a', '/d\u00e9p\u00f4t/a b', '/a.b/..c', '/a\\b'])('can be %j', (path) => {
    expect(isRootFolder(path)).toBe(true);
  });

  it.each([
    '',
    '/',
    'partners',
    './a',
    '/a/',
    '//a',
    '/a//b',
    '/a/.',
    '/a/../b',
    '/a\r\nDELE x',
    '/a\0',
    '/a ',
  ])('cannot be %j', (path) => {
    expect(isRootFolder(path)).toBe(false);
  });

  it('that a backend of its route reads in another way is told', () => {
    const backends = [
      { name: 'posix', paths: POSIX_PATHS },
      { name: 'windows', paths: { style: 'windows', caseInsensitive: true, backslash: 'refuse' } },
      { name: 'host', paths: { style: 'other', caseInsensitive: false, backslash: 'refuse' } },
    ] as const;
    const routes = [
      { root: '/partners/a', backends: ['posix', 'windows'] },
      { root: '/partners/a.', backends: ['posix', 'windows'] },
      { root: '/partners', backends: ['host'] },
      { root: null, backends: ['host'] },
    ];
    expect(rootErrors({ routes, backends }).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'routes[1].root: found "/partners/a.", which backend windows would not read as it is written; see its paths',
      'routes[2].root: found "/partners", which backend host would not read as it is written; see its paths',
    ]);
  });
});

describe('the root of a decision', () => {
  const answer = (root: unknown) => parseDecision(JSON.stringify({ decision: 'allow', root }));

  it('is a folder, none at all, or not said', () => {
    expect(answer('/partners/acme')).toMatchObject({ root: '/partners/acme' });
    expect(answer(null)).toMatchObject({ root: null });
    expect(answer(undefined)).toMatchObject({ root: undefined });
  });

  it.each(['partners', '/', '/a/..', 7])('that is %j lets nobody in', (root) => {
    expect(() => answer(root)).toThrow('root: ');
  });
});
