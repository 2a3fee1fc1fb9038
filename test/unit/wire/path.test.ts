/** Canonical paths: every way to write one that servers read differently, and paths as they are compared. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/wire/bytes-of.ts';
import { canonicalPath, comparablePath, isPlainName, type PathStyle, POSIX_PATHS } from '../../../src/wire/path.ts';

const WINDOWS: PathStyle = { style: 'windows', caseInsensitive: false, backslash: 'refuse' };
const LOOSE: PathStyle = { ...POSIX_PATHS, backslash: 'character' };
const OTHER: PathStyle = { ...POSIX_PATHS, style: 'other' };

describe('a path on a POSIX server', () => {
  it.each([
    ['x', '/in/x'],
    ['', '/in'],
    ['.', '/in'],
    ['./x', '/in/x'],
    ['..', '/'],
    ['../x', '/x'],
    ['../../../x', '/x'],
    ['/', '/'],
    ['//', '/'],
    ['/x', '/x'],
    ['/x/', '/x'],
    ['//x', '/x'],
    ['/a//b', '/a/b'],
    ['/./a/./b/.', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/../../../c', '/c'],
    ['/..', '/'],
    ['/../..', '/'],
    ['a/..', '/in'],
    ['...', '/in/...'],
    ['..a', '/in/..a'],
    [' x', '/in/ x'],
    ['a b', '/in/a b'],
    ['~', '/in/~'],
    ['~root/x', '/in/~root/x'],
    ["'SYS1.PARMLIB'", "/in/'SYS1.PARMLIB'"],
    ['"x"', '/in/"x"'],
    ['C:/x', '/in/C:/x'],
    ['x.', '/in/x.'],
    ['x::$DATA', '/in/x::$DATA'],
    ['%2e%2e/x', '/in/%2e%2e/x'],
    ['-la', '/in/-la'],
    ['caf\xe9', '/in/caf\xe9'],
    ['caf\xc3\xa9', '/in/caf\xc3\xa9'],
    ['cafe\xcc\x81', '/in/cafe\xcc\x81'],
    ['\x80\xfe', '/in/\x80\xfe'],
  ])('%j in /in is %j', (argument, path) => {
    expect(canonicalPath('/in', argument, POSIX_PATHS)).toEqual({ path });
  });

  it.each([
    ['..\\deny', 'backslash'],
    ['\\deny', 'backslash'],
    ['deny ', 'trailing-blank'],
    ['deny /', 'trailing-blank'],
    ['a /..', undefined],
    ['a\tb', 'control-character'],
    ['a\x7f', 'control-character'],
    ['de\xff\xf1ny', 'control-character'],
    ['\xc0\xae\xc0\xae/deny', 'overlong-utf8'],
    ['\xc0\xafdeny', 'overlong-utf8'],
    ['\xe0\x80\xafdeny', 'overlong-utf8'],
    ['\xf0\x80\x80\xafdeny', 'overlong-utf8'],
    ['\xf8\x80\x80\x80\xaf', 'overlong-utf8'],
    ['x'.repeat(4097), 'too-long'],
    ['x'.repeat(4093), 'too-long'],
    ['x'.repeat(4092), undefined],
  ])('%j has no canonical form: %s', (argument, problem) => {
    expect(canonicalPath('/in', argument, POSIX_PATHS).problem).toBe(problem);
  });

  it('has none where the folder is unknown and the path is relative', () => {
    expect(canonicalPath(undefined, 'x', POSIX_PATHS)).toEqual({ problem: 'directory-unknown' });
    expect(canonicalPath(undefined, '', POSIX_PATHS)).toEqual({ problem: 'directory-unknown' });
    expect(canonicalPath(undefined, '/a/../x', POSIX_PATHS)).toEqual({ path: '/x' });
  });

  it('may have a backslash where the backend takes it for a character', () => {
    expect(canonicalPath('/in', '..\\x', LOOSE)).toEqual({ path: '/in/..\\x' });
  });
});

describe('a path on Windows', () => {
  it.each([
    ['..\\x', '/x'],
    ['\\a\\..\\b', '/b'],
    ['a\\/b', '/in/a/b'],
    ['Deny', '/in/Deny'],
    ['a.b', '/in/a.b'],
    ['console', '/in/console'],
    ['com10', '/in/com10'],
  ])('%j in /in is %j', (argument, path) => {
    expect(canonicalPath('/in', argument, WINDOWS)).toEqual({ path });
  });

  it.each([
    'deny.',
    'deny. .',
    'deny /x',
    '...',
    'deny::$DATA',
    'deny:stream',
    'C:\\deny',
    'C:deny',
    'DENYFI~1',
    'DENYFI~1.TXT',
    'con',
    'NUL.txt',
    'lpt1',
    'COM1 .log',
    'x<',
    'x"',
    'x?',
    bytesOf('．．/deny'),
    bytesOf('a∕deny'),
  ])('%j has no canonical form', (argument) => {
    expect(canonicalPath('/in', argument, WINDOWS)).toEqual({ problem: 'windows-name' });
  });
});

it('has no canonical form on servers that read paths in their own way', () => {
  expect(canonicalPath('/', 'x', OTHER)).toEqual({ problem: 'other-style' });
});

describe('paths as they are compared', () => {
  it.each([
    ['NFD and NFC', bytesOf('/cafe\u0301'), bytesOf('/caf\u00e9'), POSIX_PATHS, true],
    ['Latin-1 and UTF-8', '/caf\xe9', bytesOf('/café'), POSIX_PATHS, true],
    ['Latin-1 and UTF-8 in one path', `/caf\xe9/${bytesOf('ü')}`, bytesOf('/café/ü'), POSIX_PATHS, true],
    ['case where it counts', '/DENY', '/deny', POSIX_PATHS, false],
    ['case where it does not', '/DENY', '/deny', { ...POSIX_PATHS, caseInsensitive: true }, true],
    ['case on Windows', '/DENY', '/deny', WINDOWS, true],
    ['the Kelvin sign on Windows', bytesOf('/\u212aelvin'), '/kelvin', WINDOWS, true],
    ['a long s on Windows', bytesOf('/\u017fecret'), '/secret', WINDOWS, true],
  ])('%s', (_what, one, other, style, same) => {
    expect(comparablePath(one, style) === comparablePath(other, style)).toBe(same);
  });
});

describe('what may be sent as it is', () => {
  it.each([
    ['x', true],
    ['a/b', true],
    ['a b', true],
    ['.hidden', true],
    ['*.txt', true],
    ['caf\xe9', true],
    ['a/', true],
    ['', false],
    ['/x', false],
    ['../x', false],
    ['a/../x', false],
    ['a/..', false],
    ['./x', false],
    ['a//b', false],
    ['~', false],
    ['-l', false],
    [' x', false],
    ["'x'", false],
    ['"x"', false],
    ['|x', false],
    ['C:/x', false],
    ['C:x', false],
  ])('%j: %s', (argument, plain) => {
    expect(isPlainName(argument, POSIX_PATHS)).toBe(plain);
  });

  it('no backslash on Windows', () => {
    expect(isPlainName('a\\b', WINDOWS)).toBe(false);
  });
});

const BYTES = fc.string({
  unit: fc.constantFrom('a', 'B', '.', '..', '/', '//', '\\', ' ', '~', '\xe9', '\xc3\xa9', '*'),
  maxLength: 20,
});
const STYLE = fc.constantFrom(POSIX_PATHS, LOOSE, WINDOWS, OTHER);

describe('canonical paths', () => {
  it('are canonical: done twice, it changes nothing', () => {
    fc.assert(
      fc.property(BYTES, BYTES, STYLE, (folder, argument, style) => {
        const start = canonicalPath('/', folder, style).path;
        const { path } = canonicalPath(start, argument, style);
        fc.pre(path !== undefined);
        expect(canonicalPath(undefined, path, style)).toEqual({ path });
        expect(canonicalPath('/elsewhere', path, style)).toEqual({ path });
      }),
      { numRuns: 2000 },
    );
  });

  it('have neither `.` nor `..` nor `//`, and no slash at the end', () => {
    fc.assert(
      fc.property(BYTES, STYLE, (argument, style) => {
        const { path } = canonicalPath('/a/b', argument, style);
        fc.pre(path !== undefined && path !== '/');
        expect(path.split('/').slice(1)).not.toEqual(expect.arrayContaining(['']));
        expect(path.split('/')).not.toEqual(expect.arrayContaining(['..']));
        expect(path.split('/')).not.toEqual(expect.arrayContaining(['.']));
      }),
    );
  });

  it('of plain names are below the folder', () => {
    fc.assert(
      fc.property(BYTES, STYLE, (argument, style) => {
        fc.pre(isPlainName(argument, style));
        const { path } = canonicalPath('/a/b', argument, style);
        fc.pre(path !== undefined);
        expect(path.startsWith('/a/b/')).toBe(true);
      }),
    );
  });
});
