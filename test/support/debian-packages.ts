/**
 * Programs of Debian packages, unpacked side by side into an ignored folder (such packages conflict with each other, and nothing is
 * installed into the system). Knows how packages are fetched, not which ones and what for.
 */
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ProgramResult, runProgram } from './processes.ts';

/** A failed attempt is believed for this long (milliseconds), so that several processes do not each wait for a missing network. */
const FAILURE_HOLDS = 300_000;
/** Another process that fetches is waited for this long (milliseconds). */
const LOCK_PATIENCE = 300_000;

/** Which packages are wanted, and where they are unpacked. */
export interface PackageSet {
  /** Absolute path of the folder; it belongs to this set alone. */
  readonly folder: string;
  readonly wanted: readonly string[];
  /** Of what these depend on, packages with such names are unpacked too. */
  readonly also?: RegExp;
  /** Programs and libraries inside the unpacked tree that must load; libraries that they lack are fetched as well. */
  readonly mustLoad: readonly string[];
  /** Folders of private libraries below those of all libraries, such as `pulseaudio`. */
  readonly privateLibraries?: readonly string[];
}

/** The unpacked programs. */
export interface Packages {
  /** Package → version, as Debian names them. */
  readonly versions: Readonly<Record<string, string>>;
  /** Absolute path of a file of the unpacked tree, such as `usr/sbin/vsftpd`. */
  path(file: string): string;
  /** Absolute path of an unpacked shared library, such as `libpam_wrapper.so`. Throws an Error when it is not there. */
  library(file: string): string;
  /** A small fixed environment in which the programs find their libraries; HOME is a folder of the caller. */
  environment(home: string): Record<string, string>;
}

interface Stamp {
  readonly recipe: string;
  readonly system: string;
  readonly at: number;
  readonly versions?: Record<string, string>;
  readonly libraries?: string[];
  readonly failure?: string;
}

/**
 * Fetches and unpacks the programs, or finds them from an earlier run; several processes may ask at once, one of them does the work.
 * Resolves with the reason as a string where this machine cannot have them (no apt, no network, another architecture's tree).
 */
