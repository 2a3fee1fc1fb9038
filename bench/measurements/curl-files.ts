/** Many small files with one invocation of curl, which ends TLS on data connections in a way that makes many servers wait. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PASSWORD, USER } from '../../test/interop/backends/backend.ts';
import { runProgram } from '../../test/support/processes.ts';
import { alternate, type Bench, type Section } from '../measurement.ts';
import { median, spread } from '../numbers.ts';
import { type FtpContender, startFtpContenders } from '../programs/ftp-contenders.ts';

const BYTES = 10_240;
const MOST_ROUNDS = 3;
/** The peers need more than a minute for each. */
const ROUNDS_OF_PEERS = 1;
const BAR = 1.5;
const FILES_OF_BAR = 300;

/** Measures downloads of many files with curl. */
export async function measureCurlFiles(bench: Bench): Promise<Section> {
  const count = bench.plan.curlFiles;
  const rounds = Math.min(bench.plan.rounds, MOST_ROUNDS);
  const { contenders, backend } = await startFtpContenders(bench);
  for (const { program } of [...contenders, { program: backend }]) {
    for (let number = 0; number < count; number += 1) {
      await writeFile(join(program.home, `small-${number}`), randomBytes(BYTES), { mode: 0o644 });
    }
  }
  const figures = new Map<string, number[]>();
  await alternate(rounds, contenders, async (contender, round) => {
    if (round === 0) return void (await download(bench, contender, 5));
    if (round > ROUNDS_OF_PEERS && contender.name !== 'Sallyport') return;
    const seconds = await download(bench, contender, count);
    bench.say(`${count} files with curl, ${contender.name}: ${seconds.toFixed(2)} s`);
    figures.set(contender.name, [...(figures.get(contender.name) ?? []), seconds]);
  });
  const own = median(figures.get('Sallyport') ?? []);
  const { versions } = bench.packages;
  return {
    title: 'Small files with curl',
    how: `${count} files of 10 KiB downloaded by one invocation of curl ${versions['curl']}; the whole time in seconds, median of ${rounds} (least–greatest), of the others ${ROUNDS_OF_PEERS}.`,
    columns: ['', ...contenders.map(({ name }) => name)],
    rows: [['download', ...contenders.map(({ name }) => `${spread(figures.get(name) ?? [])} s`)]],
    bars: [
      {
        what: `curl, ${count} files down`,
        bar: `< ${((BAR * count) / FILES_OF_BAR).toFixed(2)} s`,
        measured: `${own.toFixed(2)} s`,
        met: own < (BAR * count) / FILES_OF_BAR,
      },
    ],
  };
}

async function download(bench: Bench, { name, program }: FtpContender, count: number): Promise<number> {
  const { packages, certificates } = bench;
  const into = join(bench.folder, 'curl');
  await mkdir(into);
  const words = ['-q', '-sS', '--ssl-reqd', '--cacert', certificates.authority, '-u', `${USER}:${PASSWORD}`];
  const files = [`ftp://127.0.0.1:${program.port}/small-[0-${count - 1}]`, '-o', join(into, '#1')];
  const options = { env: packages.environment(into), limit: 300_000 };
  const start = performance.now();
  const { code, errors } = await runProgram(packages.path('usr/bin/curl'), [...words, ...files], options);
  const seconds = (performance.now() - start) / 1_000;
  const fetched = (await readdir(into)).length;
  await rm(into, { recursive: true });
  if (code !== 0 || fetched !== count) throw new Error(`${name}: curl fetched ${fetched} of ${count} files: ${errors}`);
  return seconds;
}
