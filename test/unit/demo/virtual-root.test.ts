/** FTP paths never lead out of the folder. */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutsideRootError, resolvePath, VirtualRoot } from '../../../src/demo/virtual-root.ts';

let folder: string;
let root: VirtualRoot;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-test-')));
  await mkdir(join(folder, 'root', 'inner'), { recursive: true });
  await mkdir(join(folder, 'root-beside'));
  await writeFile(join(folder, 'secret'), 'x');
  await symlink('../secret', join(folder, 'root', 'file-link'));
  await symlink('../root-beside', join(folder, 'root', 'folder-link'));
  await symlink('inner', join(folder, 'root', 'inner-link'));
  root = await VirtualRoot.open(join(folder, 'root'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('resolvePath', () => {
  it.each([
    ['/', '', '/'],
    ['/a', 'b', '/a/b'],
    ['/a', '/b', '/b'],
    ['/a/b', '..', '/a'],
    ['/a', '../../../etc', '/etc'],
    ['/', './/x/./y/', '/x/y'],
    ['/', '...', '/...'],
    ['/', ' x ', '/ x '],
  ])('in %j, %j is %j', (directory, argument, path) => {
    expect(resolvePath(directory, argument)).toBe(path);
  });

  it('is always absolute and never has a part that climbs', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('..', '.', '/', 'a', '\xff', '//')), (parts) => {
        const path = resolvePath('/d', parts.join(''));
        expect(path).toMatch(/^\//);
        expect(path.split('/')).not.toContain('..');
        expect(resolvePath('/', path)).toBe(path);
      }),
    );
  });
});

describe('VirtualRoot', () => {
  it('finds what is inside, through links that stay inside', async () => {
    expect(String(await root.locate('/', 'target'))).toBe(join(folder, 'root'));
    expect(String(await root.locate('/inner-link', 'target'))).toBe(join(folder, 'root', 'inner'));
    expect(String(await root.locate('/inner-link/new', 'target'))).toBe(join(folder, 'root', 'inner', 'new'));
    expect(String(await root.locate('/file-link', 'entry'))).toBe(join(folder, 'root', 'file-link'));
  });

  it('keeps the bytes of a name', async () => {
    const located = await root.locate('/inner/gr\xfc\xc3\xb6', 'target');
    expect(located.subarray(-5)).toEqual(Buffer.from([0x67, 0x72, 0xfc, 0xc3, 0xb6]));
  });

  it.each([
    '/file-link',
    '/folder-link',
    '/folder-link/x',
    '/inner-link/../folder-link/x',
  ])('does not follow %s out of the folder', async (path) => {
    await expect(root.locate(resolvePath('/', path), 'target')).rejects.toThrow(OutsideRootError);
  });

  it('passes the error of a folder that is not there', async () => {
    await expect(root.locate('/missing/x', 'target')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(VirtualRoot.open(join(folder, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
