/** `sallyport serve`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { freePorts } from '../interop/free-ports.ts';
import { PlainClient } from '../unit/demo/plain-client.ts';
import { MAIN, Running, run } from './run.ts';

let folder: string;
let running: Running | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const server = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
  await writeFile(join(folder, 'tls.crt'), server.cert);
  await writeFile(join(folder, 'tls.key'), server.key);
});
afterEach(() => running?.kill());
afterAll(() => rm(folder, { recursive: true }));

/** Uses `first` for FTP, the port behind it for the side port and the two behind that for data. */
async function configuration(first: number): Promise<string> {
  const path = join(folder, `${first}.yaml`);
  const text = `listeners: [{ name: public, address: 127.0.0.1, port: ${first} }]
tls: { certificates: [{ cert: tls.crt, key: tls.key }] }
data: { passive: { ports: ${first + 2}-${first + 3} } }
backends: [{ name: legacy, host: 127.0.0.1, port: 1 }]
admin: { port: ${first + 1} }
`;
  await writeFile(path, text);
  return path;
}

/** Resolves when the side port says that clients are welcome. */
async function ready(service: Running, port: number): Promise<void> {
  await service.until(/side-port-listening/);
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    await answer.text();
    if (answer.ok) break;
  }
  for (;;) {
    const client = await PlainClient.open(port - 1).catch(() => undefined);
    client?.close();
    if (client !== undefined) return;
  }
}

describe('sallyport serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves, and stops gracefully on %s', async (signal) => {
    const first = await freePorts(4);
    running = new Running(['serve', '--config', await configuration(first)]);
    await ready(running, first + 1);
    const client = await PlainClient.open(first);
    expect(await client.say('NOOP')).toMatch(/^200 /);
    running.child.kill(signal);
    expect(await client.reply()).toMatch(/^421 /);
    const { code, out, err } = await running.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const line of out.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    client.close();
  });

  it('serves on although its log cannot be written', async () => {
    const first = await freePorts(4);
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', await configuration(first)], {
      stdio: ['ignore', full.fd, 'inherit'],
    });
    try {
      const healthy = () =>
        fetch(`http://127.0.0.1:${first + 1}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await expect.poll(healthy, { timeout: 10_000 }).toBe(true);
      await expect
        .poll(() =>
          PlainClient.open(first).then(
            (client) => client.close(),
            () => 'refused',
          ),
        )
        .toBeUndefined();
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await full.close();
    }
  });

  it('lists everything that is wrong and ends with 2', async () => {
    const path = join(folder, 'wrong.yaml');
    await writeFile(path, 'listeners: [{ name: public, port: x }]\nbackends: []\nfrob: 1\n');
    const { code, out, err } = await run('serve', '--config', path);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^sallyport: \d errors in the configuration\n/);
    expect(err).toMatch(/wrong\.yaml:1:\d+ listeners\[0\]\.port: /);
    expect(err).toMatch(/wrong\.yaml:3:\d+ .*frob/);
  });

  it('names the port that is taken and ends with 1', async () => {
    const first = await freePorts(4);
    const holder = createServer().listen(first, '127.0.0.1');
    await once(holder, 'listening');
    const { code, err } = await run('serve', '--config', await configuration(first));
    await new Promise((done) => holder.close(done));
    expect(code).toBe(1);
    expect(err).toContain(`127.0.0.1:${first}: already in use`);
  });
});
