/** Listings as clients parse them. */
import { describe, expect, it } from 'vitest';
import { type Entry, FACTS, factsOf, listLine, parseTimeStamp, timeStamp } from '../../../src/demo/listing.ts';

const FILE: Entry = {
  name: 'a b',
  kind: 'file',
  size: 1204,
  modified: new Date('2026-03-04T05:06:07Z'),
  mode: 0o100644,
};
const DIRECTORY: Entry = { ...FILE, kind: 'directory', mode: 0o40755 };

describe('listLine', () => {
  it('shows the time of recent files and the year of old ones', () => {
    expect(listLine(FILE, new Date('2026-04-01T00:00:00Z'))).toBe('-rw-r--r-- 1 ftp ftp         1204 Mar  4 05:06 a b');
    expect(listLine(FILE, new Date('2028-04-01T00:00:00Z'))).toBe('-rw-r--r-- 1 ftp ftp         1204 Mar  4  2026 a b');
  });

  it('marks directories and links', () => {
    expect(listLine(DIRECTORY)).toMatch(/^drwxr-xr-x /);
    expect(listLine({ ...FILE, kind: 'link', mode: 0o120777 })).toMatch(/^lrwxrwxrwx /);
  });
});

describe('factsOf', () => {
  it('tells all facts of a file, and no size of a directory', () => {
    expect(factsOf(FILE, new Set(FACTS))).toBe('type=file;size=1204;modify=20260304050607;perm=adfrw;');
    expect(factsOf(DIRECTORY, new Set(FACTS))).toBe('type=dir;modify=20260304050607;perm=cdeflmp;');
  });

  it('tells only what was asked for', () => {
    expect(factsOf(FILE, new Set(['size']))).toBe('size=1204;');
    expect(factsOf(FILE, new Set())).toBe('');
  });
});

describe('parseTimeStamp', () => {
  it('reads what timeStamp writes', () => {
    expect(parseTimeStamp(timeStamp(FILE.modified))).toEqual(FILE.modified);
    expect(parseTimeStamp('20260304050607.5')).toEqual(FILE.modified);
  });

  it.each(['', '2026030405060', '20261304050607', '20260230000000', 'x'])('refuses %j', (text) => {
    expect(parseTimeStamp(text)).toBeUndefined();
  });
});
