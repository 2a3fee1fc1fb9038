/** The audit log of the real program: standard output that nobody reads any more, rotation by SIGHUP, several workers on one file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { freePorts } from '../interop/free-ports.ts';
import { expectValid, linesOf } from '../support/audit-lines.ts';
import { provideDebianPackages } from '../support/debian-packages.ts';
import { runProgram } from '../support/processes.ts';
import { PlainClient } from '../unit/demo/plain-client.ts';
import { Running, run } from './run.ts';

let folder: string;
let running: Running | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const server = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
  await writeFile(join(folder, 'tls.crt'), server.cert);
  await writeFile(join(folder, 'tls.key'), server.key);
});
afterEach(async () => {
  await running?.kill();
  running = undefined;
});
afterAll(() => rm(folder, { recursive: true }));

/** Uses `first` for FTP, the port behind it for the side port and the four behind that for data. */
async function configuration(first: number, audit: object, more: object = {}): Promise<string> {
  const path = join(folder, `${first}.yaml`);
  const config = {
    listeners: [{ name: 'public', address: '127.0.0.1', port: first }],
    tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
    data: { passive: { ports: `${first + 2}-${first + 5}` } },
    backends: [{ name: 'legacy', host: '127.0.0.1', port: 1 }],
    admin: { port: first + 1 },
    audit,
    ...more,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** A session that does nothing: one record at its beginning, one at its end. */
async function visit(port: number): Promise<void> {
  const client = await PlainClient.open(port);
  await client.say('QUIT');
  client.close();
}

const records = async (file: string) => {
  const parsed = linesOf(await readFile(file, 'utf8')).map((line) => JSON.parse(line));
  parsed.forEach(expectValid);
  return parsed;
};
const kinds = async (file: string) => (await records(file)).map(({ audit }) => audit);

describe('standard output that is closed', () => {
  it('is told in the log, on the side port and in the metrics; the gateway goes on', async () => {
    const first = await freePorts(6);
    const audit = { file: '-', onFailure: 'refuse' };
    const path = await configuration(first, audit, { log: { format: 'pretty', level: 'info' } });
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, 'serve', '--config', path], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    let log = '';
    child.stderr.on('data', (text) => {
      log += text;
    });
    try {
      const [opened] = await once(child.stdout, 'data');
      expect(JSON.parse(String(opened))).toMatchObject({ audit: 'log-opened' });
      await expect.poll(() => log, { timeout: 10_000 }).toContain('listening for explicit');
      // As a program at the other end of the pipe that ends.
      child.stdout.destroy();
      await once(child.stdout, 'close');
      await visit(first);
      await expect.poll(() => log).toContain('audit-failing');
      expect(log).toContain('EPIPE');
      await visit(first);
      const ready = await fetch(`http://127.0.0.1:${first + 1}/readyz`);
      expect(ready.status).toBe(503);
      expect(((await ready.json()) as { reasons: string[] }).reasons).toContainEqual(
        expect.stringMatching(/^the audit log cannot be written, transfers are refused: EPIPE/),
      );
      const metrics = await (await fetch(`http://127.0.0.1:${first + 1}/metrics`)).text();
      expect(metrics).toMatch(/^sallyport_audit_writable\{log="audit"\} 0$/m);
      expect(metrics).toMatch(/^sallyport_audit_records_waiting\{log="audit"\} 4$/m);
    } finally {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      expect(code).toBe(0);
    }
    expect(log).toMatch(/audit-records-lost.*"lost":4/);
  });
});

describe('rotation', () => {
  it.each([1, 2])('on SIGHUP the file is opened anew (workers: %i); every line is whole', async (workers) => {
    const first = await freePorts(6);
    const file = join(folder, `audit-${workers}.log`);
    running = new Running(['serve', '--config', await configuration(first, { file }, { workers })]);
    await running.until(/"event":"listening"/);
    await expect.poll(() => kinds(file), { timeout: 10_000 }).toHaveLength(workers);
    await Promise.all(Array.from({ length: 20 }, () => visit(first)));
    await expect.poll(() => kinds(file)).toHaveLength(workers + 40);
    await rename(file, `${file}.1`);
    running.child.kill('SIGHUP');
    await expect
      .poll(() => kinds(file).catch(() => []), { timeout: 10_000 })
      .toEqual(Array(workers).fill('log-opened'));
    await visit(first);
    await expect.poll(() => kinds(file)).toHaveLength(workers + 2);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect((await kinds(file)).slice(-workers)).toEqual(Array(workers).fill('log-closed'));
    expect(await kinds(`${file}.1`)).toHaveLength(workers + 40);
    expect(new Set((await records(`${file}.1`)).flatMap(({ pid }) => pid ?? [])).size).toBe(workers);
  });

  const LOGROTATE = join(import.meta.dirname, '../interop/.packages/logrotate');

  it('as docs/audit.md has it, by logrotate itself', async ({ skip }) => {
    const found = await provideDebianPackages({
      folder: LOGROTATE,
      wanted: ['logrotate'],
      mustLoad: ['usr/sbin/logrotate'],
    });
    if (typeof found === 'string') return skip(found);
    const first = await freePorts(6);
    const logs = join(folder, 'logs');
    await mkdir(logs, { mode: 0o700 });
    const audit = { file: join(logs, 'audit.log'), xferlog: join(logs, 'xferlog') };
    running = new Running(['serve', '--config', await configuration(first, audit)]);
    await running.until(/"event":"listening"/);
    await visit(first);
    const page = await readFile(join(import.meta.dirname, '../../docs/audit.md'), 'utf8');
    const [, example = ''] = /^```\n(\/var\/log[\s\S]*?)^```/m.exec(page) ?? [];
    const rotation = join(folder, 'logrotate.conf');
    const text = example
      .replaceAll('/var/log/sallyport', logs)
      .replace(/systemctl kill .*/, `kill -HUP ${running.child.pid}`);
    expect(text).toContain('kill -HUP');
    await writeFile(rotation, text, { mode: 0o600 });
    const env = found.environment(folder);
    const words = ['--force', '--state', join(folder, 'state'), rotation];
    const rotated = await runProgram(found.path('usr/sbin/logrotate'), words, {
      env: { ...env, PATH: '/usr/bin:/bin' },
    });
    expect(rotated).toMatchObject({ code: 0, errors: '' });
    await expect.poll(() => kinds(audit.file).catch(() => []), { timeout: 10_000 }).toEqual(['log-opened']);
    await visit(first);
    await expect.poll(() => kinds(audit.file)).toEqual(['log-opened', 'session-begun', 'session-ended']);
    expect(await kinds(`${audit.file}.1`)).toEqual(['log-opened', 'session-begun', 'session-ended']);
  });
});

describe('a file that cannot be written', () => {
  it.each([
    [
      'in a folder that is not there',
      'none/audit.log',
      /audit\.file: .*none\/audit\.log cannot be made: .*none: no such file or directory/,
    ],
    ['that is a folder', '.', /audit\.file: .* is a folder, expected a file/],
  ])('%s: check says so and serve does not start', async (_what, file, message) => {
    const first = await freePorts(6);
    const path = await configuration(first, { file });
    const checked = await run('check', '--config', path);
    expect(checked).toMatchObject({ code: 2, out: expect.stringMatching(message) });
    expect(await run('serve', '--config', path)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  it('because it leads nowhere: serve ends with its name', async () => {
    const first = await freePorts(6);
    await symlink(join(folder, 'gone', 'audit.log'), join(folder, 'dangling.log'));
    const { code, err } = await run('serve', '--config', await configuration(first, { file: 'dangling.log' }));
    expect({ code, err }).toEqual({
      code: 1,
      err: `sallyport: cannot start: ${join(folder, 'dangling.log')}: no such file or directory\n`,
    });
  });

  it.each([
    ['hash', { hash: 'sha256' }],
    ['onFailure', { onFailure: 'refuse' }],
  ])('audit.%s without audit.file is an error', async (key, audit) => {
    const { code, out } = await run('check', '--config', await configuration(await freePorts(6), audit));
    expect(code).toBe(2);
    expect(out).toMatch(new RegExp(`audit\\.${key}: .* audit\\.file is null`));
  });
});
