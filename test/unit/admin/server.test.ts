/**
 * The side port over real HTTP.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, jointOperations, type Part } from '../../../src/admin/joint-operations.ts';
import { ROUTES } from '../../../src/admin/routes.ts';
import { type Admin, type Operations, type Readiness, startAdmin } from '../../../src/admin/server.ts';
import { generateAuthority, generateServerCertificate } from '../../../src/certs/generate.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { testCertificate } from '../../support/certificates.ts';
import { makeClientCertificates } from '../../support/client-certificates.ts';
import { LogLines } from '../../support/log-lines.ts';
import { OPEN, WRITE_TOKEN } from '../../support/side-port.ts';

const running: Admin[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((admin) => admin.close()));
});

const READY: Readiness = { ready: true, reasons: [], warnings: [] };

/** A gateway in which nothing happens; `own` is what a test wants to see. */
function operations(metrics: Metrics, own: Partial<Operations> = {}): Operations {
  return {
    ...jointOperations(() => [], {
      about: { version: '1.2.3', startedAt: new Date(), workers: 1 },
      metrics,
      readiness: () => READY,
      config: () => ({}),
      limitUsage: () => [],
      replicas: () => ({ index: null, others: [], conveyed: 0 }),
      bans: () => [],
      liftBan: () => false,
      reload: async () => ({ outcome: 'applied', problems: [], warnings: [], restartNeeded: [] }),
      drain: async () => {},
    }),
    ...own,
  };
}

async function start(own: Partial<Operations> = {}, config = OPEN) {
  const log = new LogLines();
  const logger = createLogger({ level: 'info', format: 'json', destination: log });
  const metrics = new Metrics({ version: '1.2.3' });
  const admin = await startAdmin({ config, operations: operations(metrics, own), metrics, logger });
  running.push(admin);
  return { admin, metrics, log, url: `http://127.0.0.1:${admin.port}` };
}

