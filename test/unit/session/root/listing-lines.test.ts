/** Lines of listings in a session with a root: nothing of other places, and all else as it was. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactName, nameTest } from '../../../../src/session/root/file-pattern.ts';
import { ListingFilter } from '../../../../src/session/root/listing-filter.ts';
import { isLinkLine, type ListingView, listingLine } from '../../../../src/session/root/listing-lines.ts';
import { POSIX_PATHS } from '../../../../src/wire/path.ts';
import { VirtualRoot } from '../../../../src/wire/virtual-root.ts';

const root = new VirtualRoot('/partners/acme', POSIX_PATHS);
const view = (form: ListingView['form'], more: Partial<ListingView> = {}): ListingView => ({
  ...{ root, form, prefix: '', matches: undefined },
  ...more,
});
const LONG = view('long');
const LINK = 'lrwxrwxrwx    1 65534    65534          15 Nov 21 19:30 ';
const FOLDER = 'drwxr-xr-x   3 alice    nogroup       4096 Jan 01  2020 ';
/** Parts of patterns as regular expressions have them. */
const WRITTEN: Readonly<Record<string, string>> = { '*': '.*', '**': '.*', '?': '.', '.': '\\.', '[!a]': '[^a]' };
const FILE = '-rw-r--r--+  1 alice    nogroup          6 2020-01-01 19:30 ';

