/** `sallyport certs`. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyMatches } from '../../src/certs/inspect.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
const certificate = async (name: string): Promise<X509Certificate> => new X509Certificate(await read(name));

describe('sallyport certs', () => {
  it('makes an authority and a server certificate for this machine, keys for the owner only', async () => {
    const { code, out, err } = await run('certs', folder);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect((await readdir(folder)).sort()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key']);
    for (const key of ['ca.key', 'tls.key']) expect((await stat(join(folder, key))).mode & 0o777).toBe(0o600);
    const [authority, server] = [await certificate('ca.crt'), await certificate('tls.crt')];
    expect(server.checkIssued(authority)).toBe(true);
    expect(server.verify(authority.publicKey)).toBe(true);
    expect(keyMatches(await read('tls.crt'), await read('tls.key'))).toBe(true);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkIP('::1')).toBe('::1');
    expect(out).toContain(join(folder, 'ca.crt'));
  });

  it('names what it is told to name, makes client certificates and prints JSON', async () => {
    const args = [
      '--name',
      'ftp.example.com',
      '--name',
      '192.0.2.7',
      '--client',
      'partner 7',
      '--client',
      'b',
      '--json',
    ];
    const { code, out } = await run('certs', folder, ...args);
    expect(code).toBe(0);
    expect(JSON.parse(out).map((pair: { cert: string; state: string }) => [pair.cert, pair.state])).toEqual([
      [join(folder, 'ca.crt'), 'made'],
      [join(folder, 'tls.crt'), 'made'],
      [join(folder, 'client-partner-7.crt'), 'made'],
      [join(folder, 'client-b.crt'), 'made'],
    ]);
    expect((await certificate('tls.crt')).subjectAltName).toBe('DNS:ftp.example.com, IP Address:192.0.2.7');
    expect((await certificate('client-partner-7.crt')).subject).toBe('CN=partner 7');
    expect((await stat(join(folder, 'client-b.key'))).mode & 0o777).toBe(0o600);
  });

  it('does not overwrite without --force, and keeps the authority with it', async () => {
    await run('certs', folder);
    const [authority, server] = [await read('ca.crt'), await read('tls.crt')];
    const refused = await run('certs', folder);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`${join(folder, 'tls.crt')}, ${join(folder, 'tls.key')} are there already`);
    expect(await read('tls.crt')).toBe(server);
    expect((await run('certs', folder, '--force')).code).toBe(0);
    expect(await read('ca.crt')).toBe(authority);
    expect(await read('tls.crt')).not.toBe(server);
    expect((await certificate('tls.crt')).checkIssued(await certificate('ca.crt'))).toBe(true);
  });

  it('adds a client to a folder and leaves its server certificate alone', async () => {
    await run('certs', folder);
    const server = await read('tls.crt');
    expect((await run('certs', folder, '--client', 'late')).code).toBe(0);
    expect(await read('tls.crt')).toBe(server);
    expect((await certificate('client-late.crt')).checkIssued(await certificate('ca.crt'))).toBe(true);
  });

  it('ends with 2 for names that cannot be, and writes nothing', async () => {
    for (const args of [
      ['--name', 'two words'],
      ['--client', ''],
      ['--client', 'a b', '--client', 'a-b'],
    ]) {
      expect((await run('certs', folder, ...args)).code).toBe(2);
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends with 1 when the authority in the folder cannot be used', async () => {
    await writeFile(join(folder, 'ca.crt'), 'no certificate');
    const half = await run('certs', folder);
    expect(half).toMatchObject({ code: 1, err: expect.stringContaining(`without ${join(folder, 'ca.key')}`) });
    await writeFile(join(folder, 'ca.key'), 'no key');
    const broken = await run('certs', folder);
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('not readable PEM') });
    expect((await readdir(folder)).sort()).toEqual(['ca.crt', 'ca.key']);
  });

  it('ends with 1 and a readable message when the folder cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    const { code, err } = await run('certs', join(folder, 'file', 'inner'));
    expect(code).toBe(1);
    expect(err).toMatch(/^sallyport: .*not a directory\n$/);
  });
});
