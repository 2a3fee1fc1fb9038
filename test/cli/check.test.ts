/** `sallyport check`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { run } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const authority = await generateAuthority();
  const server = await generateServerCertificate(authority, { names: ['localhost'] });
  await writeFile(join(folder, 'tls.crt'), server.cert);
  await writeFile(join(folder, 'tls.key'), server.key);
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const FINE = `listeners:
  - { name: public, port: 2121 }
tls:
  certificates:
    - { cert: tls.crt, key: tls.key }
backends:
  - { name: legacy, host: 127.0.0.1 }
`;

describe('sallyport check', () => {
  it('says that a configuration is fine', async () => {
    const path = await file('fine.yaml', FINE);
    expect(await run('check', '--config', path)).toMatchObject({ code: 0, out: `${path}: fine\n`, err: '' });
    const json = await run('check', '-c', path, '--json');
    expect(JSON.parse(json.out)).toEqual({ file: path, valid: true, errors: [], warnings: [] });
  });

  it('shows warnings with their place and still ends with 0', async () => {
    const path = await file('clear.yaml', `${FINE}policy: { requireTls: "off" }\n`);
    const { code, out } = await run('check', '--config', path);
    expect(code).toBe(0);
    expect(out).toMatch(/^warning: .*clear\.yaml:\d+:\d+ .*requireTls/m);
    expect(out).toContain(`${path}: fine, 1 warning`);
  });

  it('shows every error with line and column, and ends with 2', async () => {
    const path = await file('wrong.yaml', FINE.replace('2121', '70000').replace('host:', 'hosst:'));
    const { code, out } = await run('check', '--config', path);
    expect(code).toBe(2);
    expect(out).toMatch(/^error: .*wrong\.yaml:2:\d+ listeners\[0\]\.port: .*70000/m);
    expect(out).toMatch(/^error: .*wrong\.yaml:7:\d+ .*hosst/m);
    expect(out).toMatch(/: \d errors\n$/);
    const json = JSON.parse((await run('check', '--config', path, '--json')).out);
    expect(json.valid).toBe(false);
    expect(json.errors[0]).toMatchObject({ path: 'listeners[0].port', line: 2 });
  });

  it('finds a key that belongs to another certificate', async () => {
    const other = await generateAuthority();
    await file('other.key', other.key);
    const path = await file('mismatch.yaml', FINE.replace('tls.key', 'other.key'));
    const { code, out } = await run('check', '--config', path);
    expect(code).toBe(2);
    expect(out).toMatch(/^error: .*mismatch\.yaml:5:\d+ tls\.certificates\[0\]/m);
  });

  it('ends with 2 when the file is not there', async () => {
    const { code, out } = await run('check', '--config', join(folder, 'missing.yaml'));
    expect(code).toBe(2);
    expect(out).toContain('cannot be read');
  });
});
