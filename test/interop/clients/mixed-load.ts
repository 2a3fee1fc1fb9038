/**
 * Several programs at the same time on one machine, and so behind one address: lftp that mirrors over parallel connections, curl that goes
 * through a list in one session, and Python sessions that resume. Each uploads files of its own and downloads them again.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Packages } from '../../support/debian-packages.ts';
import { runProgram } from '../../support/processes.ts';
import { writeRandomFile } from '../test-bed.ts';
import { expectSuccess, type Step, type Target, type TlsVersion } from './client.ts';
import { curl } from './curl.ts';
import { type Errand, pythonSessions } from './many-sessions.ts';

/** Where the programs run, and where their local files are. */
export interface LoadPlace {
  readonly packages: Packages;
  /** Also in the names of remote files: no other load may have it. */
  readonly name: string;
  /** Of local files; it does not exist yet. */
  readonly folder: string;
  target(tls: TlsVersion): Target;
}

/** How many files each program moves; every version of TLS counts. */
export interface LoadSize {
  readonly lftp: number;
  readonly curl: number;
  readonly python: number;
}

const LIMIT = 60_000;
const PARALLEL = 4;
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
/** Bytes: from less than a record to more than the first buffers of the gateway. lftp fetches no empty files. */
const SIZES = [1, 3_000, 20_000, 70_000, 300_000];

/** Lets all programs run; resolves with what they did, when all have succeeded, for the caller to compare. */
export async function mixedLoad(place: LoadPlace, size: LoadSize): Promise<readonly Errand[]> {
  const work = VERSIONS.flatMap((tls) => [
    { files: size.lftp, run: mirrorBothWays, name: `lftp-${tls}`, tls },
    { files: size.curl, run: curlInTurn, name: `curl-${tls}`, tls },
    { files: size.python, run: pythonAtOnce, name: `python-${tls}`, tls },
  ]);
  const done = work.map(async ({ files, run, name, tls }) => {
    const errands = await prepare(join(place.folder, name), `${place.name}-${name}`, files);
    await run(place, place.target(tls), errands);
    return errands;
  });
  await Promise.allSettled(done);
  return (await Promise.all(done)).flat();
}

/** Local files in `out`, to come back into `back`; remote ones have the name of their folder in their own, too. */
async function prepare(folder: string, remote: string, count: number): Promise<readonly Errand[]> {
  await mkdir(join(folder, 'out'), { recursive: true });
  const errands = Array.from({ length: count }, (_, index): Errand => {
    const name = `${remote}-${index}.bin`;
    return { local: join(folder, 'out', name), remote: `${remote}/${name}`, back: join(folder, 'back', name) };
  });
  for (const [index, { local }] of errands.entries()) await writeRandomFile(local, SIZES[index % SIZES.length] ?? 0);
  return errands;
}

async function mirrorBothWays({ packages }: LoadPlace, target: Target, errands: readonly Errand[]): Promise<void> {
  const [first] = errands;
  if (first === undefined) return;
  const [local, remote, back] = [first.local, first.remote, first.back].map((path) => path.replace(/\/[^/]*$/, ''));
  const script = [
    ...lftpSettings(target),
    `mirror --reverse --parallel=${PARALLEL} ${local} ${remote}`,
    `mirror --parallel=${PARALLEL} ${remote} ${back}`,
    'exit 0',
  ];
  const options = { env: packages.environment('/nonexistent'), input: `${script.join('\n')}\n`, limit: LIMIT };
  expectSuccess('lftp', await runProgram(packages.path('usr/bin/lftp'), ['--norc'], options));
}

/** Settings of a script for lftp that does not retry, and a target that it opens. */
export function lftpSettings({ host, port, tls, authority, user, password }: Target): string[] {
  return [
    'set cmd:fail-exit yes',
    'set net:max-retries 1',
    'set net:timeout 20',
    `set net:connection-limit ${PARALLEL}`,
    'set ftp:ssl-force yes',
    'set ftp:ssl-protect-data yes',
    `set ssl:ca-file ${authority}`,
    `set ssl:priority "NORMAL:-VERS-ALL:+VERS-${tls === 'TLSv1.2' ? 'TLS1.2' : 'TLS1.3'}"`,
    `open -u ${user},${password} ftp://${host}:${port}`,
  ];
}

async function curlInTurn({ packages }: LoadPlace, target: Target, errands: readonly Errand[]): Promise<void> {
  const steps = errands.flatMap(({ local, remote, back }): Step[] => [
    { do: 'upload', local, remote },
    { do: 'download', remote, local: back },
  ]);
  await makeFolders(errands);
  const [folder = ''] = errands[0]?.remote.split('/') ?? [];
  await curl.perform(packages, target, [{ do: 'make folder', folder }, ...steps], LIMIT);
}

async function pythonAtOnce(place: LoadPlace, target: Target, errands: readonly Errand[]): Promise<void> {
  const [folder = ''] = errands[0]?.remote.split('/') ?? [];
  await makeFolders(errands);
  await curl.perform(place.packages, target, [{ do: 'make folder', folder }]);
  const begun = Promise.resolve();
  await pythonSessions(place.packages)(target, errands, { file: place.folder, given: begun });
}

async function makeFolders(errands: readonly Errand[]): Promise<void> {
  for (const { back } of errands) await mkdir(join(back, '..'), { recursive: true });
}
