/**
 * A new configuration under running sessions: those that begin have it, those that run keep theirs, and nothing that stays is touched.
 */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { freePorts } from '../support/free-ports.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { CLEAR_ALLOWED, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };

describe('a new configuration', () => {
  it('holds for sessions that begin; those that run keep theirs', async () => {
    await withGateway({ legacy: { files: FILES }, ...CLEAR_ALLOWED }, async ({ greeted, reload }) => {
      const old = await greeted();
      await reload({});
      await old.command('USER alice', 331);
      const young = await greeted();
      expect((await young.command('USER alice', 530)).text).toMatch(/TLS/);
      await old.command('PASS hunter2-Tr0ub4dor', 230);
    });
  });

  it('leaves a running transfer alone, in both directions', async () => {
    const large = Buffer.alloc(4 * 2 ** 20, 'x');
    await withGateway({ legacy: { files: { '/large': large } } }, async ({ loggedIn, reload, backend }) => {
      const [reader, writer] = [await loggedIn(), await loggedIn()];
      const down = await reader.openData();
      reader.send('RETR large');
      await down.startTls({ session: reader.session });
      down.pause();
      await reader.expect(150);
      const up = await writer.openData();
      writer.send('STOR sent');
      await up.startTls({ session: writer.session });
      await writer.expect(150);
      await up.write('before ');
      await reload({ policy: { uploadEnd: 'tolerant' }, timeouts: { dataStall: '1s' } });
      await up.write('behind');
      up.end();
      await writer.expect(226);
      down.resume();
      expect((await down.readToEnd()).bytes.equals(large)).toBe(true);
      await reader.expect(226);
      expect(backend.files.get('/sent')?.toString()).toBe('before behind');
    });
  });

  it('leads new sessions to another backend, and lets old ones go on with theirs', async () => {
    const other = await ScriptedBackend.start({ files: { '/b': 'new' } });
    try {
      await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, reload, gateway }) => {
        const old = await loggedIn();
        await reload({}, other);
        await expect.poll(() => gateway.readiness().ready, { interval: 5 }).toBe(true);
        const young = await loggedIn();
        expect((await young.download('RETR b')).toString()).toBe('new');
        expect((await old.download('RETR a')).toString()).toBe('abc');
      });
    } finally {
      await other.stop();
    }
  });

  it('does not make the gateway unready where a backend stays, or only its settings change', async () => {
    await withGateway({}, async ({ reload, gateway }) => {
      await reload({});
      expect(gateway.readiness()).toEqual({ ready: true, reasons: [] });
      await reload({ backend: { weight: 2 } });
      expect(gateway.readiness()).toEqual({ ready: true, reasons: [] });
    });
  });

  it('shows new sessions the new certificate, and old ones that of their control connection (T091)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    const fresh = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
    const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    await writeFile(files.cert, fresh.cert);
    await writeFile(files.key, fresh.key);
    try {
      await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, reload }) => {
        const old = await loggedIn();
        await reload({ tls: { certificates: [files] } });
        const young = await loggedIn();
        const shown = [old, young].map((client) => client.tls?.getPeerX509Certificate()?.fingerprint256);
        expect(new Set([...shown, undefined]).size).toBe(3);
        for (const [index, client] of [old, young].entries()) {
          const data = await client.openData();
          client.send('RETR a');
          // Without the session, so that there is a certificate to see.
          await data.startTls();
          expect(data.certificate?.fingerprint256).toBe(shown[index]);
          await data.readToEnd();
          await client.expect(150);
          await client.expect(226);
        }
        expect((await old.download('RETR a')).toString()).toBe('abc');
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what is left of a configuration that was replaced', () => {
  it('is nothing but its sessions: it can be collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await withGateway({}, async ({ gateway, config }) => {
      const replaced: WeakRef<object>[] = [];
      const replace = async () => {
        const next = structuredClone(config);
        (await gateway.prepare(next)).commit();
        replaced.push(new WeakRef(next));
      };
      for (let turn = 0; turn < 20; turn += 1) await replace();
      // The last one is in force, and the one before may be on the stack yet.
      const alive = () => {
        collect();
        return replaced.filter((each) => each.deref() !== undefined).length;
      };
      await expect.poll(alive).toBeLessThanOrEqual(2);
    });
  });

  it('says nothing of a backend that another one has replaced, and looks after it no more', async () => {
    const other = await ScriptedBackend.start({ files: { '/b': 'new' } });
    try {
      await withGateway(
        { backend: { health: { interval: '20ms' } } },
        async ({ encrypted, reload, gateway, metrics, backend }) => {
          const late = await encrypted();
          await reload({ backend: { health: { interval: '1h' } } }, other);
          await expect.poll(() => gateway.readiness().ready, { interval: 5 }).toBe(true);
          const probes = backend.sessions.length;
          await backend.refuse();
          await late.command('USER alice', 421);
          expect(await metrics.render()).toContain('sallyport_backend_up{backend="legacy"} 1');
          expect(backend.sessions.length - probes).toBeLessThanOrEqual(1);
        },
      );
    } finally {
      await other.stop();
    }
  });

  it('counts its sessions on, also where the settings of their backend have changed', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, reload, gateway, metrics }) => {
      const client = await loggedIn();
      await reload({ backend: { weight: 2 } });
      expect(gateway.backends.map(({ sessions }) => sessions)).toEqual([1]);
      expect(await metrics.render()).toContain('sallyport_backend_sessions_active{backend="legacy"} 1');
      await client.command('QUIT', 221);
      await expect.poll(() => gateway.backends[0]?.sessions).toBe(0);
      await reload({ backend: { name: 'renamed' } });
      expect(await metrics.render()).not.toContain('sallyport_backend_up{backend="legacy"}');
    });
  });
});

