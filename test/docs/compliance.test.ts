/** The hardened configuration of docs/compliance.md: it passes the check without a warning, starts, and leaves the evidence that the page names. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Running, run } from '../cli/run.ts';
import { type Backend, PASSWORD, USER } from '../interop/backends/backend.ts';
import { pyftpdlib } from '../interop/backends/pyftpdlib.ts';
import { freePorts } from '../interop/free-ports.ts';
import { describeInterop } from '../interop/test-bed.ts';
import { blocksOf, readDocument } from './documents.ts';
import { Programs } from './programs.ts';

const DOCUMENT = 'docs/compliance.md';

type AuditRecord = Readonly<Record<string, unknown>>;

await describeInterop('the hardened configuration of docs/compliance.md', ({ packages, folder }) => {
  let backend: Backend;
  let gateway: Running;
  let programs: Programs;
  let file: string;
  let port: number;

  beforeAll(async () => {
    programs = await Programs.in(folder);
    await programs.addPackaged(packages, 'usr/bin/curl');
    await programs.run('sallyport certs tls --name localhost', folder);
    const [cert, key] = [join(folder, 'tls/tls.crt'), join(folder, 'tls/tls.key')];
    backend = await pyftpdlib.start(packages, { security: 'explicit', cert, key });
    port = await freePorts(12);
    const [block] = blocksOf(DOCUMENT).filter(({ language }) => language === 'yaml');
    file = join(folder, 'sallyport.yaml');
    const text = String(block?.text)
      .replace('port: 21 }', `address: 127.0.0.1, port: ${port} }`)
      .replace('port: 9121', `port: ${port + 1}`)
      .replace('50000-50009', `${port + 2}-${port + 11}`)
      .replace('inner-ca.crt', 'ca.crt')
      .replaceAll('/etc/sallyport', folder)
      .replace('files.example.internal', 'localhost')
      .replace('host: 10.0.5.20', `host: 127.0.0.1\n    port: ${backend.port}`)
      .replace('/var/log/sallyport', folder);
    await writeFile(file, text);
    gateway = new Running(['serve', '--config', file]);
    await gateway.until(/"event":"listening".*/);
  });
  afterAll(async () => {
    await gateway?.kill();
    await backend?.stop();
  });

  const curl = async (words: string) => {
    return (await programs.run(`curl -sS --cacert tls/ca.crt ${words} ftp://localhost:${port}/`, folder)).code;
  };
  const records = async (): Promise<readonly AuditRecord[]> => {
    const text = await readFile(join(folder, 'audit.log'), 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as AuditRecord]));
  };

  it('passes sallyport check without a warning', async () => {
    expect(await run('check', '--config', file)).toMatchObject({ code: 0, out: `${file}: fine\n` });
  });

  it('records an upload with the fields that the page shows', async () => {
    await writeFile(join(folder, 'report.csv'), 'sales,42\n');
    expect(await curl(`--ssl-reqd --user ${USER}:${PASSWORD} -T report.csv`)).toBe(0);
    await expect.poll(async () => (await records()).map(({ audit }) => audit)).toContain('session-ended');
    const record = (await records()).find(({ audit }) => audit === 'transfer');
    const [, shown = ''] = /^```text\n("audit":"transfer"[\s\S]*?)^```/m.exec(readDocument(DOCUMENT)) ?? [];
    const fields = [...shown.matchAll(/"([a-zA-Z0-9]+)":/g)].map(([, name = '']) => name);
    expect(fields.length).toBeGreaterThan(10);
    expect(fields.filter((name) => record?.[name] === undefined)).toEqual([]);
    expect(record).toMatchObject({ user: USER, path: '/report.csv', outcome: 'completed', bytes: 9 });
    expect(record).toMatchObject({ clientDataProtection: 'private', backendDataProtection: 'private' });
    expect((await records()).map(({ audit }) => audit)).toEqual(
      expect.arrayContaining(['log-opened', 'transfer-begun']),
    );
  });

  it('records a wrong password, and a login in clear', async () => {
    expect(await curl('--ssl-reqd --user mallory:guess')).toBe(67);
    expect(await curl('--user carol:guess')).toBe(67);
    await expect
      .poll(async () => (await records()).filter(({ audit }) => audit === 'login' || audit === 'command-denied'))
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ audit: 'login', user: 'mallory', outcome: 'refused' }),
          expect.objectContaining({ audit: 'command-denied', verb: 'USER', rule: 'requireTls' }),
        ]),
      );
    expect(await readFile(join(folder, 'audit.log'), 'utf8')).not.toContain('guess');
  });
});
