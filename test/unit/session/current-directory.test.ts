/** Folders as backends tell them, and paths in them. */
import { describe, expect, it } from 'vitest';
import { directoryIn, resolvePath, touchedBy } from '../../../src/session/current-directory.ts';
import { reply } from '../../../src/wire/reply.ts';

describe('the folder in a 257 (RFC 959 appendix II)', () => {
  it.each([
    ['"/" is the current directory', '/'],
    ['"/home/ann"', '/home/ann'],
    ['"/a ""quoted"" name" is your current location', '/a "quoted" name'],
    ['"/ends with """ is it', '/ends with "'],
    ['"/in ": blanks" , quotes', undefined],
    ['"/with, comma", it is', '/with, comma'],
    ['"/gr\xc3\xbc\xc3\x9fe" is the current directory', '/gr\xc3\xbc\xc3\x9fe'],
  ])('%s', (text, expected) => {
    expect(directoryIn(reply(257, text))).toBe(expected);
  });

  it.each([
    ['without quotes', '/home/ann is the current directory'],
    ['with a quote that is not doubled', '"/a"b" is the current directory'],
    ['with a quote that is not doubled, before a blank', '"/a" b" is the current directory'],
    ['of VMS', '"DISK$USER:[ANN]" is the current directory'],
    ['of MVS', '"\'ANN.\'" is the working directory name prefix.'],
    ['that is empty', '"" is the current directory'],
    ['that does not end', '"/home'],
  ])('none %s', (_what, text) => {
    expect(directoryIn(reply(257, text))).toBeUndefined();
  });

  it('none in another reply', () => {
    expect(directoryIn(reply(250, '"/home" it is'))).toBeUndefined();
  });
});

describe('a path', () => {
  it.each([
    ['/in', 'a.txt', '/in/a.txt'],
    ['/', 'a.txt', '/a.txt'],
    ['/in', '/out/a.txt', '/out/a.txt'],
    ['/', '../.././a.txt', '/a.txt'],
    ['/in', '/../a.txt', '/a.txt'],
    ['/in', './/x/.//y/', '/in/x/y'],
    ['/in', '', '/in'],
    ['/in', '...', '/in/...'],
    ['/in', 'a~', '/in/a~'],
    ['/in', 'x/~ann', '/in/x/~ann'],
    ['/in', '..a\\b..', '/in/..a\\b..'],
    [undefined, '/out//a/./b', '/out/a/b'],
  ])('in %s: %s', (directory, name, path) => {
    expect(resolvePath(directory, name)).toEqual({ path, directory: 'known' });
  });

  it.each([
    ['that is relative in no folder', undefined, 'a.txt', 'a.txt'],
    ['that is empty in no folder', undefined, '', undefined],
    ['that climbs out of what may be a link', '/link', '../secret', '/link/../secret'],
    ['that climbs out of a name in it', '/', 'link//../secret', '/link/../secret'],
    ['that is absolute and climbs', undefined, '/../out/./../b', '/out/../b'],
    ['that ends in a climb', '/in', '..', '/in/..'],
    ['that climbs as on Windows', '/in', '..\\secret', '/in/..\\secret'],
    ['in the home of somebody', '/in', '~ann/x', '~ann/x'],
    ['in the own home', '/in', '~', '~'],
    ['at the root of Windows', '/in', '\\secret', '\\secret'],
    ['with a drive', '/in', 'C:/secret', 'C:/secret'],
  ])('%s is not guessed', (_what, directory, name, path) => {
    expect(resolvePath(directory, name)).toEqual({ path, directory: 'unknown' });
  });
});

describe('what a command is about', () => {
  it.each(['LIST', 'NLST'])('%s: not the options', (verb) => {
    const path = (argument?: string) => touchedBy(undefined, { verb, argument }).path;
    expect(path('-la /in')).toBe('/in');
    expect(path('-l -a  /in/x y')).toBe('/in/x y');
    expect(path('-la')).toBeUndefined();
    expect(path('/in -la')).toBe('/in -la');
  });

  it('MFMT: not the time', () => {
    const command = { verb: 'MFMT', argument: '20260102030405 /in/x y' };
    expect(touchedBy(undefined, command)).toEqual({ ...command, verb: undefined, path: '/in/x y', directory: 'known' });
  });

  it('MLSD has none', () => {
    expect(touchedBy(undefined, { verb: 'MLSD', argument: '-la' })).toMatchObject({
      path: '-la',
      directory: 'unknown',
    });
  });

  it('STOU: the name that the backend has chosen (RFC 1123 §4.1.2.9)', () => {
    const command = { verb: 'STOU', argument: undefined };
    expect(touchedBy(undefined, command, reply(150, 'FILE: /in/ftp.1')).path).toBe('/in/ftp.1');
    expect(touchedBy(undefined, command, reply(150, 'Go.'))).toEqual({
      path: undefined,
      argument: undefined,
      directory: 'known',
    });
  });
});
