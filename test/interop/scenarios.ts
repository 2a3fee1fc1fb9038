/**
 * What is asked of every client, whoever answers it: with a backend's folder at hand each scenario checks both ends, what the client got and
 * what lies on the backend's disk. Knows neither how a client nor how a backend is run.
 */
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { BackendFacts } from './backends/backend.ts';
import type { ClientProgram, Step, Target } from './clients/client.ts';
import { fileHash, readLatin1, type TestBed, writeRandomFile } from './test-bed.ts';

/** Who speaks to whom: a client, its target, and the folder of the backend that the target shows after login. */
export interface Pairing {
  readonly bed: TestBed;
  readonly client: ClientProgram;
  readonly target: Target;
  readonly home: string;
  /** Time for one run of the client, milliseconds. */
  readonly limit?: number;
}

/** One file: its name (one character per byte) and size in bytes. */
export interface Sample {
  readonly name: string;
  readonly bytes: number;
}

/** The sizes at which transfers are known to go wrong: nothing, one byte, several records. */
export const SIZES: readonly Sample[] = [
  { name: 'empty.bin', bytes: 0 },
  { name: 'one.bin', bytes: 1 },
  { name: 'records.bin', bytes: 65_536 },
];

/** Names that are not plain words, as far as the backend keeps them. */
export function unusualNames({ refusedNames }: BackendFacts): readonly Sample[] {
  const names = ['two words.txt', 'caf\xc3\xa9.txt', "it's (1) #2 %41 [x] & more;.txt"];
  if (!refusedNames.includes('leading blank')) names.push(' leading blank.txt');
  if (!refusedNames.includes('not UTF-8')) names.push('caf\xe9.txt');
  return names.map((name, index) => ({ name, bytes: 100 + index }));
}

export function numbered(count: number): readonly Sample[] {
  return Array.from({ length: count }, (_, n) => ({ name: `file-${n}.bin`, bytes: 1_000 * n + 1 }));
}

/**
 * Makes a folder, lists it, and uploads samples into it; lists it again, downloads and renames them; deletes everything. The disk is compared
 * after each of these three sessions. A client that cannot write lists and downloads files that were put there.
 */
export async function roundTrip(pairing: Pairing, samples: readonly Sample[]): Promise<void> {
  await withFiles(pairing, samples, async (folder, files) => {
    if (pairing.client.writes) await upload(pairing, folder, files);
    else await plant(pairing, folder, files);
    await compareDisk(pairing, folder, files);
    await fetchBack(pairing, folder, files);
    if (pairing.client.writes) await deleteAll(pairing, folder, files);
  });
}

/**
 * Everything in one session: makes a folder, uploads, lists, downloads, renames all samples, deletes one of them and removes a folder; then
 * compares the disk. Cheaper than a round trip where each session costs time. For clients that keep one.
 */
export async function allInOne(pairing: Pairing, samples: readonly Sample[]): Promise<void> {
  await withFiles(pairing, samples, async (folder, all) => {
    const able = pairing.client.sendsNothing || pairing.target.security === 'plain';
    const files = all.filter(({ bytes }) => bytes > 0 || able);
    const listing = join(pairing.bed.folder, folder, 'listing');
    const [deleted, ...kept] = files;
    if (deleted === undefined) throw new Error('no samples');
    await perform(pairing, [
      { do: 'make folder', folder },
      ...uploads(folder, files),
      { do: 'list', folder, into: listing },
      ...downloads(folder, files),
      ...renames(folder, kept),
      { do: 'delete', remote: `${folder}/${deleted.name}` },
      { do: 'make folder', folder: `${folder}/passing` },
      { do: 'remove folder', folder: `${folder}/passing` },
    ]);
    await expectListed(pairing, listing, files);
    await compareBack(files);
    await compareDisk(
      pairing,
      folder,
      kept.map((file) => ({ ...file, name: renamed(file.name) })),
    );
  });
}

/** Many files up and the same down, in one session. */
export async function manyFiles(pairing: Pairing, count = 20): Promise<void> {
  await withFiles(pairing, numbered(count), async (folder, files) => {
    await perform(pairing, [{ do: 'make folder', folder }, ...uploads(folder, files), ...downloads(folder, files)]);
    await compareDisk(pairing, folder, files);
    await compareBack(files);
  });
}

/** One large file up (unless the client cannot), and down again. */
export async function largeFile(pairing: Pairing, bytes: number): Promise<void> {
  await roundTrip(pairing, [{ name: 'large.bin', bytes }]);
}

/** A sample with a local file of that size; `back` is where it is downloaded to. Local names are plain whatever the remote ones are. */
interface LocalFile extends Sample {
  readonly local: string;
  readonly back: string;
}

type Use = (folder: string, files: readonly LocalFile[]) => Promise<void>;

