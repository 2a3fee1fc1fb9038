/**
 * The side port over real HTTP.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { jointOperations } from '../../../src/admin/joint-operations.ts';
import { ROUTES } from '../../../src/admin/routes.ts';
import { type Admin, type Operations, type Readiness, startAdmin } from '../../../src/admin/server.ts';
import { generateAuthority, generateServerCertificate } from '../../../src/certs/generate.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
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

  it('may move the side port', async () => {
    const { admin, url } = await start();
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as { port: number };
    await expect(admin.replace({ ...OPEN, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await new Promise((resolve) => free.close(resolve));
    await admin.replace({ ...OPEN, port });
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

  it('changes nothing where a file cannot be read', async () => {
    const { admin, url } = await start();
    await expect(admin.replace({ ...OPEN, readTokenFile: '/nowhere/token' })).rejects.toThrow('/nowhere/token');
    expect((await fetch(`${url}/config`)).status).toBe(200);
  });
});
