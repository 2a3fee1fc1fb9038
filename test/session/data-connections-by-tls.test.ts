/**
 * Data connections that find their session by TLS: ticket keys and session ids of the control session (T086–T093), one
 * shared port, other addresses, and what happens to those who cannot prove who they are.
 */
import { constants, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { testCertificate } from '../support/certificates.ts';
import { ClientData } from '../support/client-data.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { only, withGateway } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const ONE_PORT = { passivePorts: 1, timeouts: { passivePort: '100ms' } } as const;

/** A client that has its ticket: TLS 1.3 sends it after the handshake. */
async function withTicket(client: ScriptedClient): Promise<ScriptedClient> {
  await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
  return client;
}

describe.each(VERSIONS)('one shared port over %s', (version) => {
  it('serves thirty sessions of one address at once, each with its own data', async () => {
    await withGateway({ legacy: { files: {} }, ...ONE_PORT }, async ({ loggedIn, backend }) => {
      for (let index = 0; index < 30; index += 1) backend.files.set(`/${index}`, Buffer.from(`for RETR ${index}`));
      const clients = await Promise.all(
        Array.from({ length: 30 }, async () => withTicket(await loggedIn('explicit', { tls: only(version) }))),
      );
      for (const client of clients) await client.earnSharing('RETR 0', only(version));
      // All wait on the port before the first one comes.
      const ports = await Promise.all(clients.map((client) => client.epsv()));
      expect(new Set(ports).size).toBe(1);
      const received = await Promise.all(
        clients.map(async (client, index) => {
          const data = await client.openData({ port: ports[index] ?? 0 });
          client.send(`RETR ${index}`);
          await client.expect(150);
          await data.startTls({ session: client.session, ...only(version) });
          const { bytes } = await data.readToEnd();
          await client.expect(226);
          expect(data.resumed).toBe(true);
          return bytes.toString();
        }),
      );
      expect(received).toEqual(clients.map((_, index) => `for RETR ${index}`));
    });
  });
});

describe('one port for everybody', () => {
  it('serves a hundred sessions of one address at once, from their first data connection on', async () => {
    const options = { passivePorts: 1, legacy: { files: {} } };
    await withGateway(options, async ({ loggedIn, backend }) => {
      const names = Array.from({ length: 100 }, (_, index) => `${index}`);
      for (const name of names) backend.files.set(`/${name}`, Buffer.from(`content of ${name}`));
      const clients = await Promise.all(names.map(async () => withTicket(await loggedIn())));
      for (let round = 0; round < 2; round += 1) {
        const received = await Promise.all(clients.map((client, index) => client.download(`RETR ${names[index]}`)));
        expect(received.map(String)).toEqual(names.map((name) => `content of ${name}`));
      }
    });
  });
});

describe('T086: the session of the control connection is resumed on data connections', () => {
  it.each([
    ['TLS 1.2 ticket', only('TLSv1.2')],
    ['TLS 1.2 session id', { ...only('TLSv1.2'), secureOptions: constants.SSL_OP_NO_TICKET }],
    ['TLS 1.3 ticket', only('TLSv1.3')],
  ])('%s', async (_what, tls) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, logs }) => {
      const client = await withTicket(await loggedIn('explicit', { tls }));
      expect((await client.download('RETR a', tls)).toString()).toBe('abc');
      expect(await logs.until({ event: 'transfer' })).toMatchObject({ clientDataResumed: true });
    });
  });
});

describe('T089: how long the session of the control connection can be resumed', () => {
  it.each(VERSIONS)('a day, longer than any control session lasts (%s)', async (version) => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await withTicket(await loggedIn('explicit', { tls: only(version) }));
      // SSL_SESSION, ticket lifetime [9] EXPLICIT INTEGER: 86,400 seconds.
      const aDay = Buffer.from('a9050203015180', 'hex');
      expect(client.session?.includes(aDay)).toBe(true);
    });
  });
});

describe('T090: fifty transfers in one session over TLS 1.3', () => {
  const tls = only('TLSv1.3');

  it.each([
    ['that shows one ticket each time', 'true', 0],
    ['that spends its ticket on the first and has none for the others (quirk: curl)', 'false', 49],
  ] as const)('of a client %s', async (_what, resumed, without) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend, metrics }) => {
      const client = await withTicket(await loggedIn('explicit', { tls }));
      for (let done = 0; done < 50; done += 2) {
        const options = without > 0 && done > 0 ? { ...tls, session: undefined } : tls;
        expect((await client.download('RETR a', options)).toString()).toBe('abc');
        await client.upload('STOR b', `upload ${done}`, without > 0 ? { ...tls, session: undefined } : tls);
        expect(backend.files.get('/b')?.toString()).toBe(`upload ${done}`);
      }
      const handshakes = 'tls_handshakes_total{side="client",channel="data",version="TLSv1.3"';
      expect(await metrics.render()).toContain(`${handshakes},resumed="${resumed}"} ${without || 50}\n`);
    });
  });
});

