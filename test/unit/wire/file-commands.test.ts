/** What commands do to files, and where their paths are: verb by verb, and the words of SITE. */
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/session/command-table.ts';
import { parseCommand } from '../../../src/wire/command.ts';
import { FILE_VERBS, fileCommand, withPath } from '../../../src/wire/file-commands.ts';

function read(line: string) {
  const parsed = parseCommand(line);
  if (parsed.kind !== 'command') throw new Error(`no command: ${line}`);
  return { command: parsed.command, file: fileCommand(parsed.command) };
}

describe('the path of a command', () => {
  it.each([
    ['RETR  a b', ['read'], '', ' a b', ''],
    ['STOR x', ['write'], '', 'x', ''],
    ['MKD', ['directories'], '', '', ''],
    ['SIZE -l x', ['list', 'read'], '', '-l x', ''],
    ['LIST', ['list'], '', '', ''],
    ['LIST -la', ['list'], '-la', '', ''],
    ['LIST -la x y', ['list'], '-la ', 'x y', ''],
    ['LIST -a -l x', ['list'], '-al ', 'x', ''],
    ['STAT -l x', ['list'], '-l ', 'x', ''],
    ['MLSD -l', ['list'], '', '-l', ''],
    ['CWD -l', [], '', '-l', ''],
    ['CDUP', [], '', '..', ''],
    ['MDTM x', ['list', 'read'], '', 'x', ''],
    ['MDTM 20260101000000 x y', ['attributes'], '20260101000000 ', 'x y', ''],
    ['MDTM 20260101000000.123 x', ['attributes'], '20260101000000.123 ', 'x', ''],
    ['MDTM 2026 x', ['list', 'read'], '', '2026 x', ''],
    ['MFMT 20260101000000 x', ['attributes'], '20260101000000 ', 'x', ''],
    ['SITE CHMOD 0644 x y', ['attributes', 'site'], '0644 ', 'x y', ''],
    ['SITE chmod u+rw,g-w x', ['attributes', 'site'], 'u+rw,g-w ', 'x', ''],
    ['SITE CHGRP staff x', ['attributes', 'site'], 'staff ', 'x', ''],
    ['SITE UTIME 202601010000 x', ['attributes', 'site'], '202601010000 ', 'x', ''],
    [
      'SITE UTIME x 20260101000000 20260101000000 20260101000000 UTC',
      ['attributes', 'site'],
      '',
      'x',
      ' 20260101000000 20260101000000 20260101000000 UTC',
    ],
    ['SITE MKDIR x', ['directories', 'site'], '', 'x', ''],
    ['SITE CPFR x', ['read', 'site'], '', 'x', ''],
    ['SITE CPTO x', ['write', 'site'], '', 'x', ''],
  ])('of %j', (line, classes, before, path, after) => {
    expect(read(line).file).toMatchObject({ classes, known: true, target: { kind: 'path', before, path, after } });
  });

  it.each([
    'LIST --color=always x',
    'LIST -la -',
    'LIST {a,b}',
    'LIST -R *',
    'NLST a\\*',
    'MFMT x',
    'MFMT 2026 x',
    'SITE CHMOD x',
    'SITE CHMOD -R x',
    'SITE CHMOD  644 x',
    'SITE CHOWN -h x y',
    'SITE UTIME x',
    'SITE UTIME 202601010000 x 20260101000000 20260101000000 20260101000000 UTC',
    'SITE CPFR',
  ])('of %j is not clear', (line) => {
    expect(read(line).file?.target).toEqual({ kind: 'unclear' });
  });

  it.each([
    ['LIST -R', 'below'],
    ['NLST -lR x', 'below'],
    ['SITE CPFR x', 'below'],
    ['LIST *', 'matching'],
    ['STAT a?', 'matching'],
    ['NLST [a]', 'matching'],
    ['RETR *', 'itself'],
    ['MLSD *', 'itself'],
  ])('of %j stands for: %s', (line, extent) => {
    expect(read(line).file?.target).toMatchObject({ extent });
  });

  it('of STOU is chosen by the backend, unless there is one; STAT without one is about the session', () => {
    expect(read('STOU').file?.target).toEqual({ kind: 'chosen' });
    expect(read('STOU x').file?.target).toMatchObject({ path: 'x' });
    expect(read('STAT').file).toBeUndefined();
    expect(read('NOOP').file).toBeUndefined();
  });

  it.each([
    'SITE',
    'SITE EXEC x',
    'SITE SYMLINK a b',
    'SITE COPY a b',
    'SITE  CHMOD 644 x',
    'SITE constructor',
    'SITE HELP',
  ])('of %j is that of a word that nobody knows', (line) => {
    expect(read(line).file).toMatchObject({ known: false, classes: ['site'], target: { kind: 'nothing' } });
  });
});

describe('another path in a command', () => {
  it.each([
    ['RETR a/../x', 'RETR /x'],
    ['LIST -a -l ..', 'LIST -al /x'],
    ['MDTM 20260101000000 ..', 'MDTM 20260101000000 /x'],
    ['SITE chmod 644 ..', 'SITE CHMOD 644 /x'],
    [
      'SITE UTIME .. 20260101000000 20260101000000 20260101000000 UTC',
      'SITE UTIME /x 20260101000000 20260101000000 20260101000000 UTC',
    ],
    ['CDUP', 'CWD /x'],
    ['XCUP', 'CWD /x'],
    ['SITE UMASK 022', 'SITE UMASK 022'],
  ])('%j becomes %j', (line, expected) => {
    const { command, file } = read(line);
    if (file === undefined) throw new Error('touches no file');
    const { verb, argument } = withPath(command, file, '/x');
    expect(argument === undefined ? verb : `${verb} ${argument}`).toBe(expected);
  });

  it('the folder itself stays without one', () => {
    const { command, file } = read('LIST');
    if (file === undefined) throw new Error('touches no file');
    expect(withPath(command, file, '')).toEqual({ verb: 'LIST', argument: undefined });
  });
});

it('every verb of the gateway with a path is a file command, and the other way round', () => {
  const withPaths = [...COMMANDS.values()].filter(({ path }) => path).map(({ verb }) => verb);
  const more = ['SITE', 'CDUP', 'XCUP'];
  expect([...FILE_VERBS.keys()].sort()).toEqual([...withPaths, ...more].sort());
});