/** Calls back with the name of a remote folder that does not exist yet and with local files; removes both afterwards. */
async function withFiles({ bed, home }: Pairing, samples: readonly Sample[], use: Use): Promise<void> {
  const folder = `interop ${randomUUID()}`;
  const local = join(bed.folder, folder);
  await mkdir(local);
  try {
    const files: LocalFile[] = [];
    for (const [index, sample] of samples.entries()) {
      const path = await writeRandomFile(join(local, `${index}`), sample.bytes);
      files.push({ ...sample, local: path, back: `${path}-back` });
    }
    await use(folder, files);
  } finally {
    await rm(local, { recursive: true, force: true });
    await rm(join(home, folder), { recursive: true, force: true });
  }
}

function perform({ client, bed, target, limit }: Pairing, steps: readonly Step[]): Promise<void> {
  return client.perform(bed.packages, target, steps, limit);
}

function uploads(folder: string, files: readonly LocalFile[]): Step[] {
  return files.map(({ name, local }): Step => ({ do: 'upload', local, remote: `${folder}/${name}` }));
}

function downloads(folder: string, files: readonly LocalFile[]): Step[] {
  return files.map(({ name, back }): Step => ({ do: 'download', remote: `${folder}/${name}`, local: back }));
}

function renames(folder: string, files: readonly LocalFile[]): Step[] {
  return files.map(({ name }): Step => ({ do: 'rename', from: `${folder}/${name}`, to: `${folder}/${renamed(name)}` }));
}

async function upload(pairing: Pairing, folder: string, files: readonly LocalFile[]): Promise<void> {
  const { client, bed, target } = pairing;
  const able = client.sendsNothing || target.security === 'plain';
  const listing = join(bed.folder, folder, 'listing of nothing');
  const sent = files.filter(({ bytes }) => bytes > 0 || able);
  const steps = uploads(folder, sent);
  await perform(pairing, [{ do: 'make folder', folder }, { do: 'list', folder, into: listing }, ...steps]);
  const listed = await readLatin1(listing);
  for (const { name } of files) expect(listed).not.toContain(name);
  await plant(pairing, folder, able ? [] : files.filter(({ bytes }) => bytes === 0));
}

/** Puts files on the backend's disk, where everybody may read them. */
async function plant({ home }: Pairing, folder: string, files: readonly LocalFile[]): Promise<void> {
  await mkdir(join(home, folder), { recursive: true, mode: 0o755 });
  for (const { name, local } of files) {
    const planted = onDisk(home, `${folder}/${name}`);
    await copyFile(local, planted);
    await chmod(planted, 0o644);
  }
}

/** Lists, downloads and, where the client can, renames. */
async function fetchBack(pairing: Pairing, folder: string, files: readonly LocalFile[]): Promise<void> {
  const { client, bed } = pairing;
  const listing = join(bed.folder, folder, 'listing');
  const last = client.writes ? renames(folder, files) : [];
  await perform(pairing, [{ do: 'list', folder, into: listing }, ...downloads(folder, files), ...last]);
  await expectListed(pairing, listing, files);
  await compareBack(files);
}

async function expectListed({ client }: Pairing, listing: string, files: readonly LocalFile[]): Promise<void> {
  const listed = await readLatin1(listing);
  for (const { name } of files) expect(listed).toContain(client.listedName?.(name) ?? name);
}

async function deleteAll(pairing: Pairing, folder: string, files: readonly LocalFile[]): Promise<void> {
  const names = files.map(({ name }) => renamed(name));
  expect(await namesOnDisk(pairing, folder)).toEqual(names.toSorted());
  const deletions = names.map((name): Step => ({ do: 'delete', remote: `${folder}/${name}` }));
  await perform(pairing, [...deletions, { do: 'remove folder', folder }]);
  expect(await namesOnDisk(pairing, '')).not.toContain(folder);
}

function renamed(name: string): string {
  return `new ${name}`;
}

async function compareDisk(pairing: Pairing, folder: string, files: readonly LocalFile[]): Promise<void> {
  expect(await namesOnDisk(pairing, folder)).toEqual(files.map(({ name }) => name).toSorted());
  for (const { name, local } of files) {
    const stored = await fileHash(onDisk(pairing.home, `${folder}/${name}`));
    expect(stored, `${name} on the backend's disk`).toBe(await fileHash(local));
  }
}

async function compareBack(files: readonly LocalFile[]): Promise<void> {
  for (const { name, local, back } of files) {
    expect(await fileHash(back), `${name} as downloaded`).toBe(await fileHash(local));
  }
}

/** Names in a folder of the backend, sorted; one character per byte. */
async function namesOnDisk({ home }: Pairing, folder: string): Promise<string[]> {
  const names = await readdir(onDisk(home, folder), { encoding: 'buffer' });
  return names.map((name) => name.toString('latin1')).toSorted();
}

function onDisk(home: string, path: string): Buffer {
  return Buffer.from(join(home, path), 'latin1');
}