describe('passive ports', () => {
  it('are added and removed without touching the rest; one on which somebody waits is kept until then', async () => {
    const more = await freePorts(2, ['127.0.0.1', '::1']);
    try {
      await withGateway({ legacy: { files: FILES }, passivePorts: 1 }, async (house) => {
        const { loggedIn, reload, passivePorts } = house;
        const client = await loggedIn();
        const port = await client.epsv();
        expect(port).toBe(passivePorts.first);
        await reload({}, undefined, more);
        const data = await client.openData({ port });
        client.send('RETR a');
        await data.startTls({ session: client.session });
        await client.expect(150);
        expect((await data.readToEnd()).bytes.toString()).toBe('abc');
        await client.expect(226);
        await expect(listening(port)).resolves.toBe(false);
        const next = await client.epsv();
        expect([more.first, more.last]).toContain(next);
        await expect(listening(next)).resolves.toBe(true);
      });
    } finally {
      await more.release();
    }
  });
});

describe('a configuration that cannot be had', () => {
  it('is refused whole where a port is taken: nothing of it holds, and no port stays bound', async () => {
    const more = await freePorts(3, ['127.0.0.1', '::1']);
    const taken = createServer().listen(more.last, '127.0.0.1');
    await once(taken, 'listening');
    try {
      await withGateway(
        { legacy: { files: FILES }, ...CLEAR_ALLOWED },
        async ({ greeted, loggedIn, reload, passivePorts }) => {
          await expect(reload({}, undefined, more)).rejects.toMatchObject({ code: 'EADDRINUSE', port: more.last });
          await expect(listening(more.first)).resolves.toBe(false);
          await (await greeted()).command('USER alice', 331);
          const port = await (await loggedIn()).epsv();
          expect(port).toBeGreaterThanOrEqual(passivePorts.first);
          expect(port).toBeLessThanOrEqual(passivePorts.last);
        },
      );
    } finally {
      await new Promise((done) => taken.close(done));
      await more.release();
    }
  });
});

/** Whether somebody accepts connections there. */
async function listening(port: number): Promise<boolean> {
  const probe = createServer();
  const bound = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (bound) await new Promise((done) => probe.close(done));
  return !bound;
}
