/** The side port of real processes: one or several workers behind it, before real backends. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { type DemoBackend, startDemoBackend } from '../../src/demo/backend.ts';
import { freePorts, type PortBlock } from '../support/free-ports.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { WRITE_TOKEN } from '../support/side-port.ts';
import { Running } from './run.ts';

let certificate: { readonly cert: string; readonly key: string };
let folder: string;
let backends: readonly DemoBackend[];
let ports: PortBlock;
let running: Running | undefined;
const clients: ScriptedClient[] = [];
/** Processes that hang would outlive the test. */
let hanging: readonly number[] = [];

beforeAll(async () => {
  certificate = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  await mkdir(join(folder, 'files'));
  await writeFile(join(folder, 'tls.crt'), certificate.cert);
  await writeFile(join(folder, 'tls.key'), certificate.key);
  const options = { root: join(folder, 'files'), addresses: ['127.0.0.1'] };
  backends = [await startDemoBackend(options), await startDemoBackend(options)];
  ports = await freePorts(10, ['127.0.0.1']);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const pid of hanging) process.kill(pid, 'SIGCONT');
  hanging = [];
  await running?.kill();
  running = undefined;
  await Promise.all(backends.map((backend) => backend.close()));
  await ports.release();
  await rm(folder, { recursive: true });
});

/** The first port of the block is for control, the second for the side port, the others for data. */
async function configure(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const file = join(folder, 'sallyport.yaml');
  const [one, other] = backends;
  // JSON is YAML.
  const settings = {
    listeners: [{ name: 'public', address: '127.0.0.1', port: ports.first }],
    tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
    data: { passive: { ports: `${ports.first + 2}-${ports.last}` } },
    backends: [
      { name: 'one', host: '127.0.0.1', port: one?.port },
      { name: 'other', host: '127.0.0.1', port: other?.port },
    ],
    admin: { port: ports.first + 1, writeToken: WRITE_TOKEN },
    workers: 2,
    ...more,
  };
  await writeFile(file, JSON.stringify(settings));
  return file;
}

interface Worker {
  readonly worker: number;
  readonly pid: number;
}

/** The log lines of an event, so far. */
function linesOf(event: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = (running?.out ?? '').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line)).filter((line) => line.event === event);
}

/** Resolves when an event was logged so many times. */
async function logged(event: string, count: number): Promise<void> {
  await expect.poll(() => linesOf(event).length, { timeout: 15_000 }).toBeGreaterThanOrEqual(count);
}

/** Runs the gateway until every process of it has reached every backend; the workers in their order. */
async function serve(more: Readonly<Record<string, unknown>> = {}): Promise<readonly Worker[]> {
  running = new Running(['serve', '--config', await configure(more)]);
  const several = more['workers'] !== 1;
  await logged('worker-started', several ? 2 : 0);
  await logged('backend-availability', several ? 4 : 2);
  const workers = linesOf('worker-started').map(({ worker, pid }) => ({ worker: Number(worker), pid: Number(pid) }));
  return workers.sort((a, b) => a.worker - b.worker);
}

const ask = (path: string, method = 'GET', token = WRITE_TOKEN): Promise<Response> =>
  fetch(`http://127.0.0.1:${ports.first + 1}${path}`, { method, headers: { authorization: `Bearer ${token}` } });

interface SessionShown {
  readonly id: string;
  readonly worker: number;
  readonly user: string | null;
  readonly backend: string | null;
}

async function sessions(): Promise<{ sessions: SessionShown[]; total: number; silentWorkers: number[] }> {
  return (await (await ask('/sessions')).json()) as Awaited<ReturnType<typeof sessions>>;
}

async function loggedIn(): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect({ address: '127.0.0.1', port: ports.first });
  clients.push(client);
  await client.expect(220);
  await client.auth();
  await client.login();
  await client.protect();
  return client;
}