describe('LIST', () => {
  it.each([
    ['a link to another place', `${LINK}out -> /partners/rival`, `${LINK}out`],
    ['a link that climbs out', `${LINK}out -> ../rival/secret.txt`, `${LINK}out`],
    ['a link that climbs and comes back', `${LINK}in -> ../acme/sub`, `${LINK}in`],
    ['a link to a home', `${LINK}in -> ~rival`, `${LINK}in`],
    ['a link with an arrow in its name', `${LINK}a -> b -> ../rival`, `${LINK}a`],
    ['a link whose name is an arrow, or nothing', `${LINK} -> -> /partners/rival`, `${LINK}`],
    ['a link inside, relative', `${LINK}in -> sub/b.txt`, `${LINK}in -> sub/b.txt`],
    ['a link inside, absolute', `${LINK}in -> /partners/acme/sub`, `${LINK}in -> /sub`],
    ['a link to the root', `${LINK}in -> /partners/acme/`, `${LINK}in -> /`],
    ['the folder above', `${FOLDER}..`, undefined],
    ['the folder above, marked', `${FOLDER}../`, undefined],
    ['the folder itself', `${FOLDER}.`, `${FOLDER}.`],
    ['a folder with a blank before its name', `${FOLDER} x`, `${FOLDER} x`],
    ['a file with an arrow in its name', `${FILE}a -> b`, `${FILE}a -> b`],
    ['a link that is said to be a file', `${FILE}a -> ../b`, `${FILE}a`],
    ['a file', `${FILE}a "b" \xe9\xff.txt`, `${FILE}a "b" \xe9\xff.txt`],
    ['a name in absolute form', `${FILE}/partners/acme/a.txt`, `${FILE}/a.txt`],
    ['an absolute name outside', `${FILE}/partners/rival/a.txt`, undefined],
    ['a total', 'total 24', 'total 24'],
    ['a blank line', '', ''],
    ['a heading inside', '/partners/acme/sub:', '/sub:'],
    ['a heading outside', '/partners/rival:', undefined],
    ['a relative heading', './a "b" c:', './a "b" c:'],
    ['a heading that climbs', '../rival:', undefined],
    ['the words of a program', 'ls: cannot open /partners/rival: Permission denied', undefined],
    ['DOS', '01-02-20  10:11AM       <DIR>          sub', '01-02-20  10:11AM       <DIR>          sub'],
    [
      'a junction of Windows',
      '01-02-2020  10:11       <JUNCTION>     x [\\??\\D:\\rival]',
      '01-02-2020  10:11       <JUNCTION>     x',
    ],
    ['EPLF', '+i8388621.29609,m824255902,/,\tsub', '+i8388621.29609,m824255902,/,\tsub'],
    ['a format that nobody knows', 'SUB.DIR;1  1/3  2-JAN-2020', undefined],
    ['another format that nobody knows', 'A.TXT;1     3   2-JAN-2020', 'A.TXT;1     3   2-JAN-2020'],
    [
      'a time of another kind, a link',
      'lrwxrwxrwx 1 a b 1 gestern out -> /partners/rival',
      'lrwxrwxrwx 1 a b 1 gestern out',
    ],
    ['a time of another kind, the folder above', 'drwxrwxrwx 1 a b 1 gestern ..', undefined],
  ])('%s', (_what, line, seen) => {
    expect(listingLine(line, LONG)).toBe(seen);
  });

  describe('whatever stands in place of names of owners and groups', () => {
    const owners = ['14', '1000', '7', '0', 'ftp', 'Domain Users', 'jan', '2020', 'www-data'];
    const sizes = ['0', '7', '50', '1234', '2020', '4096', '123456', '1, 3', '4.0K'];
    const times = [
      ...['Jan 02 03:04', 'Jan  2  2020', ' 2 Jan 03:04', 'Mai 12 03:04', '1\xe6\x9c\x88  2 2020'],
      ...['2020-01-02 03:04', '2020-01-02 03:04:05'],
    ];
    const lines = owners.flatMap((owner) =>
      [`47 ${owner} ${owner} `, `1 ${owner}   14 `, `9999 14 ${owner} `, `1 ${owner} `, `${owner} 50 `].flatMap((who) =>
        sizes.flatMap((size) => times.map((time) => `   ${who}    ${size} ${time} `)),
      ),
    );

    it('the folder above is left out', () => {
      for (const line of lines) expect(listingLine(`drwxr-xr-x${line}..`, LONG), line).toBeUndefined();
    });

    it('names are found by patterns, and by themselves', () => {
      for (const line of lines) {
        for (const matches of [nameTest('a*.csv'), exactName('a b.csv')]) {
          const found = listingLine(`-rw-r--r--${line}a b.csv`, view('long', { matches }));
          expect(found, line).toBe(`-rw-r--r--${line}a b.csv`);
          expect(listingLine(`-rw-r--r--${line}b.csv`, view('long', { matches })), line).toBeUndefined();
        }
      }
    });
  });

  it('of a file has no folder of that name', () => {
    const some = view('long', { matches: exactName('x'), skipsFolders: true });
    expect(listingLine(`${FOLDER}x`, some)).toBeUndefined();
    expect(listingLine('01-02-20  10:11AM       <DIR>          x', some)).toBeUndefined();
    expect(listingLine(`${FILE}x`, some)).toBe(`${FILE}x`);
  });

  it.each([
    [`${LINK}out -> /partners/rival`, 'out', true],
    [`${LINK}out`, 'out', true],
    [`${LINK}/partners/acme/out`, 'out', true],
    [`${LINK}a b -> c`, 'a b', true],
    ['lrwxrwxrwx 1 a b 1 gestern out -> x', 'out', true],
    [`${LINK}x -> out`, 'x', true],
    [`${LINK}a -> b -> c`, 'a -> b', true],
    [`${LINK}a -> b`, 'a -> b', true],
    [`${LINK}in -> out`, 'out', false],
    [`${LINK}out2 -> x`, 'out', false],
    [`${FILE}out`, 'out', false],
    [`${FOLDER}out`, 'out', false],
    ['01-02-2020  10:11       <JUNCTION>     x [D:]', 'x', true],
    ['211 End.', 'out', false],
  ])('%s: is %s a link? %s', (line, name, told) => {
    expect(isLinkLine(line, name)).toBe(told);
  });

  it('of a pattern has only what that means', () => {
    const some = view('long', { matches: nameTest('*.txt') });
    expect(listingLine(`${FILE}a.txt`, some)).toBe(`${FILE}a.txt`);
    expect(listingLine(`${LINK}b.txt -> ../rival`, some)).toBe(`${LINK}b.txt`);
    for (const line of [`${FILE}a.zip`, `${FILE}.txt`, 'sub:', 'lrwxrwxrwx 1 a b 1 gestern a.txt'])
      expect(listingLine(line, some), line).toBeUndefined();
  });
});

