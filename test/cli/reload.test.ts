/** `sallyport serve` reads its configuration again: on a signal, on a change of a file, and over the side port. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { type DemoBackend, startDemoBackend } from '../../src/demo/backend.ts';
import { freePorts, type PortBlock } from '../support/free-ports.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { Running } from './run.ts';

const TOKEN = 'write-token-of-the-test';

let certificates: readonly { readonly cert: string; readonly key: string }[];
let folder: string;
let backend: DemoBackend;
let ports: PortBlock;
let running: Running | undefined;
const clients: ScriptedClient[] = [];

beforeAll(async () => {
  const authority = await generateAuthority();
  const names = ['localhost'];
  certificates = [
    await generateServerCertificate(authority, { names }),
    await generateServerCertificate(authority, { names }),
  ];
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  await mkdir(join(folder, 'files'));
  await writeCertificate(folder, 0);
  backend = await startDemoBackend({ root: join(folder, 'files'), addresses: ['127.0.0.1'] });
  ports = await freePorts(12, ['127.0.0.1']);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await running?.kill();
  running = undefined;
  await backend.close();
  await ports.release();
  await rm(folder, { recursive: true });
});

async function writeCertificate(into: string, which: 0 | 1): Promise<void> {
  await writeFile(join(into, 'tls.crt'), certificates[which]?.cert ?? '');
  await writeFile(join(into, 'tls.key'), certificates[which]?.key ?? '');
}

const file = () => join(folder, 'sallyport.yaml');

/** The first port of the block is for control, the second for the side port, the others for data: by default the first two of them. */
async function configure(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const settings = {
    listeners: [{ name: 'public', address: '127.0.0.1', port: ports.first }],
    tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
    data: { passive: { ports: `${ports.first + 2}-${ports.first + 3}` } },
    backends: [{ name: 'legacy', host: '127.0.0.1', port: backend.port }],
    admin: { port: ports.first + 1, writeToken: TOKEN },
    reload: { watch: 'off', interval: '50ms' },
    ...more,
  };
  // JSON is YAML. Whoever reads must never see half of it.
  await writeFile(`${file()}.new`, JSON.stringify(settings));
  await rename(`${file()}.new`, file());
}

async function serve(more?: Readonly<Record<string, unknown>>): Promise<void> {
  await configure(more);
  running = new Running(['serve', '--config', file()]);
  await logged('backend-availability', 1);
}

async function connect(): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect({ address: '127.0.0.1', port: ports.first });
  clients.push(client);
  await client.expect(220);
  return client;
}

async function loggedIn(): Promise<ScriptedClient> {
  const client = await connect();
  await client.auth();
  await client.login();
  await client.protect();
  return client;
}

/** SHA-256 of the certificate that a new session is shown. */
async function shownCertificate(): Promise<string | undefined> {
  const client = await connect();
  await client.auth();
  return client.tls?.getPeerX509Certificate()?.fingerprint256;
}

const sidePort = (path: string, options?: RequestInit) => fetch(`http://127.0.0.1:${ports.first + 1}${path}`, options);

