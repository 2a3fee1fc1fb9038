/** `sallyport serve` with several workers: real processes before a real backend. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { type DemoBackend, startDemoBackend } from '../../src/demo/backend.ts';
import { freePorts, type PortBlock } from '../support/free-ports.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { Running, run } from './run.ts';

let certificate: { readonly cert: string; readonly key: string };
let folder: string;
let backend: DemoBackend;
let ports: PortBlock;
let running: Running | undefined;
const clients: ScriptedClient[] = [];

beforeAll(async () => {
  certificate = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  await mkdir(join(folder, 'files'));
  await writeFile(join(folder, 'tls.crt'), certificate.cert);
  await writeFile(join(folder, 'tls.key'), certificate.key);
  backend = await startDemoBackend({ root: join(folder, 'files'), addresses: ['127.0.0.1'] });
  ports = await freePorts(22, ['127.0.0.1']);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await running?.kill();
  running = undefined;
  await backend.close();
  await ports.release();
  await rm(folder, { recursive: true });
});

const controlPort = (): number => ports.first;
const passivePorts = () => ({ first: ports.first + 2, last: ports.last });

/** A configuration file; the first port of the block is for control, the second for the side port, the others for data. */
async function configuration(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { first, last } = passivePorts();
  const file = join(folder, 'sallyport.yaml');
  // JSON is YAML.
  const settings = {
    listeners: [{ name: 'public', address: '127.0.0.1', port: controlPort() }],
    tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
    data: { passive: { ports: `${first}-${last}` } },
    backends: [{ name: 'legacy', host: '127.0.0.1', port: backend.port }],
    admin: { port: ports.first + 1 },
    workers: 2,
    ...more,
  };
  await writeFile(file, JSON.stringify(settings));
  return file;
}

type Line = Readonly<Record<string, unknown>>;

/** The log lines of an event, so far. */
function linesOf(event: string): readonly Line[] {
  const lines = (running?.out ?? '').split('\n').slice(0, -1);
  return lines.map((line): Line => JSON.parse(line)).filter((line) => line['event'] === event);
}

/** Resolves with the log lines of an event when there are that many. */
async function lines(event: string, count: number): Promise<readonly Line[]> {
  await running?.until(new RegExp(`(?:"event":"${event}"[^]*?\\n[^]*?){${count}}`));
  return linesOf(event);
}

interface Worker {
  readonly pid: number;
  readonly first: number;
  readonly last: number;
}

/** Runs the gateway; resolves with its workers in their order when all serve and their backend is up. */
async function serve(more: Readonly<Record<string, unknown>> = {}): Promise<readonly Worker[]> {
  running = new Running(['serve', '--config', await configuration(more)]);
  const started = await lines('worker-started', 2);
  await lines('backend-availability', 2);
  return [...started]
    .sort((one, other) => Number(one['worker']) - Number(other['worker']))
    .map((line) => {
      const [first = 0, last = first] = String(line['ports']).split('-').map(Number);
      return { pid: Number(line['pid']), first, last };
    });
}

async function loggedIn(localAddress = '127.0.0.1'): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect({ address: '127.0.0.1', port: controlPort() }, { localAddress });
  clients.push(client);
  await client.expect(220);
  await client.auth();
  await client.login();
  await client.protect();
  return client;
}

/** Which worker has the session: data connections go to its ports. */
async function workerOf(client: ScriptedClient, workers: readonly Worker[]): Promise<number> {
  const port = await client.epsv();
  return workers.findIndex(({ first, last }) => port >= first && port <= last);
}

