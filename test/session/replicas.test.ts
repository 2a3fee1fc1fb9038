/**
 * Several replicas behind one address: data connections that come to another replica than that of their session, with a slice of the range
 * for each and with one port for all.
 */
import { constants } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { addressOf, downloadThrough, uploadThrough, withReplicas } from '../support/replicas.ts';
import { only } from '../support/test-gateway.ts';

const LARGE = Buffer.alloc(3 * 2 ** 20, 'all bytes arrive in order. ');

const VARIANTS = [
  ['TLS 1.3', only('TLSv1.3')],
  ['TLS 1.2', only('TLSv1.2')],
  ['TLS 1.2 by session id', { ...only('TLSv1.2'), secureOptions: constants.SSL_OP_NO_TICKET }],
] as const;

describe('a slice of the range for each replica', () => {
  it.each(VARIANTS)('hands downloads and uploads over to the replica of the session: %s', async (_what, tls) => {
    await withReplicas({ legacy: { files: { '/large': LARGE } } }, async ({ replicas, replica, backend, loggedIn }) => {
      const client = await loggedIn(0, { tls });
      for (const each of replicas) {
        const { bytes } = await downloadThrough(client, each, 'RETR large', tls);
        expect(bytes.equals(LARGE)).toBe(true);
        await uploadThrough(client, each, `STOR ${each.index}`, LARGE, tls);
        expect(backend.files.get(`/${each.index}`)?.equals(LARGE)).toBe(true);
      }
      expect(await replica(0).metric('handed_over_data_connections_total', 'way="received",outcome="accepted"')).toBe(
        4,
      );
      await expect.poll(() => replica(1).metric('handed_over_data_connections_total', 'outcome="completed"')).toBe(2);
    });
  });
});

const SHARED = { passivePorts: 1 } as const;

describe('one port for all replicas', () => {
  it.each(VARIANTS)('hands over to whoever is alone with an address: %s', async (_what, tls) => {
    await withReplicas(
      { ...SHARED, legacy: { files: { '/large': LARGE } } },
      async ({ replicas, backend, loggedIn }) => {
        const client = await loggedIn(0, { tls });
        for (const each of replicas) {
          // Not resumed: nobody else of this address waits anywhere.
          const { bytes } = await downloadThrough(client, each, 'RETR large', { ...tls, session: undefined });
          expect(bytes.equals(LARGE)).toBe(true);
          await uploadThrough(client, each, `STOR ${each.index}`, LARGE, tls);
          expect(backend.files.get(`/${each.index}`)?.equals(LARGE)).toBe(true);
        }
      },
    );
  });

  it.each(VARIANTS)('tells sessions of one address on different replicas apart by TLS: %s', async (_what, tls) => {
    await withReplicas({ ...SHARED, legacy: { files: {} } }, async ({ replicas, backend, loggedIn }) => {
      for (const { index } of replicas) backend.files.set(`/${index}`, Buffer.from(`for replica ${index}`));
      const clients = await Promise.all(replicas.map(({ index }) => loggedIn(index, { tls })));
      for (const client of clients)
        await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
      // Only who has resumed twice before may wait together with others.
      for (const [index, client] of clients.entries()) await client.earnSharing(`RETR ${index}`, tls);
      for (let shift = 0; shift < 3; shift += 1) {
        const ports = await Promise.all(clients.map((client) => client.epsv()));
        expect(new Set(ports).size).toBe(1);
        const received = await Promise.all(
          clients.map(async (client, index) => {
            const { address } = replicas[(index + shift) % 3] ?? { address: '' };
            const data = await client.openData({ port: ports[index] ?? 0, host: address });
            // As lftp and Python do: the hello comes behind 150.
            client.send(`RETR ${index}`);
            await client.expect(150);
            await data.startTls({ session: client.session, ...tls });
            const { bytes } = await data.readToEnd();
            await client.expect(226);
            return bytes.toString();
          }),
        );
        expect(received).toEqual(replicas.map(({ index }) => `for replica ${index}`));
      }
    });
  });
});

describe('one port and one address', () => {
  const tls = only('TLSv1.3');

  it('serves many sessions that do not resume, on all replicas at once: one after the other', async () => {
    const options = { passivePorts: 1, legacy: { files: {} } };
    await withReplicas(options, async ({ replicas, backend, loggedIn }) => {
      const names = Array.from({ length: 30 }, (_, index) => `${index}`);
      for (const name of names) backend.files.set(`/${name}`, Buffer.from(`content of ${name}`));
      const clients = await Promise.all(names.map((_, index) => loggedIn(index % 3, { tls })));
      for (let round = 0; round < 2; round += 1) {
        const received = await Promise.all(
          clients.map(async (client, index) => {
            const through = replicas[(index + round) % 2] ?? { address: '' };
            const { bytes } = await downloadThrough(client, through, `RETR ${index}`, { ...tls, session: undefined });
            return bytes.toString();
          }),
        );
        expect(received).toEqual(names.map((name) => `content of ${name}`));
      }
    });
  });

  it('lets sessions that have resumed before share it at once', async () => {
    const options = { passivePorts: 1, timeouts: { passivePort: '300ms' }, legacy: { files: {} } };
    await withReplicas(options, async ({ replicas, backend, loggedIn, replica }) => {
      const clients = await Promise.all(replicas.map(({ index }) => loggedIn(index, { tls })));
      for (const { index } of replicas) backend.files.set(`/${index}`, Buffer.from(`for replica ${index}`));
      for (const [index, client] of clients.entries()) {
        await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
        for (let time = 0; time < 2; time += 1) await downloadThrough(client, replica(0), `RETR ${index}`, tls);
      }
      // All wait before the first one comes.
      const ports = await Promise.all(clients.map((client) => client.epsv()));
      expect(new Set(ports).size).toBe(1);
      for (const [index, client] of clients.entries()) {
        const data = await client.openData({ port: ports[index] ?? 0, host: replica((index + 1) % 3).address });
        await client.command(`RETR ${index}`, 150);
        await data.startTls({ session: client.session, ...tls });
        expect((await data.readToEnd()).bytes.toString()).toBe(`for replica ${index}`);
        await client.expect(226);
      }
      // Whoever has not resumed waits in vain.
      const other = await loggedIn(0, { tls });
      const [holder] = clients;
      await holder?.epsv();
      await other.command('EPSV', 425);
    });
  });
});

