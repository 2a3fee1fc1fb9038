/** How `sallyport serve` ends, and what it tells the service manager. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { type DemoBackend, startDemoBackend } from '../../src/demo/backend.ts';
import type { ClientData } from '../support/client-data.ts';
import { freePorts, type PortBlock } from '../support/free-ports.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { type NotifySocket, notifications, SYSTEMD_NOTIFY } from './notify-socket.ts';
import { Running } from './run.ts';

const TOKEN = 'write-token-of-the-test';

let certificate: { readonly cert: string; readonly key: string };
let folder: string;
let backend: DemoBackend;
let ports: PortBlock;
let running: Running | undefined;
let socket: NotifySocket | undefined;
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
  ports = await freePorts(6, ['127.0.0.1']);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await running?.kill();
  running = undefined;
  await socket?.close();
  socket = undefined;
  await backend.close();
  await ports.release();
  await rm(folder, { recursive: true });
});

async function serve(more: object = {}, environment: Readonly<Record<string, string>> = {}): Promise<Running> {
  const file = join(folder, 'sallyport.yaml');
  const settings = {
    listeners: [{ name: 'public', address: '127.0.0.1', port: ports.first }],
    tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
    data: { passive: { ports: `${ports.first + 2}-${ports.last}` } },
    backends: [{ name: 'legacy', host: '127.0.0.1', port: backend.port }],
    admin: { port: ports.first + 1, writeToken: TOKEN },
    ...more,
  };
  await writeFile(file, JSON.stringify(settings));
  const started = new Running(['serve', '--config', file], environment);
  running = started;
  await started.until(/"event":"backend-availability"/);
  return started;
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

async function beginUpload(client: ScriptedClient): Promise<ClientData> {
  const data = await client.openData();
  client.send('STOR sent');
  await data.startTls({ session: client.session });
  await client.expect(150);
  await data.write('before ');
  return data;
}

const sidePort = (path: string, options?: RequestInit) => fetch(`http://127.0.0.1:${ports.first + 1}${path}`, options);

describe.each([1, 2])('SIGTERM to %s process(es)', (workers) => {
  it('lets a running transfer finish, and sends everybody else away', async () => {
    const gateway = await serve({ workers });
    const [busy, idle] = [await loggedIn(), await loggedIn()];
    const data = await beginUpload(busy);
    gateway.child.kill('SIGTERM');
    await idle.expect(421);
    const ready = await sidePort('/readyz');
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, reasons: ['draining'] }]);
    expect(await (await sidePort('/metrics')).text()).toMatch(/^sallyport_draining 1$/m);
    const late = await ScriptedClient.connect({ address: '127.0.0.1', port: ports.first });
    clients.push(late);
    await late.expect(421);
    await data.write('behind');
    data.end();
    await busy.expect(226);
    await busy.expect(421);
    expect((await gateway.ended).code).toBe(0);
    expect(gateway.out).toMatch(/"event":"transfer"[^\n]*"outcome":"completed"[^\n]*"bytes":13/);
  });

  it('cuts what has not finished in time, and never as complete', async () => {
    const gateway = await serve({ workers, timeouts: { drain: '100ms' } });
    const client = await loggedIn();
    await beginUpload(client);
    gateway.child.kill('SIGTERM');
    expect((await client.reply()).code).toBe(421);
    expect((await gateway.ended).code).toBe(0);
    expect(gateway.out).toMatch(/"event":"transfer"[^\n]*"outcome":"failed","cause":"shutting-down"/);
  });

  it('twice: what runs is cut now', async () => {
    const gateway = await serve({ workers });
    const client = await loggedIn();
    await beginUpload(client);
    gateway.child.kill('SIGTERM');
    await gateway.until(/"event":"draining"/);
    gateway.child.kill('SIGTERM');
    expect((await client.reply()).code).toBe(421);
    expect((await gateway.ended).code).toBe(0);
  });
});

describe('SIGTERM while a worker is being replaced', () => {
  it.each([0, 300, 600])('ends it as well, %s ms after the death of the one before', async (delay) => {
    const gateway = await serve({ workers: 2 });
    const line = await gateway.until(/"event":"worker-started"[^\n]*"pid":(\d+)/);
    process.kill(Number(line[1]), 'SIGKILL');
    await gateway.until(/"event":"worker-died"/);
    // Wherever in its start the successor is: nothing of it can be waited for.
    await new Promise((later) => setTimeout(later, delay));
    gateway.child.kill('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
  });
});

describe('POST /-/drain', () => {
  it('drains and goes on telling about it; SIGTERM ends it', async () => {
    const gateway = await serve();
    const idle = await loggedIn();
    expect((await sidePort('/-/drain', { method: 'POST' })).status).toBe(401);
    const options = { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } };
    expect((await sidePort('/-/drain', options)).ok).toBe(true);
    await idle.expect(421);
    expect((await sidePort('/readyz')).status).toBe(503);
    expect((await sidePort('/healthz')).status).toBe(200);
    gateway.child.kill('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
  });
});

// systemd's own program, and Python for the socket at which systemd would listen: not every machine has them.
describe.skipIf(SYSTEMD_NOTIFY === undefined)('the service manager (systemd-notify)', () => {
  it('is told of readiness, reloads, life and the end', async () => {
    socket = await notifications();
    const gateway = await serve({}, { ...socket.environment, WATCHDOG_USEC: '400000' });
    await socket.until(/READY=1/);
    await socket.until(/WATCHDOG=1/);
    const before = socket.text.length;
    gateway.child.kill('SIGHUP');
    await socket.until(/RELOADING=1\nMONOTONIC_USEC=\d+/);
    await expect.poll(() => socket?.text.slice(before)).toMatch(/RELOADING=1[\s\S]+READY=1/);
    gateway.child.kill('SIGTERM');
    await socket.until(/STOPPING=1/);
    expect(await gateway.ended).toMatchObject({ code: 0, err: '' });
  });

  it('that is gone does not hinder', async () => {
    socket = await notifications();
    const { environment } = socket;
    await socket.close();
    const gateway = await serve({}, environment);
    await loggedIn();
    gateway.child.kill('SIGTERM');
    const { code, err } = await gateway.ended;
    expect(code).toBe(0);
    expect(err).toMatch(/^warning: systemd cannot be told/);
  });
});