const sidePort = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${ports.first + 1}${path}`);

/** The sum over all series of a metric whose line matches. */
async function metric(name: string, labels = ''): Promise<number> {
  const text = await (await sidePort('/metrics')).text();
  const found = text.split('\n').filter((line) => line.startsWith(`sallyport_${name}`) && line.includes(labels));
  return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('two workers', () => {
  it('share the control port and the range, and carry twenty sessions at once between them', async () => {
    const workers = await serve();
    const { first, last } = passivePorts();
    expect(workers).toEqual([
      { pid: expect.any(Number), first, last: first + 9 },
      { pid: expect.any(Number), first: first + 10, last },
    ]);
    // Of twenty addresses: however they spread, no worker runs out of ports for one of them.
    const sessions = await Promise.all(Array.from({ length: 20 }, (_, index) => loggedIn(`127.0.0.${index + 1}`)));
    const homes = await Promise.all(sessions.map((client) => workerOf(client, workers)));
    const [one, other] = [0, 1].map((worker) => homes.filter((home) => home === worker).length);
    expect(one! + other!).toBe(20);
    expect(Math.min(one!, other!)).toBeGreaterThan(0);
    expect(await metric('worker_sessions_active', 'worker="1"')).toBe(one);
    expect(await metric('worker_sessions_active', 'worker="2"')).toBe(other);
    expect(await metric('sessions_active')).toBe(20);
    await Promise.all(
      sessions.map(async (client, index) => {
        const bytes = Buffer.alloc(300_000 + index, `file ${index} `);
        await client.upload(`STOR ${index}.bin`, bytes);
        expect((await client.download(`RETR ${index}.bin`)).equals(bytes)).toBe(true);
        expect((await readFile(join(folder, 'files', `${index}.bin`))).equals(bytes)).toBe(true);
        await client.command('QUIT', 221);
      }),
    );
    expect(await metric('transfers_total', 'outcome="completed"')).toBe(40);
    expect(await metric('transfer_bytes_total', 'direction="upload"')).toBe(20 * 300_000 + 190);
    expect(await metric('passive_ports', 'state="free"')).toBe(20);
    expect(await metric('backend_up')).toBe(1);
    expect(new Set(linesOf('transfer').map((line) => line['worker']))).toEqual(new Set([1, 2]));
    await expect.poll(() => metric('worker_sessions_active')).toBe(0);
  });

  it('know each other: the limits hold for both together', async () => {
    await serve({ limits: { sessions: 5 } });
    const target = { address: '127.0.0.1', port: controlPort() };
    const codes = await Promise.all(
      Array.from({ length: 9 }, async () => {
        const client = await ScriptedClient.connect(target);
        clients.push(client);
        return (await client.reply()).code;
      }),
    );
    expect(codes.filter((code) => code === 220)).toHaveLength(5);
    expect(codes.filter((code) => code === 421)).toHaveLength(4);
    for (const client of clients.splice(0)) client.destroy();
    await expect.poll(() => metric('worker_sessions_active')).toBe(0);
    await loggedIn();
  });

  it('know each other: failed logins with both ban an address from both, and the side port lists it', async () => {
    const routes = [{ match: { user: 'nobody-else' }, backends: ['legacy'] }];
    const loginDelay = { first: '1ms', most: '1ms' };
    const workers = await serve({ routes, limits: { ban: { failures: 4 }, loginDelay, failedLogins: 4 } });
    expect(workers).toHaveLength(2);
    const target = { address: '127.0.0.1', port: controlPort() };
    const name = async (): Promise<ScriptedClient> => {
      const client = await ScriptedClient.connect(target, { localAddress: '127.0.0.5' });
      clients.push(client);
      await client.expect(220);
      await client.auth();
      await client.command('USER somebody', 331);
      return client;
    };
    const guess = async (): Promise<void> => {
      await (await name()).command('PASS something', 530);
    };
    const early = [await name(), await name()];
    // Sessions are given to the workers in turn.
    await Promise.all([guess(), guess(), guess(), guess()]);
    const guessed = linesOf('login').map((line) => line['worker']);
    expect(new Set(guessed)).toEqual(new Set([1, 2]));
    for (let count = 0; count < 4; count++) {
      const again = await ScriptedClient.connect(target, { localAddress: '127.0.0.5' });
      clients.push(again);
      await again.expect(421);
    }
    const { bans } = (await (await sidePort('/bans')).json()) as { bans: readonly object[] };
    expect(bans).toEqual([{ address: '127.0.0.5', until: expect.any(String), failures: 4 }]);
    expect(await metric('bans_total')).toBe(1);
    // What was there before the ban, with either worker, is answered no more.
    for (const client of early) await client.command('PASS something', 421);
    const stranger = await ScriptedClient.connect(target, { localAddress: '127.0.0.6' });
    clients.push(stranger);
    await stranger.expect(220);
  });

  it('know each other: maxSessions of a backend holds for both together, and frees its places', async () => {
    await serve({ backends: [{ name: 'legacy', host: '127.0.0.1', port: backend.port, maxSessions: 3 }] });
    const inside = [await loggedIn(), await loggedIn(), await loggedIn()];
    const tryUser = async (): Promise<number> => {
      const client = await ScriptedClient.connect({ address: '127.0.0.1', port: controlPort() });
      clients.push(client);
      await client.expect(220);
      await client.auth();
      client.send('USER anybody');
      return (await client.reply()).code;
    };
    expect([await tryUser(), await tryUser()]).toEqual([421, 421]);
    expect(await metric('backend_sessions_active', 'backend="legacy"')).toBe(3);
    await inside[0]?.command('QUIT', 221);
    await expect.poll(tryUser).toBe(331);
  });

  it('know each other: the sessions that a decision allows a user are those of both together, and their ends make room', async () => {
    const answer = { decision: 'allow', limits: { sessions: 3 } };
    const service = createHttpServer((_request, response) => response.end(JSON.stringify(answer))).listen(
      0,
      '127.0.0.1',
    );
    await once(service, 'listening');
    try {
      const { port } = service.address() as AddressInfo;
      const workers = await serve({ decisionHook: { url: `http://127.0.0.1:${port}/` } });
      const tryLogin = async (): Promise<{ readonly code: number; readonly client: ScriptedClient }> => {
        const client = await ScriptedClient.connect({ address: '127.0.0.1', port: controlPort() });
        clients.push(client);
        await client.expect(220);
        await client.auth();
        await client.command('USER anybody', 331);
        client.send('PASS any');
        return { code: (await client.reply()).code, client };
      };
      const tried = await Promise.all(Array.from({ length: 6 }, tryLogin));
      const inside = tried.filter(({ code }) => code === 230).map(({ client }) => client);
      expect(tried.map(({ code }) => code).sort()).toEqual([230, 230, 230, 421, 421, 421]);
      const homes = new Set(linesOf('login').map((line) => line['worker']));
      expect(homes).toEqual(new Set([1, 2]));
      await inside[0]?.command('QUIT', 221);
      await expect.poll(async () => (await tryLogin()).code).toBe(230);
      // So does the death of a worker.
      process.kill(workers[0]!.pid, 'SIGKILL');
      process.kill(workers[1]!.pid, 'SIGKILL');
      await lines('worker-started', 4);
      expect((await Promise.all(Array.from({ length: 3 }, tryLogin))).map(({ code }) => code)).toEqual([230, 230, 230]);
    } finally {
      service.closeAllConnections();
      service.close();
      await once(service, 'close');
    }
  });

  /** Two clients in different workers. */
  async function oneInEach(workers: readonly Worker[]): Promise<readonly [ScriptedClient, ScriptedClient]> {
    const byWorker = new Map<number, ScriptedClient>();
    while (byWorker.size < 2) {
      const client = await loggedIn();
      byWorker.set(await workerOf(client, workers), client);
    }
    const [one, other] = [...byWorker.values()];
    if (one === undefined || other === undefined) throw new Error('no clients');
    return [one, other];
  }

  async function beginDownload(client: ScriptedClient, name: string) {
    const data = await client.openData();
    await client.command(`RETR ${name}`, 150);
    await data.startTls({ session: client.session });
    return data;
  }

  it('know each other: transfers at once, quotas and rates hold for both together', async () => {
    await writeFile(join(folder, 'files', 'large'), Buffer.alloc(2 ** 26));
    await writeFile(join(folder, 'files', 'small'), Buffer.alloc(600_000));
    const perUser = { transfers: 1, perDay: { bytesUp: 1_000_000, filesDown: 3 }, loginRate: '40/h' };
    const workers = await serve({ limits: { perUser, perAddress: { bandwidth: { down: '1MiB/s' } } } });
    const [one, other] = await oneInEach(workers);
    const data = await beginDownload(one, 'large');
    await other.openData();
    await other.command('RETR small', 450);
    const usage = (await (await sidePort('/limits')).json()) as { readonly usage: readonly unknown[] };
    expect(usage).toMatchObject({ silentWorkers: [] });
    expect(usage.usage).toContainEqual({ limit: 'transfers', scope: 'user', whose: 'alice', used: 1, most: 1 });
    one.send('ABOR');
    await one.expect(426);
    await one.expect(225, 226);
    data.raw.destroy();
    await other.upload('STOR a', Buffer.alloc(600_000));
    await one.command('ALLO 400001', 202, 200);
    await one.openData();
    await one.command('STOR b', 452);
    await one.upload('STOR b', Buffer.alloc(400_000));
    await other.openData();
    await other.command('STOR c', 452);
    for (const client of [one, other, one]) await client.download('RETR small');
    await other.openData();
    await other.command('RETR small', 450);
    expect(await metric('limits_reached_total', 'limit="bytesUp"')).toBe(2);
    // The places of a worker that dies are free again; what was moved stays moved.
    await beginDownload(one, 'large').catch(() => {});
    for (const { pid } of workers) process.kill(pid, 'SIGKILL');
    await lines('worker-started', 4);
    const after = await loggedIn();
    await after.openData();
    await after.command('RETR small', 450);
    expect(linesOf('limit-reached').at(-1)).toMatchObject({ limit: 'filesDown' });
  });

  it('know each other: a bandwidth is that of both together, and a transfer that is alone has all of it', async () => {
    await writeFile(join(folder, 'files', 'large'), Buffer.alloc(2 ** 26));
    const rate = 256 * 1024;
    const workers = await serve({ limits: { perUser: { bandwidth: { down: '256KiB/s' } } } });
    const [one, other] = await oneInEach(workers);
    const datas = [await beginDownload(one, 'large'), await beginDownload(other, 'large')];
    /** Bytes per second of each, for a while. */
    const rates = async (milliseconds: number): Promise<readonly number[]> => {
      const before = datas.map(({ receivedBytes }) => receivedBytes);
      const since = performance.now();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      const seconds = (performance.now() - since) / 1000;
      return datas.map(({ receivedBytes }, index) => (receivedBytes - before[index]!) / seconds);
    };
    await rates(500);
    for (const each of await rates(3000)) expect(Math.abs(each / (rate / 2) - 1)).toBeLessThan(0.15);
    const { bandwidths } = (await (await sidePort('/limits')).json()) as { readonly bandwidths: readonly unknown[] };
    expect(bandwidths).toMatchObject([{ scope: 'user', whose: 'alice', direction: 'down', transfers: 2, most: rate }]);
    other.destroy();
    datas.pop();
    await rates(500);
    const [alone = 0] = await rates(3000);
    expect(Math.abs(alone / rate - 1)).toBeLessThan(0.15);
  });

  it('both give a client its root, and another one to new sessions when the configuration changes', async () => {
    for (const name of ['acme', 'acme/in', 'other']) await mkdir(join(folder, 'files', name));
    const workers = await serve({ routes: [{ backends: ['legacy'], root: '/acme' }] });
    const sessions = await oneInEach(workers);
    await configuration({ routes: [{ backends: ['legacy'], root: '/acme/in' }] });
    running?.child.kill('SIGHUP');
    await lines('config-applied', 1);
    for (const client of [...sessions, ...sessions]) {
      await client.command('CWD /in', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/in" is the current directory.');
      await client.command('CWD ../../other', 550);
    }
    for (const client of await oneInEach(workers)) {
      await client.command('CWD /in', 550);
      await client.command('MKD /new', 257);
      await client.command('RMD /new', 250);
    }
  });

  it('die alone: the other goes on, a replacement has the same ports, and nothing counted is lost', async () => {
    const workers = await serve({ limits: { sessions: 4 } });
    const sessions = [await loggedIn(), await loggedIn(), await loggedIn(), await loggedIn()];
    const homes = await Promise.all(sessions.map((client) => workerOf(client, workers)));
    const doomed = sessions.filter((_, index) => homes[index] === 0);
    const others = sessions.filter((_, index) => homes[index] === 1);
    expect([doomed.length, others.length]).toEqual([2, 2]);
    for (const [index, client] of sessions.entries()) await client.upload(`STOR ${index}`, 'before');
    expect(await metric('transfers_total')).toBe(4);

    // An upload of the other worker is under way while the first one dies.
    const data = await others[0]!.openData();
    await others[0]!.command('STOR during', 150);
    await data.startTls({ session: others[0]!.session });
    await data.write('be');
    process.kill(workers[0]!.pid, 'SIGKILL');
    for (const client of doomed) await client.expectClosed();
    await data.write('fore and after');
    data.end();
    await others[0]!.expect(226);
    expect(await readFile(join(folder, 'files', 'during'), 'utf8')).toBe('before and after');
    await others[1]!.upload('STOR after', 'x');

    const [died] = await lines('worker-died', 1);
    expect(died).toMatchObject({ level: 'error', worker: 1, pid: workers[0]!.pid, signal: 'SIGKILL', sessions: 2 });
    const replacement = (await lines('worker-started', 3))[2];
    expect(replacement).toMatchObject({ worker: 1, ports: `${workers[0]!.first}-${workers[0]!.last}` });
    expect(await metric('worker_restarts_total', 'worker="1"')).toBe(1);
    expect(await metric('worker_restarts_total', 'worker="2"')).toBe(0);
    expect(await metric('worker_up')).toBe(2);
    expect(await metric('transfers_total', 'outcome="completed"')).toBe(6);
    // The places of the dead are free again: four is the limit.
    const fresh = [await loggedIn(), await loggedIn()];
    const freshHomes = await Promise.all(fresh.map((client) => workerOf(client, workers)));
    expect(freshHomes).toContain(0);
    for (const client of fresh) await client.upload('STOR fresh', 'x');
  });

  it('are replaced later and later while they cannot start, and serve when they can again', async () => {
    const [first] = await serve();
    await rename(join(folder, 'tls.key'), join(folder, 'away'));
    process.kill(first!.pid, 'SIGKILL');
    const deaths = await lines('worker-died', 4);
    expect(deaths.map(({ delay }) => delay)).toEqual([250, 500, 1000, 2000]);
    expect(deaths[1]).toMatchObject({ worker: 1, code: 1, detail: expect.stringContaining('tls.key') });
    expect(await metric('worker_up', 'worker="1"')).toBe(0);
    expect((await sidePort('/readyz')).status).toBe(200);
    await loggedIn();
    await rename(join(folder, 'away'), join(folder, 'tls.key'));
    await lines('worker-started', 3);
    expect(await metric('worker_up')).toBe(2);
  }, 40_000);

  it('that hang hold up neither readiness nor metrics', async () => {
    const [first, second] = await serve();
    const client = await loggedIn();
    await client.upload('STOR a', 'x');
    expect(await metric('transfers_total')).toBe(1);
    process.kill(first!.pid, 'SIGSTOP');
    const begun = performance.now();
    expect(await (await sidePort('/readyz')).json()).toEqual({ ready: true, reasons: [], warnings: [] });
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(await metric('transfers_total')).toBe(1);
    process.kill(second!.pid, 'SIGSTOP');
    const answer = await sidePort('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { ready: false, reasons: ['worker 1: does not answer', 'worker 2: does not answer'], warnings: [] },
    ]);
    expect((await sidePort('/healthz')).status).toBe(200);
    for (const { pid } of [first!, second!]) process.kill(pid, 'SIGCONT');
    await expect.poll(async () => (await sidePort('/readyz')).status).toBe(200);
  });
});

