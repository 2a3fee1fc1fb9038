/** Memory of the gateway: for each idle session, and for each download whose client does not read. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JsonProcess, numberIn } from '../json-process.ts';
import type { Bench, Section } from '../measurement.ts';
import { residentOfTree } from '../process-tree.ts';
import { startSallyport } from '../programs/sallyport.ts';

const IDLE_LIMIT = 120;
const STALLED_LIMIT = 256;
/** So many stay open from before, so that neither what is paid once nor memory that is free again blurs the figure. */
const FIRST_IDLE = 1_000;
const FIRST_STALLED = 20;
/** After this time (milliseconds) nothing moves any more. */
const SETTLED = 4_000;

interface Growth {
  readonly before: number;
  readonly after: number;
  /** KiB for each session. */
  readonly each: number;
}

/** Measures idle TLS sessions. */
export async function measureIdleSessions(bench: Bench): Promise<Section> {
  const count = bench.plan.idleSessions;
  const { before, after, each } = await measureGrowth(bench, 'sessions', FIRST_IDLE, count);
  return {
    title: 'Memory of idle sessions',
    how: `${count} more sessions over TLS 1.3, logged in, each with its link to the backend; growth of resident memory over that with the first ${FIRST_IDLE}.`,
    columns: ['sessions', 'resident before', 'with all sessions', 'each session'],
    rows: [[String(count), mebibytes(before), mebibytes(after), `${each.toFixed(0)} KiB`]],
    bars: [bar('idle TLS session, resident memory', each, IDLE_LIMIT)],
  };
}

/** Measures downloads that nobody reads. */
export async function measureStalledDownloads(bench: Bench): Promise<Section> {
  const count = bench.plan.stalledDownloads;
  const { before, after, each } = await measureGrowth(bench, 'downloads', FIRST_STALLED, count);
  return {
    title: 'Memory of stalled downloads',
    how: `${count} more downloads of an endless file whose clients do not read, after the first ${FIRST_STALLED}; growth of resident memory over that of their sessions while they were idle.`,
    columns: ['downloads', 'resident before', 'with all downloads', 'each download'],
    rows: [[String(count), mebibytes(before), mebibytes(after), `${each.toFixed(0)} KiB`]],
    bars: [bar('stalled download, resident memory', each, STALLED_LIMIT)],
  };
}

async function measureGrowth(
  { certificates, later, say }: Bench,
  what: 'sessions' | 'downloads',
  first: number,
  count: number,
): Promise<Growth> {
  const backend = later(nodeProcess('stub-backend.ts'));
  const gateway = later(await startSallyport(certificates, numberIn(await backend.next(), 'port')));
  const holder = later(nodeProcess('session-holder.ts'));
  const open = (sessions: number, downloads: boolean) => holder.ask({ port: gateway.port, sessions, downloads });
  await open(first, what === 'downloads');
  if (what === 'downloads') await open(count, false);
  await delay(SETTLED);
  const before = await residentOfTree(gateway.pid);
  await open(what === 'sessions' ? count : 0, what === 'downloads');
  await delay(SETTLED);
  const after = await residentOfTree(gateway.pid);
  const each = (after - before) / count;
  say(`${count} ${what}: ${each.toFixed(0)} KiB each`);
  return { before, after, each };
}

function nodeProcess(file: string): JsonProcess {
  return new JsonProcess(process.execPath, [join(import.meta.dirname, '..', file)]);
}

function mebibytes(kibibytes: number): string {
  return `${(kibibytes / 1_024).toFixed(0)} MiB`;
}

function bar(what: string, each: number, limit: number) {
  return { what, bar: `≤ ${limit} KiB`, measured: `${each.toFixed(0)} KiB`, met: each <= limit };
}
