/**
 * The side port over real HTTP.
 */
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Admin, type BanShown, type Readiness, startAdmin } from '../../../src/admin/server.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { LogLines } from '../../support/log-lines.ts';

const running: Admin[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((admin) => admin.close()));
});

async function start(
  readiness: () => Readiness = () => ({ ready: true, reasons: [] }),
  bans: () => readonly BanShown[] = () => [],
) {
  const log = new LogLines();
  const logger = createLogger({ level: 'info', format: 'json', destination: log });
  const metrics = new Metrics({ version: '1.2.3' });
  const admin = await startAdmin({ address: '127.0.0.1', port: 0, metrics, readiness, bans, logger });
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
    const { url } = await start(() => ({ ready: false, reasons: ['starting'] }));
    const answer = await fetch(`${url}/healthz`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('says whether clients can be served, and if not why', async () => {
    let state: Readiness = { ready: true, reasons: [] };
    const { url } = await start(() => state);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
    state = { ready: false, reasons: ['no backend is usable'] };
    const unready = await fetch(`${url}/readyz`);
    expect(unready.headers.get('content-type')).toMatch(/^application\/json/);
    expect([unready.status, await unready.json()]).toEqual([503, state]);
  });

  it('lists the addresses that are banned', async () => {
    const until = new Date('2030-01-02T03:04:05Z');
    const { url } = await start(undefined, () => [{ address: '192.0.2.1', until, failures: 5 }]);
    const answer = await fetch(`${url}/bans`);
    const bans = [{ address: '192.0.2.1', until: '2030-01-02T03:04:05.000Z', failures: 5 }];
    expect([answer.status, await answer.json()]).toEqual([200, { bans }]);
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
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: 'not found', paths: ['/healthz', '/readyz', '/metrics', '/bans'] },
    ]);
  });

  it('refuses a broken request without calling it a fault', async () => {
    const { url, log } = await start();
    const answer = await fetch(`${url}/%zz`);
    expect(answer.status).toBe(400);
    expect(log.lines).toHaveLength(1);
  });

  it('answers 500 without details when a part throws, and logs the stack', async () => {
    const { url, log } = await start(() => {
      throw new Error('secret detail');
    });
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
    const options = { metrics, readiness: () => ({ ready: true, reasons: [] }), bans: () => [], logger };
    await expect(startAdmin({ address: '127.0.0.1', port, ...options })).rejects.toMatchObject({ code: 'EADDRINUSE' });
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
});