describe('with two workers', () => {
  it('the answers are those of both, and orders reach the one that has the session', async () => {
    await serve();
    const all = await Promise.all(Array.from({ length: 6 }, loggedIn));
    const shown = await sessions();
    expect(shown).toMatchObject({ total: 6, silentWorkers: [] });
    expect(new Set(shown.sessions.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    const listed = (await (await ask('/backends')).json()) as { backends: { name: string; sessions: number }[] };
    expect(listed.backends.map(({ name }) => name)).toEqual(['one', 'other']);
    expect(listed.backends.reduce((sum, backend) => sum + backend.sessions, 0)).toBe(6);
    const { first, last } = { first: ports.first + 2, last: ports.last };
    expect(await (await ask('/passive-ports')).json()).toMatchObject({
      used: 0,
      free: 8,
      slices: [
        { worker: 1, ports: `${first}-${first + 3}` },
        { worker: 2, ports: `${first + 4}-${last}` },
      ],
    });
    for (const worker of [1, 2]) {
      const victim = shown.sessions.find((session) => session.worker === worker);
      expect((await ask(`/sessions/${victim?.id}`)).status).toBe(200);
      expect((await ask(`/sessions/${victim?.id}`, 'DELETE')).status).toBe(200);
    }
    await expect.poll(async () => (await sessions()).total).toBe(4);
    const codes = await Promise.all(
      all.map(async (client) => {
        client.send('NOOP');
        return (await client.reply()).code;
      }),
    );
    expect(codes.toSorted()).toEqual([200, 200, 200, 200, 421, 421]);
    expect(await (await ask('/')).text()).toContain('2 workers');
  });

  it('one that hangs is named, and holds up no answer for longer than two seconds', async () => {
    const [first] = await serve();
    await Promise.all(Array.from({ length: 4 }, loggedIn));
    hanging = [first!.pid];
    process.kill(first!.pid, 'SIGSTOP');
    const before = performance.now();
    const shown = await sessions();
    expect(performance.now() - before).toBeLessThan(3000);
    expect(shown.silentWorkers).toEqual([1]);
    expect(new Set(shown.sessions.map(({ worker }) => worker))).toEqual(new Set([2]));
    expect(await (await ask('/')).text()).toContain('<strong>No answer</strong> from 1 worker: 1.');
    process.kill(first!.pid, 'SIGCONT');
    await expect.poll(async () => (await sessions()).silentWorkers).toEqual([]);
    hanging = [];
  });

  it('when all hang, an order is answered 503 and not as if its backend did not exist', async () => {
    const workers = await serve();
    hanging = workers.map(({ pid }) => pid);
    for (const pid of hanging) process.kill(pid, 'SIGSTOP');
    const order = await ask('/backends/one/drain', 'POST');
    expect([order.status, await order.json()]).toEqual([
      503,
      { error: expect.stringContaining('no answer from worker 1, 2') },
    ]);
    for (const pid of hanging) process.kill(pid, 'SIGCONT');
    hanging = [];
    // It was carried out after all, as the answer has said that it may be.
    const drained = async () => {
      const { backends } = (await (await ask('/backends')).json()) as {
        backends: { name: string; drained: boolean }[];
      };
      return backends.find(({ name }) => name === 'one')?.drained;
    };
    await expect.poll(drained).toBe(true);
  });

  it('a drained backend is drained in both, in the successor of one that dies, and across a reload', async () => {
    const [first] = await serve({ reload: { watch: 'off' } });
    expect((await ask('/backends/nowhere/drain', 'POST')).status).toBe(404);
    expect((await ask('/backends/one/drain', 'POST')).status).toBe(200);
    const backendsOfLogins = async () => {
      await Promise.all(Array.from({ length: 6 }, loggedIn));
      const used = (await sessions()).sessions.map(({ backend, worker }) => `${worker} ${backend}`);
      for (const client of clients.splice(0)) client.destroy();
      await expect.poll(async () => (await sessions()).total).toBe(0);
      return new Set(used);
    };
    expect(await backendsOfLogins()).toEqual(new Set(['1 other', '2 other']));
    process.kill(first!.pid, 'SIGKILL');
    await logged('worker-started', 3);
    await logged('backend-availability', 6);
    expect(await backendsOfLogins()).toEqual(new Set(['1 other', '2 other']));
    await configure({ reload: { watch: 'off' }, limits: { sessions: 50 } });
    const reload = await ask('/-/reload', 'POST');
    expect([reload.status, await reload.json()]).toMatchObject([200, { outcome: 'applied', problems: [] }]);
    expect(await backendsOfLogins()).toEqual(new Set(['1 other', '2 other']));
    expect((await ask('/backends/one/undrain', 'POST')).status).toBe(200);
    expect((await backendsOfLogins()).size).toBeGreaterThan(2);
  });
});

describe.each([1, 2])('a reload with %d workers', (workers) => {
  const NEW_TOKEN = 'another-token-0123456789';

  it('brings other tokens, shown by the configuration that is in force, and refuses what is wrong', async () => {
    const reload = { watch: 'off' };
    await serve({ workers, reload });
    const admin = { port: ports.first + 1, writeToken: NEW_TOKEN, readToken: 'reader-0123456789abc' };
    await configure({ workers, reload, admin });
    const applied = await ask('/-/reload', 'POST');
    expect([applied.status, await applied.json()]).toMatchObject([200, { outcome: 'applied', problems: [] }]);
    expect((await ask('/config')).status).toBe(401);
    const shown = await (await ask('/config', 'GET', NEW_TOKEN)).json();
    expect(shown).toMatchObject({ admin: { readToken: '****', writeToken: '****' }, workers });
    await configure({ workers, reload, admin: { ...admin, writeToken: 'short' } });
    const refused = await ask('/-/reload', 'POST', NEW_TOKEN);
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({
      outcome: 'refused',
      problems: [expect.stringContaining('admin.writeToken')],
    });
    const readiness = await (await ask('/readyz')).json();
    expect(readiness).toMatchObject({ ready: true, warnings: [expect.stringContaining('refused')] });
    expect((await ask('/config', 'GET', NEW_TOKEN)).status).toBe(200);
  });

  it('that moves the side port is answered, and one that cannot be carried out loses nothing', async () => {
    const reload = { watch: 'off' };
    const port = ports.first + 1;
    const first = join(folder, 'rt1');
    await writeFile(first, 'reader-0123456789abc');
    await writeFile(join(folder, 'rt2'), NEW_TOKEN);
    const admin = { port, writeToken: WRITE_TOKEN, readTokenFile: 'rt1' };
    await serve({ workers, reload, admin });
    await rm(first);
    const moved = { ...admin, readTokenFile: 'rt2' };
    await configure({ workers, reload, admin: { ...moved, address: '192.0.2.77' } });
    const refused = await ask('/-/reload', 'POST');
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      { problems: [expect.stringContaining('192.0.2.77')] },
    ]);
    expect((await ask('/config', 'GET', 'reader-0123456789abc')).status).toBe(200);
    for (const address of ['0.0.0.0', '127.0.0.1']) {
      await configure({ workers, reload, admin: { ...moved, address } });
      const applied = await ask('/-/reload', 'POST');
      expect([applied.status, await applied.json()]).toMatchObject([200, { outcome: 'applied' }]);
      expect(linesOf('side-port-listening').at(-1)).toMatchObject({ address, port });
      expect((await ask('/config', 'GET', NEW_TOKEN)).status).toBe(200);
    }
  });

  it('is followed by a drain that is seen', async () => {
    await serve({ workers });
    const client = await loggedIn();
    expect((await ask('/-/drain', 'POST')).status).toBe(202);
    await client.expect(421);
    const readiness = await ask('/readyz');
    expect([readiness.status, await readiness.json()]).toMatchObject([503, { reasons: ['draining'] }]);
    expect(await (await ask('/')).text()).toContain('<li>draining</li>');
  });
});
