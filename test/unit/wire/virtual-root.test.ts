/** A folder of the backend that a client takes for `/`: paths from one view to the other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPath, type PathStyle, POSIX_PATHS } from '../../../src/wire/path.ts';
import { nameOf, parentOf, quotedPath, VirtualRoot } from '../../../src/wire/virtual-root.ts';

const ROOT = '/partners/acme';
const WINDOWS: PathStyle = { style: 'windows', caseInsensitive: true, backslash: 'refuse' };
const STYLES = [POSIX_PATHS, { ...POSIX_PATHS, backslash: 'character' } as const, WINDOWS];

/** Any bytes, and often the pieces of which tricks are made. */
const argument = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '/',
        '//',
        '\\',
        '..\\',
        '~',
        '~rival',
        'partners',
        'acme',
        'rival',
        ' ',
        '"',
        '%2e',
        ':',
      ),
      fc.constantFrom(
        '\xc0\xae',
        '\xe0\x80\xaf',
        '::$DATA',
        '\xff',
        '*',
        '{',
        '[a]',
        '-la',
        'C:',
        'e\xcc\x81',
        '\xc3\xa9',
      ),
      fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 6 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));
const folder = fc.array(fc.constantFrom('sub', 'a b', 'd\xe9', 'partners')).map((steps) => `/${steps.join('/')}`);

describe('every argument of a client', () => {
  it.each(STYLES)('becomes a canonical path below the root, and back the path that the client meant: %j', (style) => {
    const root = new VirtualRoot(ROOT, style);
    fc.assert(
      fc.property(folder, argument, (directory, given) => {
        const { path } = root.resolve(directory, given);
        if (path === undefined) return;
        const sent = root.backendPath(path);
        expect(sent === ROOT || sent.startsWith(`${ROOT}/`)).toBe(true);
        expect(sent.split('/')).not.toEqual(expect.arrayContaining(['..']));
        if (sent.length <= 4096) expect(canonicalPath(undefined, sent, style)).toEqual({ path: sent });
        expect(root.virtualPath(sent)).toBe(path);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a path of the backend', () => {
  const root = new VirtualRoot(ROOT, POSIX_PATHS);
  it.each([
    ['/partners/acme', '/'],
    ['/partners/acme/a', '/a'],
    ['/partners/acme/partners/acme', '/partners/acme'],
    ['/partners/acmeX', undefined],
    ['/partners/ACME', undefined],
    ['/partners', undefined],
    ['/', undefined],
    ['/partners/acme/../rival', undefined],
    ['/partners/acme/', undefined],
    ['partners/acme', undefined],
    ['', undefined],
  ])('%j is %j to the client', (path, seen) => {
    expect(root.virtualPath(path)).toBe(seen);
  });

  it('is found in whatever case, where that does not count', () => {
    const windows = new VirtualRoot('/Partners/Acme', WINDOWS);
    expect(windows.virtualPath('/PARTNERS/acme/Sub')).toBe('/Sub');
    expect(windows.virtualPath('/PARTNERS/acmes/Sub')).toBeUndefined();
  });

  it('may begin with the real place of the root, where that is a link', () => {
    const linked = new VirtualRoot(ROOT, POSIX_PATHS, '/data/7');
    expect(linked.virtualPath('/data/7/x')).toBe('/x');
    expect(linked.virtualPath('/partners/acme/x')).toBe('/x');
    expect(linked.backendPath('/x')).toBe('/partners/acme/x');
    expect(linked.virtualPath('/data/77')).toBeUndefined();
  });
});

it('a root is canonical', () => {
  for (const path of ['partners', '/partners/', '/partners/..', '', '/a//b']) {
    expect(() => new VirtualRoot(path, POSIX_PATHS), path).toThrow(RangeError);
  }
});

it('the parent, the name and the quoted form of a path', () => {
  expect(['/', '/a', '/a/b'].map(parentOf)).toEqual(['/', '/', '/a']);
  expect(['/', '/a', '/a/b'].map(nameOf)).toEqual(['', 'a', 'b']);
  expect(quotedPath('/a "b"')).toBe('"/a ""b"""');
});