async function post(path: string): Promise<unknown> {
  const answer = await sidePort(path, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
  return answer.json();
}

async function metric(name: string): Promise<number> {
  const text = await (await sidePort('/metrics')).text();
  return Number(new RegExp(`^sallyport_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

type EventName = 'config-applied' | 'config-refused' | 'backend-availability' | 'worker-started' | 'worker-died';

/** How often this was logged. */
const count = (event: EventName) => (running?.out ?? '').split(`"event":"${event}"`).length - 1;

/** Resolves when it was logged so often. */
async function logged(event: EventName, times: number): Promise<void> {
  await expect.poll(() => count(event), { interval: 5, timeout: 18_000 }).toBeGreaterThanOrEqual(times);
}

async function hangUp(event: EventName = 'config-applied'): Promise<void> {
  const before = count(event);
  running?.child.kill('SIGHUP');
  await logged(event, before + 1);
}

describe('a reload', () => {
  it.each([1, 2])('follows SIGHUP with %s process(es): policy, limits, ports and log level', async (workers) => {
    await serve({ workers });
    await logged('backend-availability', workers);
    await (await connect()).command('USER demo', 530);
    await configure({
      workers,
      listeners: [
        { name: 'public', address: '127.0.0.1', port: ports.first },
        { name: 'second', address: '127.0.0.1', port: ports.first + 4 },
      ],
      policy: { requireTls: 'off' },
      limits: { sessionsPerAddress: 3 },
      log: { level: 'debug' },
    });
    await hangUp();
    await (await connect()).command('USER demo', 331);
    const second = await ScriptedClient.connect({ address: '127.0.0.1', port: ports.first + 4 });
    clients.push(second);
    await second.expect(220);
    const tooMany = await ScriptedClient.connect({ address: '127.0.0.1', port: ports.first });
    clients.push(tooMany);
    await tooMany.expect(421);
    expect(running?.out).toContain('"level":"debug"');
    await configure({ workers });
    await hangUp();
    await expect(ScriptedClient.connect({ address: '127.0.0.1', port: ports.first + 4 })).rejects.toThrow(
      'ECONNREFUSED',
    );
    expect(await metric('config_last_reload_successful')).toBe(1);
  });

  it('follows POST /-/reload, with the write token only', async () => {
    await serve();
    await configure({ policy: { requireTls: 'off' } });
    expect((await sidePort('/-/reload', { method: 'POST' })).status).toBe(401);
    await (await connect()).command('USER demo', 530);
    expect(await post('/-/reload')).toMatchObject({ outcome: 'applied', problems: [], restartNeeded: [] });
    await (await connect()).command('USER demo', 331);
  });

  it('tells what it cannot change without a restart, and changes the rest', async () => {
    await serve();
    await configure({ workers: 2, log: { format: 'pretty' }, policy: { requireTls: 'off' } });
    expect(await post('/-/reload')).toMatchObject({ outcome: 'applied', restartNeeded: ['workers', 'log.format'] });
    await (await connect()).command('USER demo', 331);
  });

  it('follows a change of the configuration file', async () => {
    await serve({ reload: { watch: 'on', interval: '50ms' } });
    await configure({ policy: { requireTls: 'off' }, reload: { watch: 'on', interval: '50ms' } });
    await running?.until(/"event":"config-applied","trigger":"file"/);
    await (await connect()).command('USER demo', 331);
  });

  it('follows a change of the certificate, also where its key comes a moment later', async () => {
    await serve({ reload: { watch: 'on', interval: '400ms' } });
    const before = await shownCertificate();
    await writeFile(join(folder, 'tls.crt'), certificates[1]?.cert ?? '');
    // Longer than one look at the files, shorter than what counts as rest.
    await new Promise((later) => setTimeout(later, 450));
    await writeFile(join(folder, 'tls.key'), certificates[1]?.key ?? '');
    await logged('config-applied', 1);
    const after = await shownCertificate();
    expect(after).not.toBe(before);
    expect(count('config-refused')).toBe(0);
  });

  it('follows a link that is swapped, as Kubernetes does it with a mounted Secret', async () => {
    for (const which of [0, 1] as const) {
      await mkdir(join(folder, `..${which}`));
      await writeCertificate(join(folder, `..${which}`), which);
    }
    await symlink('..0', join(folder, '..data'));
    await mkdir(join(folder, 'tls'));
    for (const name of ['tls.crt', 'tls.key']) await symlink(`../..data/${name}`, join(folder, 'tls', name));
    await serve({
      tls: { certificates: [{ cert: 'tls/tls.crt', key: 'tls/tls.key' }] },
      reload: { watch: 'on', interval: '50ms' },
    });
    const before = await shownCertificate();
    await symlink('..1', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await logged('config-applied', 1);
    expect(await shownCertificate()).not.toBe(before);
  });

  it('that cannot be is refused whole, told everywhere, and forgotten with the next one that can', async () => {
    await serve();
    await writeFile(file(), (await readFile(file(), 'utf8')).replace('"name":"public"', '"name":"public","prot":1'));
    await hangUp('config-refused');
    await (await connect()).command('USER demo', 530);
    expect(await metric('config_last_reload_successful')).toBe(0);
    const refused = await sidePort('/readyz');
    expect(refused.status).toBe(200);
    expect(await refused.json()).toMatchObject({
      ready: true,
      warnings: ['the configuration that was read last was refused: see config-refused in the log'],
    });
    await configure();
    await hangUp();
    expect(await (await sidePort('/readyz')).json()).toMatchObject({ ready: true, warnings: [] });
    expect(await metric('config_last_reload_successful')).toBe(1);
  });

  it('follows when what a refused configuration lacked is there at last', async () => {
    const watched = { reload: { watch: 'on', interval: '50ms' } };
    await serve(watched);
    const before = await shownCertificate();
    await configure({ ...watched, tls: { certificates: [{ cert: 'new.crt', key: 'new.key' }] } });
    await logged('config-refused', 1);
    await writeFile(join(folder, 'new.crt'), certificates[1]?.cert ?? '');
    await writeFile(join(folder, 'new.key'), certificates[1]?.key ?? '');
    await logged('config-applied', 1);
    expect(await shownCertificate()).not.toBe(before);
  });

  it('is refused where a file is a pipe, which nobody may ever write to; and hinders nothing', async () => {
    await serve();
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await rename(join(folder, 'pipe'), join(folder, 'tls.crt'));
    await hangUp('config-refused');
    expect(running?.out).toContain('tls.crt is a pipe or a device');
    await writeFile(join(folder, 'again.crt'), certificates[0]?.cert ?? '');
    await rename(join(folder, 'again.crt'), join(folder, 'tls.crt'));
    await hangUp();
    running?.child.kill('SIGTERM');
    expect((await running?.ended)?.code).toBe(0);
  });

  it('reaches a worker that cannot start with the configuration before', async () => {
    await serve({ workers: 2 });
    await logged('worker-started', 2);
    const pid = Number(/"event":"worker-started"[^\n]*"pid":(\d+)/.exec(running?.out ?? '')?.[1]);
    for (const [from, to] of [
      ['tls.crt', 'moved.crt'],
      ['tls.key', 'moved.key'],
    ] as const) {
      await rename(join(folder, from), join(folder, to));
    }
    process.kill(pid, 'SIGKILL');
    await logged('worker-died', 3);
    await configure({ workers: 2, tls: { certificates: [{ cert: 'moved.crt', key: 'moved.key' }] } });
    await hangUp();
    await logged('worker-started', 3);
    expect(count('config-refused')).toBe(0);
  });

  it('is the business of the primary: a worker that gets SIGHUP goes on', async () => {
    await serve({ workers: 2 });
    await logged('worker-started', 2);
    const client = await loggedIn();
    for (const [, pid] of running?.out.matchAll(/"event":"worker-started"[^\n]*"pid":(\d+)/g) ?? []) {
      process.kill(Number(pid), 'SIGHUP');
    }
    await hangUp();
    await client.command('NOOP', 200);
    expect(count('worker-died')).toBe(0);
  });

  it('does not write a secret into the log where it is refused', async () => {
    const secret = 'tr0ub4dor-in-the-file';
    await serve();
    await configure({ admin: { port: ports.first + 1, writeToken: TOKEN, readToken: secret, frob: secret } });
    await hangUp('config-refused');
    await configure({ admin: { port: ports.first + 1, writeToken: [secret] } });
    await hangUp('config-refused');
    const { out, err } = running ?? { out: '', err: '' };
    expect(out + err).not.toContain(secret);
  });
});

describe('reloads under load', () => {
  it.each([1, 2])('lose nothing: transfers run through twenty of them, with %s process(es)', async (workers) => {
    const more = { workers, data: { passive: { ports: `${ports.first + 2}-${ports.first + 5}` } } };
    await serve(more);
    await logged('backend-availability', workers);
    let over = false;
    const work = async (name: string): Promise<number> => {
      let done = 0;
      while (!over || done < 5) {
        const client = await loggedIn();
        for (let turn = 0; turn < 3; turn += 1) {
          const bytes = Buffer.alloc(200_000, `${name}${turn}`);
          await client.upload(`STOR ${name}${turn}`, bytes);
          const back = await client.download(`RETR ${name}${turn}`);
          if (!back.equals(bytes)) throw new Error(`${name}${turn} differs`);
        }
        done += 1;
        await client.command('QUIT', 221);
      }
      return done;
    };
    const loads = ['a', 'b', 'c'].map(work);
    for (let turn = 0; turn < 20; turn += 1) {
      const last = ports.first + 5 + (turn % 3);
      await configure({
        ...more,
        data: { passive: { ports: `${ports.first + 2}-${last}` } },
        timeouts: { linger: `${turn + 1}s` },
      });
      await hangUp();
    }
    over = true;
    for (const done of await Promise.all(loads)) expect(done).toBeGreaterThan(0);
    expect(count('config-refused')).toBe(0);
    expect(running?.out).not.toMatch(/"event":"transfer"[^\n]*"outcome":"(?!completed)/);
  }, 60_000);
});
