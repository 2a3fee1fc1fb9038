/**
 * What a session, a login and a transfer cost beside memory: CPU time and file descriptors of the gateway. The figures of docs/scaling.md are those
 * that `npm run build && node bench/scaling.ts` prints. CPU time, not time on a clock: others may use the machine meanwhile.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeCertificates } from './certificates.ts';
import { JsonProcess, numberIn } from './json-process.ts';
import { cpuOfTree, residentOfTree } from './process-tree.ts';
import { startSallyport } from './programs/sallyport.ts';

/** So many are open from before: what is paid once does not count. */
const FIRST = 200;
/** After this time (milliseconds) nothing moves any more. */
const SETTLED = 4_000;
/** For this time (seconds) idle sessions are watched: keepalives go out after 60. */
const WATCHED = 90;

const { values } = parseArgs({
  options: { sessions: { type: 'string', default: '1000' }, transfers: { type: 'string', default: '500' } },
});
const [sessions, transfers] = [Number(values.sessions), Number(values.transfers)];
const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
const certificates = await writeCertificates(folder);
const startProcess = (script: string) => new JsonProcess(process.execPath, [join(import.meta.dirname, script)]);
const backend = startProcess('stub-backend.ts');
const gateway = await startSallyport(certificates, numberIn(await backend.next(), 'port'));
const holder = startProcess('session-holder.ts');

try {
  const open = (count: number, kind: 'none' | 'downloads' | 'uploads') =>
    holder.ask({ port: gateway.port, sessions: count, transfers: kind });
  await open(FIRST, 'none');
  const start = await state();
  await open(sessions, 'none');
  const loggedIn = await state();
  say('login, CPU of the gateway', (1_000 * (loggedIn.cpu - start.cpu)) / sessions, 'ms');
  say('idle session, file descriptors', (loggedIn.descriptors - start.descriptors) / sessions, '');
  say('idle session, resident memory', (loggedIn.resident - start.resident) / sessions, 'KiB');
  await delay(1_000 * WATCHED);
  const rested = await state();
  const idle = rested.cpu - loggedIn.cpu;
  say(`${FIRST + sessions} idle sessions, CPU`, (100 * idle) / (WATCHED + SETTLED / 1_000), '% of a processor');
  // Every idle session begins one.
  await open(0, 'downloads');
  await open(transfers, 'none');
  const before = await state();
  await open(0, 'uploads');
  const stalled = await state();
  say('transfer, file descriptors more', (stalled.descriptors - before.descriptors) / transfers, '');
  say('transfer that stalls, resident memory more', (stalled.resident - before.resident) / transfers, 'KiB');
  say('beginning of a transfer, CPU of the gateway', (1_000 * (stalled.cpu - before.cpu)) / transfers, 'ms');
} finally {
  await holder.stop();
  await gateway.stop();
  await backend.stop();
  await rm(folder, { recursive: true, force: true });
}

/** What the gateway has used and holds, once nothing moves. */
async function state(): Promise<{ cpu: number; resident: number; descriptors: number }> {
  await delay(SETTLED);
  const cpu = await cpuOfTree(gateway.pid);
  const resident = await residentOfTree(gateway.pid);
  const descriptors = (await readdir(`/proc/${await gatewayProcess()}/fd`)).length;
  return { cpu, resident, descriptors };
}

/** The process below the one that keeps it. */
async function gatewayProcess(): Promise<number> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (command.includes('\0serve\0') && command.startsWith(process.execPath) && parent === gateway.pid)
      return Number(name);
  }
  return gateway.pid;
}

function say(what: string, figure: number, unit: string): void {
  process.stdout.write(`${what}: ${figure.toFixed(2)} ${unit}\n`);
}
