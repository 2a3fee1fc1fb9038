/**
 * The benchmark: `npm run bench`. Fetches the peers, runs the measurements one after the other, prints a report. A whole run
 * writes docs/benchmarks.md as well.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeCertificates } from './certificates.ts';
import { describeMachine } from './machine.ts';
import type { Measurement, Plan, Section } from './measurement.ts';
import { measureCommandLatency } from './measurements/command-latency.ts';
import { measureCurlFiles } from './measurements/curl-files.ts';
import { measureLogin } from './measurements/login.ts';
import { measureIdleSessions, measureStalledTransfers } from './measurements/memory.ts';
import { measureRelay } from './measurements/relay.ts';
import { measureSmallFiles } from './measurements/small-files.ts';
import { provideBenchPackages } from './packages.ts';
import { reportMarkdown } from './report.ts';

const PAGE = join(import.meta.dirname, '../docs/benchmarks.md');

const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  relay: measureRelay,
  'small-files': measureSmallFiles,
  curl: measureCurlFiles,
  login: measureLogin,
  command: measureCommandLatency,
  idle: measureIdleSessions,
  stalled: measureStalledTransfers,
};

const MIB = 2 ** 20;

const WHOLE: Plan = {
  rounds: 5,
  bytes: 1_024 * MIB,
  smallFiles: 200,
  curlFiles: 300,
  logins: 50,
  commands: 500,
  idleSessions: 2_000,
  stalledTransfers: 1_000,
};

const QUICK: Plan = {
  rounds: 2,
  bytes: 256 * MIB,
  smallFiles: 30,
  curlFiles: 20,
  logins: 10,
  commands: 100,
  idleSessions: 300,
  stalledTransfers: 50,
};

const USAGE = `Usage: npm run bench -- [options]
  --only NAMES   run only these, separated by commas: ${Object.keys(MEASUREMENTS).join(', ')}
  --quick        small and short, to see that it works; the figures mean little
  --size MIB     size of the large file
  --rounds N     how often every program has its turn
  --json         print JSON in place of Markdown
A whole run (neither --quick nor --only) writes docs/benchmarks.md.
`;

const cleanups: (() => Promise<void>)[] = [];

/** Undoes what is running or lying about, the last first, until `keep` things are left. */
async function cleanUp(keep = 0): Promise<void> {
  while (cleanups.length > keep) await cleanups.pop()?.().catch(say);
}

function say(text: unknown): void {
  process.stderr.write(`${text}\n`);
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function measure(names: readonly string[], plan: Plan) {
  const packages = await provideBenchPackages();
  const certificates = await writeCertificates(await temporaryFolder());
  const sections: Section[] = [];
  for (const name of names) {
    const keep = cleanups.length;
    say(`--- ${name}`);
    const later = <T extends { stop(): Promise<void> }>(running: T): T => {
      cleanups.push(() => running.stop());
      return running;
    };
    try {
      const folder = await temporaryFolder();
      const section = await MEASUREMENTS[name]?.({ plan, packages, certificates, folder, say, later });
      if (section) sections.push(section);
    } finally {
      await cleanUp(keep);
    }
  }
  return { sections, machine: await describeMachine(packages.versions) };
}

async function main(): Promise<number> {
  const options = {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    size: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const names = values.only?.split(',') ?? Object.keys(MEASUREMENTS);
  const unknown = names.filter((name) => !(name in MEASUREMENTS));
  const base = values.quick ? QUICK : WHOLE;
  const plan: Plan = {
    ...base,
    rounds: values.rounds === undefined ? base.rounds : Number(values.rounds),
    bytes: values.size === undefined ? base.bytes : Number(values.size) * MIB,
  };
  if (unknown.length > 0 || !(plan.rounds >= 1) || !(plan.bytes >= MIB)) {
    process.stderr.write(USAGE);
    return 2;
  }
  const words = process.argv.slice(2);
  const command = ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
  const date = new Date().toISOString().slice(0, 10);
  const report = { date, command, ...(await measure(names, plan)) };
  const page = reportMarkdown(report);
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : page);
  if (!values.quick && values.only === undefined) await writeFile(PAGE, page);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
}
try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
