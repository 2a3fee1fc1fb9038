/**
 * The frame of every interop test file: real programs or a skip with its reason (a failure where SALLYPORT_INTEROP=required), and local
 * folders that are gone afterwards.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, describe, it } from 'vitest';
import type { Packages } from '../support/debian-packages.ts';
import { providePackages } from './packages.ts';

/** What the tests of one file work with: the programs, and a folder for local files. */
export interface TestBed {
  readonly packages: Packages;
  readonly folder: string;
}

/**
 * Declares the tests of a file, which need real programs. Where this machine cannot have them (or has no root, if `needsRoot`; `provide` finds others than those of the suite), declares one
 * skipped test that tells why; with SALLYPORT_INTEROP=required in the environment it throws an Error instead.
 */
export async function describeInterop(
  title: string,
  declare: (bed: TestBed) => void,
  options: { readonly needsRoot?: boolean; readonly provide?: () => Promise<Packages | string> } = {},
): Promise<void> {
  const { needsRoot = false, provide = providePackages } = options;
  const packages = needsRoot && process.getuid?.() !== 0 ? 'only root can start it' : await provide();
  if (typeof packages === 'string') {
    if (isRequired()) throw new Error(`interop is required, but ${packages}`);
    describe(title, () => {
      it.skip(`SKIPPED, no real programs here: ${packages}`, () => {});
    });
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-local-'));
  describe(title, () => {
    afterAll(() => rm(folder, { recursive: true, force: true }));
    declare({ packages, folder });
  });
}

function isRequired(): boolean {
  const { SALLYPORT_INTEROP: wish } = process.env;
  return wish === 'required';
}

/** Says on the error output, once and loudly, that the interop suite does not run here; silent where it does, or must. */
export async function announceSkip(): Promise<void> {
  const packages = await providePackages();
  if (typeof packages !== 'string' || isRequired()) return;
  process.stderr.write(`\n*** INTEROP SUITE SKIPPED: ${packages}. No real FTP program was tried. ***\n\n`);
}

/** Writes a local file of random bytes. */
export async function writeRandomFile(path: string, bytes: number): Promise<string> {
  const block = 1_048_576;
  if (bytes <= block) {
    await writeFile(path, randomBytes(bytes));
    return path;
  }
  const blocks = function* () {
    for (let left = bytes; left > 0; left -= block) yield randomBytes(Math.min(block, left));
  };
  await pipeline(Readable.from(blocks()), createWriteStream(path));
  return path;
}

/** SHA-256 of a file, hexadecimal; the path may be bytes. */
export async function fileHash(path: string | Buffer): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The bytes of a file as Latin-1 text. */
export async function readLatin1(path: string): Promise<string> {
  return (await readFile(path)).toString('latin1');
}