describe('MLSD', () => {
  it.each([
    ['the target of a link', 'type=OS.unix=slink:/partners/rival;size=8; out', 'type=OS.unix=slink:;size=8; out'],
    ['a link without target', 'size=8;type=OS.unix=symlink; out', 'size=8;type=OS.unix=symlink; out'],
    ['the folder above', 'type=pdir;unique=fe00g9d0901; ..', undefined],
    ['the folder above under its name', 'type=pdir; /partners', undefined],
    ['a folder above that says to be another', 'type=dir; ..', undefined],
    ['the folder itself under its name', 'type=cdir;perm=el; /partners/acme/sub', 'type=cdir;perm=el; /sub'],
    [
      'a file',
      'type=file;size=6;modify=20200101000000; a; b=c;d.txt',
      'type=file;size=6;modify=20200101000000; a; b=c;d.txt',
    ],
    ['a path in a fact', 'type=file;x.home=/partners/rival;size=6; a', 'type=file;size=6; a'],
    ['a type of media', 'type=file;media-type=text/plain; a', 'type=file;media-type=text/plain; a'],
    ['an absolute name outside', 'type=file; /partners/rival/x', undefined],
    ['no facts', ' a b', ' a b'],
    ['words', 'cannot read /partners/rival', undefined],
  ])('%s', (_what, line, seen) => {
    expect(listingLine(line, view('facts'))).toBe(seen);
  });
});

describe('NLST', () => {
  it.each([
    ['a name', 'a "b".txt', 'sub/a "b".txt'],
    ['a path of the backend', '/partners/acme/sub/a', '/sub/a'],
    ['a path outside', '/partners/rival/a', undefined],
    ['the folder above', '..', undefined],
    ['the folder above, with its own', 'sub/..', undefined],
    ['words', 'ls: /partners/rival: not found', undefined],
    ['nothing', '', ''],
    ['a folder that is marked', 'deep/', 'sub/deep/'],
  ])('%s', (_what, line, seen) => {
    expect(listingLine(line, view('names', { prefix: 'sub/' }))).toBe(seen);
  });

  it('of a pattern has only what that means, marks left aside', () => {
    const some = view('names', { matches: nameTest('[a-c]?') });
    expect(['a1', 'b2/', 'd1', 'a', '.a', '[a-c]?'].map((line) => listingLine(line, some))).toEqual([
      ...['a1', 'b2/', undefined, undefined, undefined, '[a-c]?'],
    ]);
  });
});