export async function provideDebianPackages(set: PackageSet): Promise<Packages | string> {
  try {
    const tools = await missingTools();
    return tools.length > 0 ? `this machine has no ${tools.join(', no ')}` : await findOrFetch(set);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function findOrFetch(set: PackageSet): Promise<Packages | string> {
  await mkdir(set.folder, { recursive: true });
  const system = await describeSystem();
  const early = await readStamp(set, system);
  if (early) return packagesOf(set, early);
  const lock = join(set.folder, 'lock');
  await takeLock(lock);
  try {
    const stamp = (await readStamp(set, system)) ?? (await fetchAll(set, system));
    return packagesOf(set, stamp);
  } finally {
    await rmdir(lock);
  }
}

function rootOf({ folder }: PackageSet): string {
  return join(folder, 'root');
}

function stampOf({ folder }: PackageSet): string {
  return join(folder, 'stamp.json');
}

/** Changes with what is fetched, so that an older folder is thrown away. */
function recipeOf({ wanted }: PackageSet): string {
  return `1: ${wanted.join(' ')}`;
}

async function missingTools(): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of ['apt-get', 'apt-cache', 'dpkg', 'ldd']) {
    if (!(await exists(`/usr/bin/${tool}`))) missing.push(tool);
  }
  return missing;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function describeSystem(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return `${/^PRETTY_NAME=(.*)$/m.exec(release)?.[1] ?? 'unknown'} ${process.arch}`;
}

/** What an earlier run left, if it holds for this recipe and system. */
async function readStamp(set: PackageSet, system: string): Promise<Stamp | undefined> {
  const text = await readFile(stampOf(set), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const stamp = JSON.parse(text) as Stamp;
  if (stamp.recipe !== recipeOf(set) || stamp.system !== system) return undefined;
  if (stamp.failure !== undefined) return Date.now() - stamp.at > FAILURE_HOLDS ? undefined : stamp;
  return (await exists(rootOf(set))) ? stamp : undefined;
}

/** A lock folder: made by one process only. One that was left behind by a killed process is taken over when it is too old. */
async function takeLock(lock: string): Promise<void> {
  for (;;) {
    try {
      await mkdir(lock);
      return;
    } catch {
      const made = await stat(lock).catch(() => undefined);
      if (made && Date.now() - made.mtimeMs > LOCK_PATIENCE) await rmdir(lock).catch(() => {});
      await delay(200);
    }
  }
}

async function fetchAll(set: PackageSet, system: string): Promise<Stamp> {
  const base = { recipe: recipeOf(set), system, at: Date.now() };
  let stamp: Stamp;
  try {
    stamp = { ...base, ...(await unpackAll(set)) };
  } catch (error) {
    stamp = { ...base, failure: error instanceof Error ? error.message : String(error) };
  }
  await writeFile(stampOf(set), JSON.stringify(stamp, null, 2));
  return stamp;
}

async function unpackAll(set: PackageSet): Promise<{ versions: Record<string, string>; libraries: string[] }> {
  const work = await mkdtemp(join(set.folder, 'unpacking-'));
  try {
    const tree = join(work, 'root');
    const dependencies = await resolveDependencies(set.wanted);
    const chosen = [...new Set([...set.wanted, ...dependencies.filter((name) => set.also?.test(name))])];
    const versions = await download(chosen, work, tree);
    for (;;) {
      const libraries = await libraryFolders(tree, set.privateLibraries);
      const missing = await missingLibraries(tree, libraries, set.mustLoad);
      if (missing.length === 0) {
        await rm(rootOf(set), { recursive: true, force: true });
        await rename(tree, rootOf(set));
        return { versions, libraries };
      }
      const packages = missing.map((library) => packageOf(library, dependencies));
      const fresh = packages.filter((name) => !(name in versions));
      if (fresh.length === 0) throw new Error(`libraries do not load: ${missing.join(', ')}`);
      Object.assign(versions, await download([...new Set(fresh)], work, tree));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Names of everything that the wanted packages depend on, whether installed or not. Updates apt's lists once if it knows no packages. */
async function resolveDependencies(wanted: readonly string[]): Promise<string[]> {
  const ask = () =>
    runProgram('apt-cache', [
      ...['depends', '--recurse', '--important', '--no-breaks', '--no-conflicts', '--no-replaces', '--no-enhances'],
      ...wanted,
    ]);
  let answer = await ask();
  const known = (result: ProgramResult) => result.code === 0 && wanted.every((name) => lines(result).includes(name));
  if (!known(answer)) {
    const update = await runProgram('apt-get', ['-q', ...NETWORK, 'update'], { limit: 120_000 });
    answer = await ask();
    if (!known(answer)) throw new Error(`apt knows no such packages: ${lastLine(update.errors || answer.errors)}`);
  }
  return lines(answer).filter((line) => /^[a-z0-9]/.test(line));
}

const NETWORK = ['-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::https::Timeout=20', '-o', 'Acquire::Retries=2'];

/** Downloads packages and unpacks them over each other; tells their versions. */
async function download(names: readonly string[], work: string, tree: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(work, 'archives-'));
  const get = () => runProgram('apt-get', ['-q', ...NETWORK, 'download', ...names], { folder, limit: 240_000 });
  let result = await get();
  if (result.code !== 0) {
    await runProgram('apt-get', ['-q', ...NETWORK, 'update'], { limit: 120_000 });
    result = await get();
  }
  if (result.code !== 0) throw new Error(`apt-get download: ${lastLine(result.errors)}`);
  const versions: Record<string, string> = {};
  for (const archive of await readdir(folder)) {
    const unpacked = await runProgram('dpkg', ['-x', join(folder, archive), tree]);
    if (unpacked.code !== 0) throw new Error(`dpkg -x ${archive}: ${lastLine(unpacked.errors)}`);
    const [name = archive, version = ''] = archive.split('_');
    versions[name] = decodeURIComponent(version);
  }
  return versions;
}

/** Folders of the unpacked tree that hold shared libraries; that of the most of them is the last. */
async function libraryFolders(tree: string, privateFolders: readonly string[] = []): Promise<string[]> {
  const folders: string[] = [];
  for (const base of ['lib', 'usr/lib']) {
    for (const entry of await readdir(join(tree, base), { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && entry.name.includes('-linux-')) folders.push(join(base, entry.name));
    }
  }
  const nested = folders.flatMap((folder) => privateFolders.map((name) => join(folder, name)));
  return [...nested, ...folders];
}

/** Names of the shared libraries that the loader does not find for the programs, such as `libhashkit.so.2`. */
async function missingLibraries(
  tree: string,
  folders: readonly string[],
  mustLoad: readonly string[],
): Promise<string[]> {
  const env = { ...plain(), LD_LIBRARY_PATH: folders.map((folder) => join(tree, folder)).join(':') };
  const missing = new Set<string>();
  for (const file of [...mustLoad, ...(await pythonTls(tree))]) {
    const { code, output, errors } = await runProgram('ldd', [join(tree, file)], { env });
    if (code !== 0) throw new Error(`ldd ${file}: ${lastLine(errors)}`);
    for (const [, library] of output.matchAll(/^\s*(\S+) => not found/gm)) if (library) missing.add(library);
  }
  return [...missing];
}

async function pythonTls(tree: string): Promise<string[]> {
  const versions = (await readdir(join(tree, 'usr/lib')).catch(() => [])).filter((name) => /^python3\.\d+$/.test(name));
  const found: string[] = [];
  for (const version of versions) {
    const folder = join('usr/lib', version, 'lib-dynload');
    for (const file of await readdir(join(tree, folder)).catch(() => [])) {
      if (/^(_ssl|_hashlib)\./.test(file)) found.push(join(folder, file));
    }
  }
  return found;
}

/** Debian's name for the package of a library: `libpcre2-posix.so.3` is in libpcre2-posix3. Throws an Error when nothing matches. */
function packageOf(library: string, dependencies: readonly string[]): string {
  const plainName = (name: string) => name.toLowerCase().replaceAll('_', '-').replaceAll('-', '');
  const wanted = plainName(library.replace('.so.', ''));
  const found = dependencies.find((name) => plainName(name).replace(/(t64|g)$/, '') === wanted);
  if (found === undefined) throw new Error(`no package is known for the library ${library}`);
  return found;
}

function packagesOf(set: PackageSet, stamp: Stamp): Packages | string {
  const { versions, libraries, failure } = stamp;
  if (failure !== undefined || versions === undefined || libraries === undefined) return failure ?? 'no packages';
  const root = rootOf(set);
  const folders = libraries.map((folder) => join(root, folder));
  return {
    versions,
    path: (file) => join(root, file),
    library: (file) => join(folders[folders.length - 1] ?? root, file),
    environment: (home) => ({ ...plain(), HOME: home, LD_LIBRARY_PATH: folders.join(':') }),
  };
}

/** The environment of the unpacked programs: no proxies, no locale, nothing of the user's. */
function plain(): Record<string, string> {
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
}

function lines(result: ProgramResult): string[] {
  return result.output.split('\n').map((line) => line.trimEnd());
}

function lastLine(text: string): string {
  return text.trim().split('\n').pop() ?? '';
}