describe('a data connection that comes too late', () => {
  it('is not given to another session of its address on another replica', async () => {
    await withReplicas({ passivePorts: 1, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, replica }) => {
      const first = await loggedIn(1);
      const port = await first.epsv();
      await first.command('QUIT', 221);
      const second = await loggedIn(0);
      expect(await second.epsv()).toBe(port);
      // Of the first one, that is gone: the second cannot know.
      const late = await second.openData({ port, host: replica(2).address });
      late.startClear();
      late.end('something of another session');
      await late.readToEnd();
      expect(await replica(2).metric('unclaimed_data_connections_total', 'unidentified')).toBe(1);
      expect(replica(0).gateway.passivePorts.waiting).toBe(1);
      // Its own proves itself.
      const data = await second.openData({ port, host: replica(2).address });
      await second.command('RETR a', 150);
      await data.startTls({ session: second.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await second.expect(226);
    });
  });
});

describe('a replica that drains', () => {
  it('lets data connections of the others that go through it finish, and then stops', async () => {
    await withReplicas({ legacy: { files: { '/large': LARGE } } }, async ({ loggedIn, replica }) => {
      const client = await loggedIn(0);
      const data = await client.openData({ host: replica(1).address });
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await data.write(LARGE);
      let drained = false;
      const drain = replica(1)
        .gateway.drain(20_000)
        .then(() => {
          drained = true;
        });
      // It goes on taking them, too.
      const other = await loggedIn(2);
      const { bytes } = await downloadThrough(other, replica(1), 'RETR large');
      expect(bytes.equals(LARGE)).toBe(true);
      expect(drained).toBe(false);
      data.end();
      await client.expect(226);
      await drain;
      await replica(1).gateway.stop();
      await expect.poll(() => replica(0).gateway.replication?.others.find(({ index }) => index === 1)?.up).toBe(false);
    });
  });
});

describe('a replica that has gone in good order, with one port for all', () => {
  it('leaves no doubt behind, except where it has given a connection up', async () => {
    await withReplicas({ passivePorts: 1, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, replica }) => {
      const tls = { ...only('TLSv1.3'), session: undefined };
      const [client, other] = [await loggedIn(0), await loggedIn(0, { localAddress: '127.0.0.51' })];
      const leaving = await loggedIn(1, { localAddress: '127.0.0.51' });
      await leaving.epsv();
      await replica(1).gateway.drain(10_000);
      await replica(1).gateway.stop();
      await expect.poll(() => replica(2).gateway.replication?.others.find(({ index }) => index === 1)?.up).toBe(false);
      // Neither resumes.
      expect((await downloadThrough(client, replica(2), 'RETR a', tls)).bytes.toString()).toBe('abc');
      const data = await other.openData({ host: replica(2).address });
      await other.command('RETR a', 150);
      await expect(data.startTls(tls)).rejects.toThrow();
    });
  });
});

describe('mutual TLS between replicas', () => {
  it('takes the place of a key; a certificate of another replica is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-mutual-'));
    try {
      const authority = await generateAuthority();
      const ca = join(folder, 'ca.pem');
      await writeFile(ca, authority.cert);
      const certificateOf = async (index: number, names: readonly string[]) => {
        const made = await generateServerCertificate(authority, { names, alsoClient: true });
        const [cert, key] = [join(folder, `${index}.pem`), join(folder, `${index}.key`)];
        await writeFile(cert, made.cert);
        await writeFile(key, made.key);
        return { key: null, tls: { cert, key, ca } };
      };
      const right = await Promise.all([0, 1].map((index) => certificateOf(index, [addressOf(index)])));
      const wrong = await certificateOf(2, [addressOf(7)]);
      const options = { legacy: { files: { '/a': 'abc' } }, starts: () => false };
      await withReplicas(options, async ({ start, linked, loggedIn, replica }) => {
        for (const index of [0, 1]) await start(index, right[index]);
        await linked(0, 1);
        const client = await loggedIn(0);
        expect((await downloadThrough(client, replica(1), 'RETR a')).bytes.toString()).toBe('abc');
        await start(2, wrong);
        await replica(0).logs.until({ event: 'replica-refused', cause: 'replication-certificate' });
        const down = await replica(0).logs.until({
          event: 'replica-down',
          replica: 2,
          cause: 'replication-tls-failed',
        });
        expect(down['detail']).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