describe('a pattern', () => {
  it.each([
    ['*', 'abc', true],
    ['*', '.abc', false],
    ['.*', '.abc', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abb', false],
    ['a?c', 'abc', true],
    ['[!a]b', 'ab', false],
    ['[^a]b', 'bb', true],
    ['[a-]b', '-b', true],
    ['[', '[', true],
    ['a[', 'a[', true],
    ['**', '', true],
    ['{a,b}', 'a', false],
    ['{a,b}', '{a,b}', true],
  ])('%j and %j: %s', (pattern, name, meant) => {
    expect(nameTest(pattern)?.(name)).toBe(meant);
  });

  it.each([
    ['of nine stars', '*a'.repeat(9), false],
    ['of eight stars', '*a'.repeat(8), true],
    ['of stars side by side', '*'.repeat(200), true],
    ['of 257 bytes', `${'a'.repeat(256)}*`, false],
    ['of 256 bytes', `${'a'.repeat(255)}*`, true],
  ])('%s is or is not worked out', (_what, pattern, accepted) => {
    expect(nameTest(pattern) !== undefined).toBe(accepted);
  });

  it.each([
    `${'*aaaaaaaaaaaaaaaa'.repeat(8)}b`,
    `*${'a'.repeat(127)}b`,
    `*${'?'.repeat(127)}b*`,
    `*${'[a-z]'.repeat(50)}b`,
  ])('costs little for any name: %s', (pattern) => {
    const test = nameTest(pattern);
    const name = 'a'.repeat(255);
    const since = performance.now();
    for (let round = 0; round < 1000; round += 1) expect(test?.(name)).toBe(false);
    // The time of a quick machine is a twentieth of that.
    expect(performance.now() - since).toBeLessThan(400);
  });

  it('means what a regular expression means', () => {
    const piece = fc.constantFrom('*', '?', 'a', 'b', '.', '[ab]', '[!a]', '[a-c]', '**');
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.', '['), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 7 }), name, (pieces, text) => {
        const pattern = pieces.join('');
        const source = pieces.map((each) => WRITTEN[each] ?? each).join('');
        const dotted = text.startsWith('.') === pattern.startsWith('.');
        const meant = text === pattern || (dotted && new RegExp(`^${source}$`, 's').test(text));
        expect(nameTest(pattern)?.(text), `${pattern} ${text}`).toBe(meant);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the filter', () => {
  const pass = (bytes: Buffer, cuts: readonly number[], shown: (line: string) => string | undefined): Buffer => {
    const filter = new ListingFilter(shown);
    const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
    const chunks = [...places, bytes.length].map((end, index) =>
      bytes.subarray(index === 0 ? 0 : places[index - 1], end),
    );
    return Buffer.concat([...chunks.map((chunk) => filter.push(chunk)), filter.end()]);
  };
  const cuts = fc.array(fc.nat());

  it('keeps every byte of lines that stay, in chunks of any size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, (given, at) => {
        const bytes = Buffer.from(given);
        expect(pass(bytes, at, (line) => line)).toEqual(bytes);
      }),
    );
  });

  it('treats each line alike, whatever its end and however it is cut', () => {
    const text = 'keep\r\ndrop\nkeep\n\r\ndrop\r\nlast';
    fc.assert(
      fc.property(cuts, (at) => {
        const seen = pass(Buffer.from(text), at, (line) => (line === 'drop' ? undefined : line.toUpperCase()));
        expect(seen.toString()).toBe('KEEP\r\nKEEP\n\r\nLAST');
      }),
    );
  });

  it('leaves out a line that is longer than any, and holds none of it', () => {
    const filter = new ListingFilter((line) => line);
    const chunk = Buffer.alloc(10_000, 'x');
    for (let round = 0; round < 100; round += 1) expect(filter.push(chunk)).toHaveLength(0);
    expect(filter.push(Buffer.from('\na\n')).toString()).toBe('a\n');
    expect(filter.end()).toHaveLength(0);
  });

  it('never lets the name of another place pass behind an arrow, a heading or a fact', () => {
    const secret = fc.constantFrom('/partners/rival', '../rival', '/partners', '../../etc/rival');
    const name = fc.string({ unit: fc.constantFrom('a', ' ', '>', '-', '"', '\xe9', '.'), minLength: 1, maxLength: 8 });
    const form = fc.constantFrom('long', 'facts', 'names');
    const line = fc.oneof(
      fc.tuple(name, secret).map(([link, target]) => `${LINK}${link} -> ${target}`),
      fc.tuple(name, secret).map(([link, target]) => `type=OS.unix=slink:${target}; ${link}`),
      secret,
      secret.map((path) => `${path}:`),
      secret.map((path) => `ls: ${path}: no`),
      secret.map((path) => `${FILE}${path}`),
    );
    fc.assert(
      fc.property(form, line, (kind, text) => {
        const seen = listingLine(text, view(kind as ListingView['form'])) ?? '';
        expect(seen).not.toMatch(/rival|partners/);
      }),
      { numRuns: 2000 },
    );
  });
});
