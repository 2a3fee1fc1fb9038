/**
 * One large file down and up: CPU of the relaying program for each GiB, and throughput. Gateways relay between a client and vsftpd; nginx and
 * HAProxy, which know no FTP, relay the same file between the same client and a plain TCP source or sink.
 */
import { randomBytes } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, JsonProcess, numberIn } from '../json-process.ts';
import { alternate, type Bar, type Bench, type Section, startClient } from '../measurement.ts';
import { median, spread, times } from '../numbers.ts';
import { cpuOfTree } from '../process-tree.ts';
import { startHaproxy } from '../programs/haproxy.ts';
import { startModProxy } from '../programs/mod-proxy.ts';
import { startNginx } from '../programs/nginx.ts';
import { startSallyport } from '../programs/sallyport.ts';
import type { TlsRelay } from '../programs/tls-relay.ts';
import { startPlainVsftpd } from '../programs/vsftpd.ts';
import { sessionTarget } from '../session-target.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

type Direction = 'download' | 'upload';

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly client: JsonProcess;
  readonly steps: Readonly<Record<Direction, Answer>>;
  /** Where an upload ends on the disk. */
  readonly written: string;
}

interface Figures {
  readonly cpu: number[];
  readonly speed: number[];
}

/** Measures downloads and uploads of one large file. */
export async function measureRelay(bench: Bench): Promise<Section> {
  const contenders = await startContenders(bench);
  const figures = new Map<string, Figures>();
  for (const direction of ['download', 'upload'] as const) {
    await alternate(bench.plan.rounds, contenders, async (contender, round) => {
      const { cpu, speed } = await transfer(contender, direction, bench.plan.bytes);
      bench.say(`${direction} ${contender.name}: ${cpu.toFixed(2)} CPU s/GiB, ${speed.toFixed(0)} MiB/s`);
      if (round === 0) return;
      const key = `${direction} ${contender.name}`;
      const known = figures.get(key) ?? { cpu: [], speed: [] };
      known.cpu.push(cpu);
      known.speed.push(speed);
      figures.set(key, known);
    });
  }
  const of = (direction: Direction, name: string): Figures => {
    return figures.get(`${direction} ${name}`) ?? { cpu: [], speed: [] };
  };
  return {
    title: 'Relay: one large file',
    how: `A file of ${bench.plan.bytes / MIB} MiB, TLS 1.3 to the client, plain to the backend. CPU is user and system time of the relaying program with all of its processes; client and backend are not counted. Median of ${bench.plan.rounds} rounds (least–greatest). What differs between rounds of uploads is mostly V8: proving how an upload ends takes a stream between socket and TLS, whose buffers are garbage at twice the rate of the data; a round in which V8 collects its whole heap several times costs up to half as much again as one in which it does not.`,
    columns: ['direction', 'program', 'CPU seconds per GiB', 'MiB per second', 'CPU against Sallyport'],
    rows: (['download', 'upload'] as const).flatMap((direction) =>
      contenders.map(({ name }) => {
        const { cpu, speed } = of(direction, name);
        const ratio = times(median(cpu), median(of(direction, 'Sallyport').cpu));
        return [direction, name, spread(cpu), spread(speed, 0), ratio];
      }),
    ),
    bars: bars((direction, name) => median(of(direction, name).cpu)),
  };
}

async function transfer(
  contender: Contender,
  direction: Direction,
  bytes: number,
): Promise<{ cpu: number; speed: number }> {
  const before = await cpuOfTree(contender.pid);
  const answer = await contender.client.ask(contender.steps[direction]);
  const cpu = (await cpuOfTree(contender.pid)) - before;
  const moved = direction === 'download' ? numberIn(answer, 'bytes') : await sizeOf(contender.written, bytes);
  if (moved !== bytes) throw new Error(`${contender.name}: ${direction} of ${bytes} bytes moved ${moved}`);
  if (direction === 'upload') await rm(contender.written);
  return { cpu: cpu / (bytes / GIB), speed: bytes / MIB / numberIn(answer, 'seconds') };
}

/** Size of a file that is still being written, perhaps: who relays without knowing FTP is done before the file is. */
async function sizeOf(path: string, expected: number): Promise<number> {
  for (let look = 0; ; look += 1) {
    const { size } = await stat(path);
    if (size >= expected || look === 100) return size;
    await delay(20);
  }
}

async function startContenders(bench: Bench): Promise<Contender[]> {
  const { packages, certificates, folder, later, plan } = bench;
  const backend = later(await startPlainVsftpd(packages));
  const large = join(backend.home, 'large.bin');
  await writeLargeFile(large, plan.bytes);
  const written = join(folder, 'sink.bin');
  const peer = later(
    new JsonProcess(
      packages.path('usr/bin/python3'),
      [join(import.meta.dirname, '../tcp_peer.py'), large, written],
      packages.environment(folder),
    ),
  );
  const ports = await peer.next();
  const tcp = { source: numberIn(ports, 'source'), sink: numberIn(ports, 'sink') };

  const gateway = async (name: string, running: { port: number; pid: number }): Promise<Contender> => {
    const client = startClient(bench);
    await client.ask({ do: 'connect', ...sessionTarget(running, certificates, 'explicit') });
    const steps = {
      download: { do: 'download', name: 'large.bin' },
      upload: { do: 'upload', name: 'sent.bin', local: large },
    };
    return { name, pid: running.pid, client, steps, written: join(backend.home, 'sent.bin') };
  };
  const bare = (name: string, running: TlsRelay): Contender => {
    const target = { host: '127.0.0.1', authority: certificates.authority };
    const steps = {
      download: { do: 'raw_download', port: running.downloadPort, ...target },
      upload: { do: 'raw_upload', port: running.uploadPort, local: large, ...target },
    };
    return { name, pid: running.pid, client: startClient(bench), steps, written };
  };
  return [
    await gateway('Sallyport', later(await startSallyport(certificates, backend.port))),
    await gateway('mod_proxy', later(await startModProxy(packages, certificates, backend.port))),
    bare('nginx', later(await startNginx(packages, certificates, tcp))),
    bare('HAProxy', later(await startHaproxy(packages, certificates, tcp))),
  ];
}

async function writeLargeFile(path: string, bytes: number): Promise<void> {
  const block = randomBytes(MIB);
  const file = await open(path, 'w', 0o644);
  for (let left = bytes; left > 0; left -= block.length) await file.write(block, 0, Math.min(left, block.length));
  await file.close();
}

function bars(cpu: (direction: Direction, name: string) => number): Bar[] {
  const rows = [
    { direction: 'download', peer: 'nginx', limit: 1 },
    { direction: 'upload', peer: 'HAProxy', limit: 1.3 },
    { direction: 'upload', peer: 'mod_proxy', limit: 1 },
  ] as const;
  return rows.map(({ direction, peer, limit }) => {
    const [own, other] = [cpu(direction, 'Sallyport'), cpu(direction, peer)];
    return {
      what: `${direction} relay, CPU per GiB`,
      bar: `≤ ${limit === 1 ? '' : `${limit} × `}${peer} (${other.toFixed(2)} s)`,
      measured: `${own.toFixed(2)} s = ${times(own, other)}`,
      met: own <= limit * other,
    };
  });
}
