/** Many small files over one session: time for each file with Python's ftplib, with and without TLS resumption on data connections. */
import { join } from 'node:path';
import { numberIn, numbersIn } from '../json-process.ts';
import { alternate, type Bar, type Bench, type Section, startClient } from '../measurement.ts';
import { median, milliseconds, times } from '../numbers.ts';
import { cpuOfTree } from '../process-tree.ts';
import { type FtpContender, startFtpContenders } from '../programs/ftp-contenders.ts';
import { sessionTarget } from '../session-target.ts';

const BYTES = 10_240;
const DIRECTIONS = ['up', 'down'] as const;
/** CPU of a program for one file, mean of both directions. */
const CPU = 'CPU';
const MODES = [
  { resume: false, text: 'without resumption' },
  { resume: true, text: 'with resumption' },
] as const;

/** Measures uploads and downloads of small files. */
export async function measureSmallFiles(bench: Bench): Promise<Section> {
  const { smallFiles: count, rounds } = bench.plan;
  const { contenders } = await startFtpContenders(bench);
  const client = startClient(bench);
  const figures = new Map<string, number[]>();
  const turns = MODES.flatMap((mode) => contenders.map((contender) => ({ mode, contender })));
  await alternate(rounds, turns, async ({ mode, contender }, round) => {
    const target = sessionTarget(contender.program, bench.certificates, 'explicit');
    await client.ask({ do: 'connect', ...target, resume: mode.resume });
    const local = join(bench.folder, 'small.bin');
    const before = await cpuOfTree(contender.program.pid);
    const answer = await client.ask({ do: 'small_files', count, bytes: BYTES, local });
    const used = (await cpuOfTree(contender.program.pid)) - before;
    await client.ask({ do: 'close' });
    expectResumption(contender, mode.resume, numberIn(answer, 'resumed'));
    if (round === 0) return;
    const note = (kind: string, seconds: number): void => {
      bench.say(`${count} files, ${kind} ${mode.text}, ${contender.name}: ${milliseconds(seconds)} each`);
      const key = `${kind} ${mode.text} ${contender.name}`;
      figures.set(key, [...(figures.get(key) ?? []), seconds]);
    };
    for (const direction of DIRECTIONS) note(direction, median(numbersIn(answer, direction)));
    note(CPU, used / count / DIRECTIONS.length);
  });
  const cases = DIRECTIONS.flatMap((direction) => MODES.map(({ text }) => `${direction} ${text}`));
  const of = (kind: string, name: string): number => median(figures.get(`${kind} ${name}`) ?? []);
  return {
    title: 'Small files with ftplib',
    how: `${count} files of 10 KiB over one session, Python ftplib, TLS 1.3, passive mode; time for one file, median of all files of a session, then of ${rounds} sessions. CPU is user and system time of the program with all of its processes, for one file, mean of both directions; that of the backend of the gateways is not counted. Without resumption a key exchange and a signature for each file outweigh all else: on the machine of the published page the three are within a third of one another, and which is ahead changes from run to run. Uploads with resumption wait for a delayed acknowledgement of 40 ms on loopback: the client holds its last packet back until the end of its handshake is acknowledged, and nothing that a gateway may send carries that; vsftpd sends new session tickets, which Node does not on a resumed connection. Downloads with resumption are where a gateway's own work shows, as nobody signs anything: that of mod_proxy, a process for each session that copies between two descriptors in C, takes half the CPU or less; most of ours is in the sockets, streams and TLS of Node.`,
    columns: ['direction', ...contenders.map(({ name }) => name)],
    rows: [...cases, ...MODES.map(({ text }) => `${CPU} ${text}`)].map((kind) => [
      kind,
      ...contenders.map(({ name }) => milliseconds(of(kind, name))),
    ]),
    bars: cases.flatMap((kind) => bars(kind, of)),
  };
}

function expectResumption({ name }: FtpContender, wanted: boolean, resumed: number): void {
  if (!wanted && resumed > 0) throw new Error(`${name}: sessions were resumed that should not be`);
  if (wanted && resumed === 0) throw new Error(`${name}: no data connection resumed the session`);
}

function bars(kind: string, of: (kind: string, name: string) => number): Bar[] {
  const own = of(kind, 'Sallyport');
  const peers = [
    { peer: 'vsftpd direct', limit: 1.3 },
    { peer: 'mod_proxy', limit: 1 },
  ];
  return peers.map(({ peer, limit }) => {
    const other = of(kind, peer);
    return {
      what: `10 KiB file ${kind}`,
      bar: `≤ ${limit === 1 ? '' : `${limit} × `}${peer} (${milliseconds(other)})`,
      measured: `${milliseconds(own)} = ${times(own, other)}`,
      met: own <= limit * other,
    };
  });
}
