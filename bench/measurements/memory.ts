/** Memory of the gateway: for each idle session, and for each transfer whose other end does not read. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JsonProcess, numberIn } from '../json-process.ts';
import type { Bar, Bench, Section } from '../measurement.ts';
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

/** Measures downloads that no client reads, and uploads that the backend does not read. */
export async function measureStalledTransfers(bench: Bench): Promise<Section> {
  const count = bench.plan.stalledTransfers;
  const kinds = ['downloads', 'uploads'] as const;
  const rows: string[][] = [];
  const bars: Bar[] = [];
  for (const kind of kinds) {
    const { before, after, each } = await measureGrowth(bench, kind, FIRST_STALLED, count);
    rows.push([`${count} ${kind}`, mebibytes(before), mebibytes(after), `${each.toFixed(0)} KiB`]);
    bars.push(bar(`stalled ${kind.slice(0, -1)}, resident memory`, each, STALLED_LIMIT));
  }
  return {
    title: 'Memory of stalled transfers',
    how: `${count} more downloads of an endless file whose clients do not read, and as many uploads that the backend does not read, after the first ${FIRST_STALLED}; growth of resident memory over that of their sessions while they were idle.`,
    columns: ['transfers', 'resident before', 'with all transfers', 'each transfer'],
    rows,
    bars,
  };
}

async function measureGrowth(
  { certificates, later, say }: Bench,
  what: 'sessions' | 'downloads' | 'uploads',
  first: number,
  count: number,
): Promise<Growth> {
  const backend = later(nodeProcess('stub-backend.ts'));
  const gateway = later(await startSallyport(certificates, numberIn(await backend.next(), 'port')));
  const holder = later(nodeProcess('session-holder.ts'));
  const open = (sessions: number, transfers: 'none' | 'downloads' | 'uploads') =>
    holder.ask({ port: gateway.port, sessions, transfers });
  const transfers = what === 'sessions' ? 'none' : what;
  await open(first, transfers);
  if (what !== 'sessions') await open(count, 'none');
  await delay(SETTLED);
  const before = await residentOfTree(gateway.pid);
  await open(what === 'sessions' ? count : 0, transfers);
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
