/** A demo starts whole or not at all, and leaves nothing behind. */
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DemoPorts, startDemo } from '../../../src/demo/demo.ts';
import { findTakenPorts } from '../../../src/demo/taken-ports.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { freePorts } from '../../interop/free-ports.ts';

const quiet = createLogger({ level: 'error', format: 'json', destination: new PassThrough().resume() });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  vi.stubEnv('TMPDIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function anyPorts(): Promise<DemoPorts> {
  const first = await freePorts(2);
  return { explicit: 0, implicit: 0, passive: { first, last: first + 1 }, admin: 0, backend: 0 };
}

describe('startDemo', () => {
  it('tells its real ports, and leaves neither sockets nor files when it stops', async () => {
    const demo = await startDemo(await anyPorts(), quiet);
    const { explicit, implicit, admin, backend } = demo.ports;
    for (const port of [explicit, implicit, admin, backend]) expect(port).toBeGreaterThan(0);
    const answer = await fetch(`http://127.0.0.1:${admin}/metrics`);
    expect(await answer.text()).toContain('sallyport_build_info');
    expect(await readdir(folder)).toHaveLength(1);
    await demo.stop();
    expect(await readdir(folder)).toEqual([]);
    expect(demo.service.gateway.openSockets).toBe(0);
    expect(demo.backend.openSockets).toBe(0);
    expect(await findTakenPorts([explicit, implicit, admin, backend], ['127.0.0.1'])).toEqual([]);
  });

  it.each([
    'explicit',
    'admin',
    'backend',
  ] as const)('leaves nothing behind when its %s port is taken', async (which) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = (holder.address() as { port: number }).port;
    const ports = { ...(await anyPorts()), [which]: taken };
    await expect(startDemo(ports, quiet)).rejects.toMatchObject({ code: 'EADDRINUSE', port: taken });
    expect(await findTakenPorts([taken], ['127.0.0.1'])).toEqual([
      { port: taken, address: '127.0.0.1', code: 'EADDRINUSE' },
    ]);
    await new Promise((done) => holder.close(done));
    expect(await readdir(folder)).toEqual([]);
    const again = await startDemo(ports, quiet);
    await again.stop();
  });
});
