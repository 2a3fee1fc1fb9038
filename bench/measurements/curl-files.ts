/**
 * Many small files with one invocation of curl, which ends TLS on data connections in a way that makes many servers wait. curl and the
 * servers run on processors of their own, as on machines of their own: where a server is let run between curl's EPSV and its look
 * for the reply, curl 7.88 sleeps for a second (quirk), and on a shared processor that is up to the scheduler.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PASSWORD, USER } from '../../test/interop/backends/backend.ts';
import { runProgram } from '../../test/support/processes.ts';
import { alternate, type Bench, type Section } from '../measurement.ts';
import { median, spread } from '../numbers.ts';
import { pinTree } from '../process-tree.ts';
import { type FtpContender, startFtpContenders } from '../programs/ftp-contenders.ts';

const BYTES = 10_240;
const MOST_ROUNDS = 3;
/** The peers need more than a minute for each. */
const ROUNDS_OF_PEERS = 1;
const BAR = 1.5;
const FILES_OF_BAR = 300;
/** Processors of the servers, and of curl. */
const SERVERS = 0;
const CLIENT = 1;
/** A file that takes so many seconds is one before which curl slept. */
const SLEEP = 0.9;

interface Download {
  readonly seconds: number;
  /** How often curl slept for a second. */
  readonly sleeps: number;
}

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
  for (const { program } of [...contenders, { program: backend }]) await pinTree(program.pid, SERVERS);
  const figures = new Map<string, Download[]>();
  await alternate(rounds, contenders, async (contender, round) => {
    if (round === 0) return void (await download(bench, contender, 5));
    if (round > ROUNDS_OF_PEERS && contender.name !== 'Sallyport') return;
    const done = await download(bench, contender, count);
    bench.say(`${count} files with curl, ${contender.name}: ${done.seconds.toFixed(2)} s, ${done.sleeps} sleeps`);
    figures.set(contender.name, [...(figures.get(contender.name) ?? []), done]);
  });
  const of = (name: string): readonly Download[] => figures.get(name) ?? [];
  const own = median(of('Sallyport').map(({ seconds }) => seconds));
  const { versions } = bench.packages;
  return {
    title: 'Small files with curl',
    how: `${count} files of 10 KiB downloaded by one invocation of curl ${versions['curl']}; the whole time in seconds, median of ${rounds} (least–greatest), of the others ${ROUNDS_OF_PEERS}. curl has one processor, all servers have the other, as if they were two machines: a reply that is there before curl first looks for it makes this version sleep for a second, and on a shared processor that is up to the scheduler. Where it does not sleep, the time is what handshakes and sockets cost on one processor; on the machine of the published page that varies by a tenth from run to run, around the bar.`,
    columns: ['', ...contenders.map(({ name }) => name)],
    rows: [
      ['download', ...contenders.map(({ name }) => `${spread(of(name).map(({ seconds }) => seconds))} s`)],
      [
        'sleeps of curl',
        ...contenders.map(({ name }) =>
          of(name)
            .map(({ sleeps }) => sleeps)
            .join(', '),
        ),
      ],
    ],
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

async function download(bench: Bench, { name, program }: FtpContender, count: number): Promise<Download> {
  const { packages, certificates } = bench;
  const into = join(bench.folder, 'curl');
  await mkdir(into);
  const words = [
    '-q',
    '-sS',
    '-w',
    '%{time_total}\n',
    '--ssl-reqd',
    '--cacert',
    certificates.authority,
    '-u',
    `${USER}:${PASSWORD}`,
  ];
  const files = [`ftp://127.0.0.1:${program.port}/small-[0-${count - 1}]`, '-o', join(into, '#1')];
  const options = { env: packages.environment(into), limit: 300_000 };
  const start = performance.now();
  const curl = ['--cpu-list', `${CLIENT}`, packages.path('usr/bin/curl')];
  const { code, errors, output } = await runProgram('taskset', [...curl, ...words, ...files], options);
  const seconds = (performance.now() - start) / 1_000;
  const fetched = (await readdir(into)).length;
  await rm(into, { recursive: true });
  if (code !== 0 || fetched !== count) throw new Error(`${name}: curl fetched ${fetched} of ${count} files: ${errors}`);
  return { seconds, sleeps: output.split('\n').filter((time) => Number(time) > SLEEP).length };
}