describe('the end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s to all processes: 421 to every session, exit code 0', async (signal) => {
    const workers = await serve();
    const sessions = [await loggedIn(), await loggedIn()];
    // As a terminal and a service manager do it; the order must not matter.
    for (const { pid } of workers) process.kill(pid, signal);
    for (const client of sessions) await client.expectNothingMore();
    running?.child.kill(signal);
    for (const client of sessions) await client.expect(421);
    // Resolves when the last process that has the output open is gone.
    const ended = await running?.ended;
    expect({ code: ended?.code, err: ended?.err }).toEqual({ code: 0, err: '' });
    expect(linesOf('worker-died')).toEqual([]);
    expect(linesOf('draining').map(({ worker, sessions: count }) => [worker, count])).toEqual(
      expect.arrayContaining([
        [undefined, 2],
        [1, 1],
        [2, 1],
      ]),
    );
  });

  it('comes soon on a second signal and at once on a third, even where a worker hangs', async () => {
    const [first] = await serve();
    process.kill(first!.pid, 'SIGSTOP');
    running?.child.kill('SIGTERM');
    await lines('draining', 2);
    running?.child.kill('SIGTERM');
    await lines('stopped', 1);
    running?.child.kill('SIGTERM');
    expect((await running?.ended)?.signal).toBe('SIGKILL');
  });

  it('of the primary is the end of all', async () => {
    await serve();
    const client = await loggedIn();
    running?.child.kill('SIGKILL');
    await client.expectClosed();
    expect((await running?.ended)?.signal).toBe('SIGKILL');
  });
});