describe('the side port', () => {
  it('listens when it says so, and logs where', async () => {
    const { admin, log, url } = await start();
    expect(admin.port).toBeGreaterThan(0);
    expect(admin.address).toBe('127.0.0.1');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(log.lines).toEqual([expect.objectContaining({ event: 'side-port-listening', port: admin.port })]);
  });

  it('says that the process is alive, whether or not it is ready', async () => {
    const { url } = await start({ readiness: () => ({ ...READY, ready: false, reasons: ['starting'] }) });
    const answer = await fetch(`${url}/healthz`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('says whether clients can be served, and if not why', async () => {
    let state = READY;
    const { url } = await start({ readiness: () => state });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, READY]);
    state = { ready: false, reasons: ['no backend is usable'], warnings: ['refused'] };
    const unready = await fetch(`${url}/readyz`);
    expect(unready.headers.get('content-type')).toMatch(/^application\/json/);
    expect([unready.status, await unready.json()]).toEqual([503, state]);
  });

  it('lists the addresses that are banned', async () => {
    const bans = [{ address: '192.0.2.1', until: '2030-01-02T03:04:05.000Z', failures: 5 }];
    const { url } = await start({ bans: () => bans });
    const answer = await fetch(`${url}/bans`);
    expect([answer.status, await answer.json()]).toEqual([200, { bans }]);
  });

  it('lifts a ban, also of a network', async () => {
    const lifted: string[] = [];
    const liftBan = (address: string) => lifted.push(address) < 3;
    const { url } = await start({ liftBan }, { ...OPEN, writeToken: WRITE_TOKEN });
    const lift = async (address: string) => {
      const path = `${url}/bans/${encodeURIComponent(address)}`;
      return (await fetch(path, { method: 'DELETE', headers: { authorization: `Bearer ${WRITE_TOKEN}` } })).status;
    };
    expect([await lift('192.0.2.1'), await lift('2001:db8::/64'), await lift('192.0.2.2')]).toEqual([200, 200, 404]);
    expect(lifted).toEqual(['192.0.2.1', '2001:db8::/64', '192.0.2.2']);
  });

  it('answers the metrics in the Prometheus text format', async () => {
    const { url, metrics } = await start();
    metrics.command('STOR');
    const answer = await fetch(`${url}/metrics`);
    expect(answer.headers.get('content-type')).toBe(metrics.contentType);
    expect(await answer.text()).toContain('sallyport_commands_total{verb="STOR"} 1');
  });

  it.each(['/healthz', '/readyz', '/metrics'])('answers HEAD %s with headers and no body', async (path) => {
    const { url } = await start();
    const answer = await fetch(url + path, { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0);
  });

  it.each(['GET', 'POST'])('answers %s of an unknown path with 404 as JSON', async (method) => {
    const { url } = await start();
    const answer = await fetch(`${url}/nothing?here`, { method });
    const paths = [...new Set(ROUTES.map(({ path }) => path))];
    expect([answer.status, await answer.json()]).toEqual([404, { error: 'not found', paths }]);
  });

  it('refuses a broken request without calling it a fault', async () => {
    const { url, log } = await start();
    const answer = await fetch(`${url}/%zz`);
    expect(answer.status).toBe(400);
    expect(log.lines).toHaveLength(1);
  });

  it('answers 500 without details when a part throws, and logs the stack', async () => {
    const readiness = () => {
      throw new Error('secret detail');
    };
    const { url, log } = await start({ readiness });
    const answer = await fetch(`${url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([500, { error: 'internal error' }]);
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      event: 'side-port-fault',
      detail: 'secret detail',
      stack: expect.stringContaining('server.test.ts'),
    });
  });

  it('logs no requests', async () => {
    const { url, log } = await start();
    await fetch(`${url}/metrics`);
    await fetch(`${url}/nothing`);
    expect(log.lines.map((line) => line['event'])).toEqual(['side-port-listening']);
  });

  it('rejects where the port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const logger = createLogger({ level: 'info', format: 'json', destination: new LogLines() });
    const metrics = new Metrics({ version: '1' });
    const options = { config: { ...OPEN, port }, operations: operations(metrics), metrics, logger };
    await expect(startAdmin(options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => taken.close(resolve));
  });

  it('ends kept-alive connections when it closes, and then refuses new ones', async () => {
    const { admin, url } = await start();
    const agent = new Agent({ keepAlive: true });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}/healthz`, { agent }, resolve).once('error', reject);
    });
    const { socket } = answer;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => answer.resume().once('end', resolve));
    expect(socket.destroyed).toBe(false);
    await admin.close();
    await closed;
    await expect(
      new Promise((resolve, reject) => request(`${url}/healthz`).once('response', resolve).once('error', reject).end()),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    agent.destroy();
  });

  it('may be closed twice', async () => {
    const { admin } = await start();
    await Promise.all([admin.close(), admin.close()]);
  });

  it.each([
    ['text', 'application/x-www-form-urlencoded'],
    ['{', 'application/json'],
  ])('does not care for a body: %s', async (body, type) => {
    const { url } = await start();
    const answer = await fetch(`${url}/-/reload`, { method: 'POST', body, headers: { 'content-type': type } });
    expect(answer.status).toBe(403);
  });

  it.each([
    ['evil.example.com', 403],
    ['localhost:9121', 200],
    ['[::1]:9121', 200],
  ])('asked as %s answers %d', async (host, status) => {
    const { admin } = await start();
    const options = { port: admin.port, host: '127.0.0.1', headers: { host }, agent: false };
    const ask = (path: string) =>
      new Promise((resolve, reject) => {
        get({ ...options, path }, (answer) => resolve(answer.resume().statusCode)).once('error', reject);
      });
    expect([await ask('/config'), await ask('/metrics'), await ask('/healthz')]).toEqual([status, 200, 200]);
  });

  it('shows on its page why it is not ready, and what is doubtful', async () => {
    const { url } = await start({
      readiness: () => ({ ready: false, reasons: ['no <listener>'], warnings: ['was refused'] }),
    });
    const text = await (await fetch(url)).text();
    expect(text).toContain('<strong>Not ready.</strong><ul><li>no &lt;listener&gt;</li></ul>');
    expect(text).toContain('<li>was refused</li>');
    expect(text).toContain('<title>Not ready · Sallyport</title>');
  });

  it.each([
    ['5', '5; url=/?refresh=5'],
    ['30', '30; url=/?refresh=30'],
    ['off', undefined],
  ])('refreshes its page as wished: %s', async (refresh, content) => {
    const { url } = await start();
    const text = await (await fetch(`${url}/?refresh=${refresh}`)).text();
    expect(/http-equiv="refresh" content="([^"]*)"/.exec(text)?.[1]).toBe(content);
    expect((await fetch(`${url}/?refresh=1;url=http://evil`)).status).toBe(400);
  });

  it('sends headers that keep a page to itself', async () => {
    const { url } = await start();
    for (const path of ['/', '/healthz', '/nothing']) {
      const { headers } = await fetch(url + path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });
});

describe('another configuration', () => {
  const LONG = '0123456789abcdef';

  it('has its tokens at once, on the same port and the same connections', async () => {
    const { admin, url } = await start();
    expect((await fetch(`${url}/config`)).status).toBe(200);
    await admin.replace({ ...OPEN, readToken: LONG });
    for (const method of ['GET', 'HEAD']) expect((await fetch(`${url}/config`, { method })).status).toBe(401);
    const authorization = `Bearer ${LONG}`;
    expect((await fetch(`${url}/config`, { headers: { authorization } })).status).toBe(200);
  });

  it('may move the side port to a port that is free', async () => {
    const { admin, url } = await start();
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as { port: number };
    await expect(admin.replace({ ...OPEN, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await new Promise((resolve) => free.close(resolve));
    const slow = dial({ port: admin.port, host: '127.0.0.1' });
    await new Promise((resolve) => slow.once('connect', resolve));
    // What is asked here would be judged by the configuration of before.
    slow.on('error', () => {}).write('GET /config HTTP/1.1\r\n');
    // The gateway has seen the one before when it answers this.
    await fetch(`${url}/healthz`);
    const ended = new Promise((resolve) => slow.once('close', resolve).resume());
    const before = performance.now();
    await admin.replace({ ...OPEN, port });
    await ended;
    expect(performance.now() - before).toBeLessThan(3000);
    expect(admin.port).toBe(port);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('shows a renewed certificate to connections that begin, and goes on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    try {
      const authority = await generateAuthority();
      const write = async (): Promise<string> => {
        const { cert, key } = await generateServerCertificate(authority, { names: ['localhost'] });
        await writeFile(join(folder, 'tls.crt'), cert);
        await writeFile(join(folder, 'tls.key'), key);
        return new X509Certificate(cert).fingerprint256;
      };
      const config = {
        ...OPEN,
        tls: { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), clientCa: null },
      };
      const first = await write();
      const { admin, log } = await start({}, config);
      const shown = () =>
        new Promise<string>((resolve, reject) => {
          const socket = connect({ port: admin.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
            resolve(socket.getPeerCertificate().fingerprint256);
            socket.destroy();
          });
          socket.once('error', reject);
        });
      expect(await shown()).toBe(first);
      const second = await write();
      await admin.replace(config);
      expect(await shown()).toBe(second);
      expect(log.lines.filter((line) => line['event'] === 'side-port-listening')).toHaveLength(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  describe('with another address', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    /** A side port with a token in a file, which is gone. */
    const startWithoutFile = async () => {
      const readTokenFile = join(folder, 'token');
      await writeFile(readTokenFile, LONG);
      const { admin } = await start({}, { ...OPEN, readTokenFile });
      await rm(readTokenFile);
      const { port } = admin;
      const status = async (host = '127.0.0.1') =>
        (await fetch(`http://${host}:${port}/config`, { headers: { authorization: `Bearer ${LONG}` } })).status;
      return { admin, port, status };
    };

    it('that this machine does not have, it stays where it is, and what comes next is taken', async () => {
      const { admin, port, status } = await startWithoutFile();
      const foreign = admin.replace({ ...OPEN, port, address: '192.0.2.77' });
      await expect(foreign).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
      expect(await status()).toBe(200);
      await admin.replace({ ...OPEN, port, readToken: LONG.toUpperCase() });
      expect([admin.port, await status()]).toEqual([port, 401]);
    });

    it('that needs the place of the one before, and is taken, it comes back with what its files said', async () => {
      const { admin, port, status } = await startWithoutFile();
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(port, '127.0.0.2', resolve));
      const everywhere = { ...OPEN, port, address: '0.0.0.0', readToken: LONG.toUpperCase() };
      try {
        await expect(admin.replace(everywhere)).rejects.toMatchObject({ code: 'EADDRINUSE', address: '0.0.0.0' });
        expect([admin.address, await status()]).toEqual(['127.0.0.1', 200]);
      } finally {
        await new Promise((resolve) => other.close(resolve));
      }
      await admin.replace(everywhere);
      expect([admin.address, await status()]).toEqual(['0.0.0.0', 401]);
      expect(await status('127.0.0.2')).toBe(401);
    });

    it('and no way back, it is opened by the next that can be', async () => {
      let address = '127.0.0.1';
      const { admin } = await start(
        {},
        {
          ...OPEN,
          get address() {
            return address;
          },
        },
      );
      const { port } = admin;
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(port, '127.0.0.2', resolve));
      // As if this machine had lost the address meanwhile.
      address = '192.0.2.77';
      const everywhere = { ...OPEN, port, address: '0.0.0.0' };
      try {
        await expect(admin.replace(everywhere)).rejects.toMatchObject({ code: 'EADDRINUSE' });
        await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
        await expect(admin.replace(everywhere)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      } finally {
        await new Promise((resolve) => other.close(resolve));
      }
      await admin.replace(everywhere);
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    });
  });

  it('that moves the side port is answered to who ordered it, and the connection ends', async () => {
    let move = async (): Promise<void> => {};
    const reload = async () => {
      await move();
      return { outcome: 'applied', problems: [], warnings: [], restartNeeded: [] } as const;
    };
    const { admin, url } = await start({ reload }, { ...OPEN, writeToken: WRITE_TOKEN });
    const { port } = admin;
    for (const address of ['0.0.0.0', '127.0.0.1']) {
      move = () => admin.replace({ ...OPEN, writeToken: WRITE_TOKEN, address, port });
      const headers = { authorization: `Bearer ${WRITE_TOKEN}` };
      const answer = await fetch(`${url}/-/reload`, { method: 'POST', headers });
      expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
      expect(await answer.json()).toMatchObject({ outcome: 'applied' });
      expect(admin.address).toBe(address);
    }
  });

  it('with other authorities ends a connection of before after the answer that it waits for', async () => {
    const certificates = await makeClientCertificates();
    const { cert, key } = await testCertificate();
    try {
      const tls = { cert, key, clientCa: certificates.ca };
      const asked = Promise.withResolvers<void>();
      const held = Promise.withResolvers<Readiness>();
      const readiness = () => {
        asked.resolve();
        return held.promise;
      };
      const { admin } = await start({ readiness }, { ...OPEN, tls });
      const { alice } = certificates.clients;
      const socket = connect({ port: admin.port, host: '127.0.0.1', rejectUnauthorized: false, ...alice });
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      for (const path of ['/readyz', '/config']) socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await asked.promise;
      await admin.replace({ ...OPEN, tls: { ...tls, clientCa: certificates.foreignCa } });
      held.resolve(READY);
      await closed;
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).toContain('connection: close');
      expect(text.match(/HTTP\/1\.1 \d+/g)).toHaveLength(1);
    } finally {
      await certificates.remove();
    }
  });

  it('changes nothing where a file cannot be read', async () => {
    const { admin, url } = await start();
    await expect(admin.replace({ ...OPEN, readTokenFile: '/nowhere/token' })).rejects.toThrow('/nowhere/token');
    expect((await fetch(`${url}/config`)).status).toBe(200);
  });
});

describe('many connections of one host', () => {
  const MOST = 256;
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** A connection that is kept. With `asks` it has got an answer. */
  const kept = async (port: number, localAddress: string, asks: boolean) => {
    const socket = dial({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    if (!asks) return socket;
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    return socket;
  };
  const ended = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

  it.each([
    ['have got an answer', true],
    ['ask nothing', false],
  ])('that %s give way to whoever comes, the quietest first, and those of others stay', async (_what, asks) => {
    const { admin, url } = await start();
    const other = await kept(admin.port, '127.0.0.2', true);
    const first = await kept(admin.port, '127.0.0.1', asks);
    const second = await kept(admin.port, '127.0.0.1', asks);
    for (let count = 3; count < MOST; count += 1) await kept(admin.port, '127.0.0.1', asks);
    const firstEnded = ended(first);
    expect((await fetch(`${url}/healthz`, { headers: { connection: 'close' } })).status).toBe(200);
    await firstEnded;
    expect([second.closed, other.closed]).toEqual([false, false]);
    for (let more = 0; more < 20; more += 1) {
      const probe = await kept(admin.port, '127.0.0.3', true);
      probe.destroy();
    }
    other.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const answer = await new Promise((resolve) => other.once('data', resolve));
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('end when they were quiet for a few seconds', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/healthz`)).headers.get('keep-alive')).toBe('timeout=5');
  });
});

describe('what everybody may ask', () => {
  it('is read once for all who ask at once, and not more often than some times a second', async () => {
    let rendered = 0;
    const render = async () => {
      rendered += 1;
      return `reading ${rendered}\n`;
    };
    const { url } = await start({ metrics: { contentType: 'text/plain', render } });
    const texts = Array.from({ length: 300 }, async () => (await fetch(`${url}/metrics`)).text());
    expect(new Set(await Promise.all(texts)).size).toBeLessThan(60);
    expect(rendered).toBeLessThan(60);
  });
});

describe('a request that a proxy sends for somebody else', () => {
  it.each([
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Real-IP',
    'Via',
  ])('is not answered: %s', async (name) => {
    const { url, log } = await start();
    const headers = { [name]: 'for=192.0.2.1' };
    const answer = await fetch(`${url}/config`, { headers });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({ error: expect.stringContaining('through a proxy') });
    expect(log.lines.at(-1)).toMatchObject({ event: 'side-port-denied', level: 'warn', problem: 'forwarded' });
    expect((await fetch(`${url}/readyz`, { headers })).status).toBe(200);
  });
});

describe('workers that do not answer', () => {
  const silent: Part = { worker: 1, ask: async () => 'silent' };
  const knowsNothing: Part = {
    worker: 2,
    ask: async (name, ...parameters) => ({ answer: call(EMPTY, name, parameters) }),
  };
  const EMPTY = { session: () => undefined, endSession: () => false, drainBackend: () => false } as never;

  it.each([
    ['nobody', [silent], 'GET', '/sessions/1', 503],
    ['nobody', [silent], 'DELETE', '/sessions/1', 503],
    ['nobody', [silent], 'POST', '/backends/legacy/drain', 503],
    ['nobody', [silent], 'POST', '/backends/legacy/undrain', 503],
    ['one that has no such session', [silent, knowsNothing], 'DELETE', '/sessions/1', 503],
    ['one that has no such session', [silent, knowsNothing], 'GET', '/sessions/1', 503],
    ['one that has no such backend', [silent, knowsNothing], 'POST', '/backends/legacy/drain', 404],
    ['all', [knowsNothing], 'DELETE', '/sessions/1', 404],
  ] as const)('where %s answers, %j: %s %s is %d', async (_who, parts, method, path, status) => {
    const whole = operations(new Metrics({ version: '1.2.3' }));
    const own = jointOperations(() => parts, whole);
    const { url, log } = await start(own, { ...OPEN, writeToken: WRITE_TOKEN });
    const answer = await fetch(url + path, { method, headers: { authorization: `Bearer ${WRITE_TOKEN}` } });
    expect(answer.status).toBe(status);
    if (status === 503) expect(await answer.json()).toEqual({ error: expect.stringContaining('from worker 1') });
    if (method !== 'GET') expect(log.lines.at(-1)).toMatchObject({ event: 'operator-order', status });
  });
});
