/** Certificates of clients: who comes in, and which data connections are theirs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientCertificates, type ClientName, makeClientCertificates } from '../support/client-certificates.ts';
import { type HouseOptions, only, withGateway } from '../support/test-gateway.ts';

let made: ClientCertificates;
beforeAll(async () => {
  made = await makeClientCertificates();
});
afterAll(() => made.remove());

/** A gateway that asks for certificates. */
function asking(mode: 'off' | 'request' | 'require', more: HouseOptions = {}): HouseOptions {
  const { ca, crl } = made;
  return { ...more, tls: { clientCertificates: { mode, ca, crl }, ...more.tls } };
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const DOORS = ['explicit', 'implicit'] as const;
const EVERY_WAY = VERSIONS.flatMap((version) => DOORS.map((door) => [version, door] as const));

const BAD: readonly (readonly [ClientName, string])[] = [
  ['expired', 'client-certificate-expired'],
  ['early', 'client-certificate-refused'],
  ['revoked', 'client-certificate-revoked'],
  ['foreign', 'client-certificate-untrusted'],
  ['server', 'client-certificate-refused'],
];

describe.each(EVERY_WAY)('over %s, %s', (version, door) => {
  const withCertificate = (name: ClientName | undefined) => ({
    tls: { ...only(version), ...(name && made.clients[name]) },
  });

  it.each(['request', 'require'] as const)('%s lets a valid certificate in and logs its subject', (mode) =>
    withGateway(asking(mode), async ({ loggedIn, backend, logs }) => {
      backend.files.set('/a.txt', Buffer.from('for alice'));
      const client = await loggedIn(door, withCertificate('alice'));
      expect((await client.download('RETR /a.txt', made.clients.alice)).toString()).toBe('for alice');
      const line = await logs.until({ event: 'login', outcome: 'accepted' });
      expect(line['clientCertificate']).toBe('CN=alice,O=Example');
    }));

  it.each(BAD)('require and request turn away: %s', async (name, code) => {
    for (const mode of ['request', 'require'] as const) {
      await withGateway(asking(mode), async ({ greeted, connect, logs, metrics, backend }) => {
        const client = await (door === 'implicit' ? connect : greeted)(door, withCertificate(name));
        if (door === 'explicit') await client.auth();
        await client.expect(421);
        await client.expectClosed();
        await logs.until({ event: 'tls-failed', channel: 'control', cause: code });
        await logs.until({ event: 'session-ended', outcome: code });
        const counted = `sallyport_tls_handshake_failures_total{side="client",reason="${code}"} 1`;
        expect(await metrics.render()).toContain(counted);
        expect(backend.sessions).toEqual([]);
      });
    }
  });

  it('require turns away who shows none', () =>
    withGateway(asking('require'), async ({ greeted, connect, logs }) => {
      const client = await (door === 'implicit' ? connect : greeted)(door, withCertificate(undefined));
      if (door === 'explicit') await client.auth();
      expect((await client.expect(421)).text).toContain('certificate');
      await client.expectClosed();
      await logs.until({ event: 'tls-failed', cause: 'client-certificate-missing' });
    }));

  it('request lets in who shows none, and asks for none on data connections', () =>
    withGateway(asking('request'), async ({ loggedIn, backend, logs }) => {
      backend.files.set('/a.txt', Buffer.from('for anybody'));
      const client = await loggedIn(door, withCertificate(undefined));
      expect((await client.download('RETR /a.txt', { session: undefined })).toString()).toBe('for anybody');
      expect(await logs.until({ event: 'login' })).not.toHaveProperty('clientCertificate');
    }));

  it('off asks for none', () =>
    withGateway(asking('off'), async ({ loggedIn, logs }) => {
      await loggedIn(door, withCertificate('foreign'));
      expect(await logs.until({ event: 'login' })).not.toHaveProperty('clientCertificate');
    }));

  it.each([
    ['that resumes the TLS session, without its certificate', undefined, true, 226],
    ['with the same certificate, not resumed', 'alice', false, 226],
    ['with another valid certificate', 'bob', false, 522],
    ['without a certificate, not resumed', undefined, false, 522],
    ['with a certificate of another authority', 'foreign', false, 522],
  ] as const)('T092: takes or refuses a data connection %s', (_, name, resume, code) =>
    withGateway(asking('require'), async ({ loggedIn, backend, logs, metrics }) => {
      const client = await loggedIn(door, withCertificate('alice'));
      const data = await client.openData();
      await client.command('STOR /up.txt', 150);
      await data.startTls({
        ...only(version),
        session: resume ? client.session : undefined,
        ...(name && made.clients[name]),
      });
      expect(data.resumed).toBe(resume);
      data.write('from alice').catch(() => {});
      data.end();
      await client.expect(code);
      if (code === 226) return expect(backend.files.get('/up.txt')?.toString()).toBe('from alice');
      await logs.until({ event: 'transfer', outcome: 'failed', cause: 'client-data-certificate-mismatch' });
      const counted =
        'sallyport_data_connection_failures_total{side="client",cause="client-data-certificate-mismatch"} 1';
      expect(await metrics.render()).toContain(counted);
    }));
});

it('T092: asks for the same certificate in active mode', () =>
  withGateway(asking('require'), async ({ loggedIn, backend }) => {
    backend.files.set('/a.txt', Buffer.from('for alice'));
    const client = await loggedIn('explicit', { tls: made.clients.alice });
    for (const [name, code] of [
      ['bob', 522],
      ['alice', 226],
    ] as const) {
      const port = await client.active('EPRT');
      client.send('RETR /a.txt');
      await client.expect(150);
      const data = await port.connection();
      await data.startTls(made.clients[name]).catch(() => {});
      await client.expect(code);
    }
  }));

it('lets a listener differ', async () => {
  const { ca, foreignCa } = made;
  const tls = { clientCertificates: { mode: 'require', ca } };
  const listeners = {
    implicit: { clientCertificates: { ca: foreignCa } },
    explicit6: { clientCertificates: { mode: 'off' } },
  };
  await withGateway({ tls, listeners }, async ({ loggedIn, encrypted, connect }) => {
    await loggedIn('explicit', { tls: made.clients.alice });
    await encrypted('implicit', { tls: made.clients.foreign });
    await (await connect('implicit', { tls: made.clients.alice })).expect(421);
  });
});

it('refuses all certificates of an authority whose list has expired', () =>
  withGateway(
    asking('request', { tls: { clientCertificates: { mode: 'request', ca: made.ca, crl: made.expiredCrl } } }),
    async ({ greeted, logs }) => {
      const client = await greeted('explicit', { tls: made.clients.alice });
      await client.auth();
      await client.expect(421);
      const line = await logs.until({ event: 'tls-failed', cause: 'client-certificate-refused' });
      expect(line['detail']).toContain('CRL_HAS_EXPIRED');
    },
  ));