describe('a start that fails', () => {
  it.each([
    ['a control port', 0],
    ['a data port of the second worker', 21],
    ['the side port', 1],
  ])('because %s is taken is told once, and leaves nothing behind', async (_what, offset) => {
    const port = ports.first + offset;
    const holder = createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    const { code, err } = await run('serve', '--config', await configuration());
    await new Promise((done) => holder.close(done));
    expect(err).toBe(`sallyport: cannot start: 127.0.0.1:${port}: already in use\n`);
    expect(code).toBe(1);
  });

  it('because there are more workers than ports is told with the line', async () => {
    const { code, err } = await run('serve', '--config', await configuration({ workers: 21 }));
    expect(code).toBe(2);
    const { first, last } = passivePorts();
    expect(err).toContain(
      `workers: found 21, expected at most 20: each worker needs a port of its own, and data.passive.ports (${first}-${last}) has 20`,
    );
  });
});

it('nothing is forked for one worker, and `auto` never needs more ports than there are', async () => {
  const { first } = passivePorts();
  const file = await configuration({ workers: 'auto', data: { passive: { ports: first } } });
  running = new Running(['serve', '--config', file]);
  await lines('listening', 1);
  await loggedIn();
  expect(linesOf('worker-started')).toEqual([]);
  expect(linesOf('listening')[0]).not.toHaveProperty('worker');
  expect(await metric('worker_')).toBe(0);
});
