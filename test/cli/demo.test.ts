/** `sallyport demo` as a program. That its lines can be pasted is proved with the real curl and lftp in `../interop`. */
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Client } from 'basic-ftp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { demoPorts, Running, run } from './run.ts';

let folder: string;
let running: Running | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
});
afterEach(() => running?.kill());
afterAll(() => rm(folder, { recursive: true }));

describe('sallyport demo', () => {
  it('lets a client list, upload and download with what it prints, explicit and implicit', async () => {
    const { first, args } = await demoPorts();
    running = new Running(['demo', ...args], { TMPDIR: folder });
    const [, caFile = ''] = await running.until(/--cacert (\S+) [\s\S]*The log follows/);
    for (const [port, secure] of [[first, true] as const, [first + 1, 'implicit'] as const]) {
      const scheme = secure === true ? 'ftp' : 'ftps';
      expect(running.out).toMatch(new RegExp(`^  curl .*--cacert ${caFile} .*${scheme}://localhost:${port}/$`, 'm'));
      expect(running.out).toMatch(new RegExp(`^  lftp .*${caFile}.* ${scheme}://localhost:${port}$`, 'm'));
      const client = new Client();
      const ca = await readFile(caFile, 'utf8');
      await client.access({ host: 'localhost', port, user: 'demo', password: 'demo', secure, secureOptions: { ca } });
      const names = (await client.list()).map(({ name }) => name);
      expect(names).toEqual(['incoming', 'reports', 'welcome.txt']);
      await client.uploadFrom(Readable.from([`over ${scheme}`]), 'incoming/a');
      const back = new PassThrough();
      await client.downloadTo(back, 'incoming/a');
      expect(String(await back.toArray())).toBe(`over ${scheme}`);
      client.close();
    }
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  it('prints JSON on request, and removes its files on SIGTERM', async () => {
    const { first, args } = await demoPorts();
    running = new Running(['demo', '--json', ...args], { TMPDIR: folder });
    await running.until(/^}\n/m);
    const facts = JSON.parse(running.out);
    expect(facts.ports).toMatchObject({ explicit: first, implicit: first + 1, admin: first + 2 });
    expect(await readFile(facts.caFile, 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(await readdir(facts.files)).toEqual(['incoming', 'reports', 'welcome.txt']);
    await access(facts.sample);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  it('names every taken port with its flag, and a command line that works in its place, and ends with 1', async () => {
    const { first, args } = await demoPorts();
    const holders = [first, first + 9].map((port) => createServer().listen(port, '127.0.0.1'));
    await Promise.all(holders.map((holder) => once(holder, 'listening')));
    const { code, out, err } = await new Running(['demo', ...args], { npm_lifecycle_event: 'start' }).ended;
    await Promise.all(holders.map((holder) => new Promise((done) => holder.close(done))));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`127.0.0.1:${first}: already in use (--port)\n`);
    expect(err).toContain(`127.0.0.1:${first + 9}: already in use (--passive-ports)\n`);
    const [, others = ''] = /^With other ports: npm start -- (--port .* --passive-ports .*)$/m.exec(err) ?? [];
    expect(others).toContain(`--implicit-port ${first + 1} `);
    running = new Running(['demo', ...others.split(' ')], { TMPDIR: folder });
    await running.until(/The log follows/);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  });

  it('takes its data ports from below those of outgoing connections, and says which in its help', async () => {
    const { out } = await run('demo', '--help');
    const [, first = '', last = ''] = /--passive-ports [\s\S]*?(\d+)-(\d+)\)/.exec(out) ?? [];
    // net.ipv4.ip_local_port_range of Linux begins at 32768.
    expect(Number(last) - Number(first)).toBe(9);
    expect(Number(last)).toBeLessThan(32_768);
  });
});