describe('T091: the certificate of data connections', () => {
  it('is that of the control connection, whatever name they ask for and whatever has become of the files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-names-'));
    try {
      const [first, authority] = await Promise.all([testCertificate(), generateAuthority()]);
      const plant = await generateServerCertificate(authority, { names: ['ftp.plant.example'] });
      const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
      await writeFile(files.cert, plant.cert);
      await writeFile(files.key, plant.key, { mode: 0o600 });
      const certificates = [{ cert: first.cert, key: first.key }, files];
      await withGateway({ tls: { certificates }, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
        const client = await loggedIn('explicit', { tls: { servername: 'ftp.plant.example' } });
        const pinned = client.tls?.getPeerX509Certificate()?.fingerprint256;
        expect(pinned).toBe(new X509Certificate(plant.cert).fingerprint256);
        await copyFile(first.cert, files.cert);
        await copyFile(first.key, files.key);
        for (const version of VERSIONS) {
          for (const servername of ['ftp.plant.example', 'localhost', '']) {
            const port = await client.epsv();
            client.send('RETR a');
            const choice = { servername, ...only(version), rejectUnauthorized: false };
            const data = connectTls({ host: '127.0.0.1', port, ...choice });
            await once(data, 'secureConnect');
            expect(data.getPeerX509Certificate()?.fingerprint256).toBe(pinned);
            data.resume();
            await client.expect(150);
            await client.expect(226);
            data.destroy();
          }
        }
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('T087: the ticket of another session', () => {
  it('is not resumed, and under require refused with 522; the control connection stays', async () => {
    await withGateway(
      { legacy: { files: { '/a': 'abc' } }, policy: { sessionReuse: 'require' } },
      async ({ loggedIn }) => {
        const [mine, other] = [await withTicket(await loggedIn()), await withTicket(await loggedIn())];
        const data = await mine.openData();
        mine.send('RETR a');
        await mine.expect(150);
        await data.startTls({ session: other.session }).catch(() => {});
        await mine.expect(522);
        expect((await mine.download('RETR a')).toString()).toBe('abc');
      },
    );
  });

  it('on a shared port leads to nobody: closed, and the rightful client is served', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn, metrics }) => {
      const [one, two, third] = await Promise.all([1, 2, 3].map(async () => withTicket(await loggedIn())));
      for (const client of [one!, two!]) await client.earnSharing('RETR a');
      const port = await one!.epsv();
      await two!.epsv();
      const stranger = await ClientData.connect({ host: '127.0.0.1', port });
      await expect(stranger.startTls({ session: third!.session })).rejects.toThrow();
      expect(await metrics.render()).toContain('unclaimed_data_connections_total{cause="unidentified"} 1');
      const data = await ClientData.connect({ host: '127.0.0.1', port });
      one!.send('RETR a');
      await one!.expect(150);
      await data.startTls({ session: one!.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await one!.expect(226);
    });
  });
});

describe('T088: sessionReuse', () => {
  it.each([
    'RETR a',
    'STOR b',
  ])('require: a client that never resumes gets 522 to %s with a clear text, and goes on', async (line) => {
    await withGateway(
      { legacy: { files: { '/a': 'abc' } }, policy: { sessionReuse: 'require' } },
      async ({ loggedIn, logs, backend }) => {
        const client = await loggedIn();
        const data = await client.openData();
        client.send(line);
        await client.expect(150);
        await data.startTls().catch(() => {});
        expect((await client.expect(522)).text).toContain('resume');
        expect(await logs.until({ event: 'transfer' })).toMatchObject({ cause: 'tls-session-not-resumed' });
        await client.command('NOOP', 200);
        await backend.received('ABOR');
        expect(await backend.lastSession.lastData.ending).toBe('reset');
        expect([...backend.files.keys()]).toEqual(['/a']);
      },
    );
  });

  it('off: nothing is resumed', async () => {
    await withGateway(
      { legacy: { files: { '/a': 'abc' } }, policy: { sessionReuse: 'off' } },
      async ({ loggedIn, logs }) => {
        const client = await withTicket(await loggedIn());
        expect((await client.download('RETR a')).toString()).toBe('abc');
        expect(await logs.until({ event: 'transfer' })).toMatchObject({ clientDataResumed: false });
      },
    );
  });
});

describe('sharing needs proof', () => {
  it('a client that did not resume last time shares with nobody: 425 while the only port is taken', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn }) => {
      const [never, always] = [await loggedIn(), await withTicket(await loggedIn())];
      const data = await never.openData();
      never.send('RETR a');
      await never.expect(150);
      await data.startTls();
      await data.readToEnd();
      await never.expect(226);
      await always.earnSharing('RETR a');
      await always.epsv();
      await never.command('EPSV', 425);
      await always.command('ABOR', 226);
      await never.command('EPSV', 229);
    });
  });

  it('a client that resumes every other time only (curl spends its tickets over TLS 1.3) shares with nobody', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn }) => {
      const [alternating, always] = [await withTicket(await loggedIn()), await withTicket(await loggedIn())];
      await always.earnSharing('RETR a');
      for (const resumes of [true, false, true]) {
        const data = await alternating.openData();
        await alternating.command('RETR a', 150);
        await data.startTls(resumes ? { session: alternating.session } : {});
        await data.readToEnd();
        await alternating.expect(226);
        expect(data.resumed).toBe(resumes);
      }
      await always.epsv();
      await alternating.command('EPSV', 425);
      await always.command('ABOR', 226);
      await alternating.command('EPSV', 229);
    });
  });

  it('a client that shows one session for another (one TLS cache for all) shares with nobody from then on', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn }) => {
      const [one, two] = [await withTicket(await loggedIn()), await withTicket(await loggedIn())];
      await one.earnSharing('RETR a');
      await two.earnSharing('RETR a');
      const data = await one.openData();
      one.send('RETR a');
      await one.expect(150);
      await data.startTls({ session: two.session });
      await data.readToEnd();
      await one.expect(226);
      await one.epsv();
      await two.command('EPSV', 425);
    });
  });

  it('a client that comes again with the TLS session of its last visit, which has ended, may share', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn, gateway }) => {
      const last = await withTicket(await loggedIn());
      const { session } = last;
      await last.command('QUIT', 221);
      await expect.poll(() => gateway.activeSessions, { interval: 2 }).toBe(0);
      const again = await withTicket(await loggedIn('explicit', session === undefined ? {} : { tls: { session } }));
      const other = await withTicket(await loggedIn());
      for (const client of [again, other]) await client.earnSharing('RETR a');
      expect(await again.epsv()).toBe(await other.epsv());
    });
  });

  it('PASV waits for a port that is about to be free', async () => {
    const options = { passivePorts: 1, policy: { sessionReuse: 'off' }, legacy: { files: { '/a': 'abc' } } };
    await withGateway(options, async ({ loggedIn }) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => loggedIn()));
      const received = await Promise.all(clients.map((client) => client.download('RETR a')));
      expect(received.map(String)).toEqual(clients.map(() => 'abc'));
    });
  });

  it('a connection without a ticket on a shared port belongs to nobody', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, ...ONE_PORT }, async ({ loggedIn }) => {
      const [one, two] = [await withTicket(await loggedIn()), await withTicket(await loggedIn())];
      for (const client of [one, two]) await client.earnSharing('RETR a');
      const port = await one.epsv();
      await two.epsv();
      const data = await ClientData.connect({ host: '127.0.0.1', port });
      await expect(data.startTls()).rejects.toThrow();
    });
  });

  it('data.peer any: the ticket decides and not the address; who has none gets 425', async () => {
    const options = { data: { peer: 'any' }, legacy: { files: { '/a': 'abc' } }, ...ONE_PORT };
    await withGateway(options, async ({ loggedIn, metrics }) => {
      const client = await withTicket(await loggedIn());
      for (const localAddress of ['127.0.0.1', '127.0.0.9']) {
        const port = await client.epsv();
        const stranger = await ClientData.connect({ host: '127.0.0.1', port });
        await expect(stranger.startTls()).rejects.toThrow();
        const data = await ClientData.connect({ host: '127.0.0.1', port, localAddress });
        client.send('RETR a');
        const tls = data.startTls({ session: client.session });
        await client.expect(150);
        await tls;
        expect((await data.readToEnd()).bytes.toString()).toBe('abc');
        await client.expect(226);
      }
      expect(await metrics.render()).toContain('unclaimed_data_connections_total{cause="unidentified"} 2');
    });
    const never = { ...options, policy: { sessionReuse: 'off' } };
    await withGateway(never, async ({ loggedIn }) => {
      await (await loggedIn()).command('EPSV', 425);
    });
  });

  it('a client whose data come from another address is known by its ticket (carrier NAT)', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await withTicket(await loggedIn());
      const port = await client.epsv();
      const data = await ClientData.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.9' });
      client.send('RETR a');
      // The address is not enough: the ticket must be seen first.
      const tls = data.startTls({ session: client.session });
      await client.expect(150);
      await tls;
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });
});

describe('T106: an uploader that never reads and never resumes', () => {
  it('loses nothing where TLS 1.2 is on offer: its data connection gets that, without tickets', async () => {
    await withGateway({}, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      const bytes = Buffer.alloc(5_000_000, 'x');
      const data = await client.openData();
      client.send('STOR a');
      await client.expect(150);
      await data.startTls();
      data.stopReading();
      await data.write(bytes);
      data.end();
      await client.expect(226);
      expect(backend.uploads[0]?.bytes.length).toBe(bytes.length);
      expect(await logs.until({ event: 'transfer' })).toMatchObject({ clientDataTls: 'TLSv1.2', outcome: 'completed' });
    });
  });
});
