/**
 * TLS encryption: versions, ALPN, the order of handshakes on data connections, and that nothing travels in clear where
 * protection was agreed.
 */
import { describe, expect, it } from 'vitest';
import { FAMILIES, only, withGateway } from '../support/test-gateway.ts';

describe('the control connection', () => {
  it.each([
    'explicit',
    'implicit',
  ] as const)('T024: a client that only speaks TLS 1.1 gets an alert and is closed (%s)', async (door) => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await withGateway({}, async ({ connect, greeted, backend }) => {
      if (door === 'implicit')
        await expect(connect(door, { tls: old })).rejects.toThrow(/alert protocol version|closed/);
      else {
        const client = await greeted(door);
        await client.command('AUTH TLS', 234);
        await expect(client.startTls(old)).rejects.toThrow(/alert protocol version|closed/);
        await client.expectClosed();
      }
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted();
      await client.auth('TLS', only(version));
      expect(client.tls?.getProtocol()).toBe(version);
      await client.login();
    });
  });

  it('tls.minVersion TLSv1.3 refuses a TLS 1.2 client', async () => {
    await withGateway({ tls: { minVersion: 'TLSv1.3' } }, async ({ greeted }) => {
      const client = await greeted();
      await client.command('AUTH TLS', 234);
      await expect(client.startTls(only('TLSv1.2'))).rejects.toThrow(/alert protocol version|closed/);
    });
  });

  it('tls.maxVersion TLSv1.2 answers a modern client with TLS 1.2', async () => {
    await withGateway({ tls: { maxVersion: 'TLSv1.2' }, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      expect(client.tls?.getProtocol()).toBe('TLSv1.2');
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('T026: a client that offers only ALPN h2 is refused: no_application_protocol', async () => {
    await withGateway({}, async ({ greeted, connect }) => {
      const client = await greeted();
      await client.command('AUTH TLS', 234);
      await expect(client.startTls({ ALPNProtocols: ['h2', 'http/1.1'] })).rejects.toThrow(/no application protocol/);
      await expect(connect('implicit', { tls: { ALPNProtocols: ['h2'] } })).rejects.toThrow(/no application protocol/);
    });
  });

  it('T027: of x-filezilla-ftp and ftp, ftp is chosen', async () => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted();
      await client.auth('TLS', { ALPNProtocols: ['x-filezilla-ftp', 'ftp'] });
      expect(client.tls?.alpnProtocol).toBe('ftp');
      await client.login();
    });
  });

  it('T028: a client without ALPN and SNI works, and one with SNI too', async () => {
    await withGateway({}, async ({ greeted }) => {
      for (const servername of ['', 'localhost']) {
        const client = await greeted();
        await client.auth('TLS', servername === '' ? {} : { servername });
        expect(client.tls?.alpnProtocol).toBe(false);
        await client.login();
      }
    });
  });

  it('T018: CCC is refused with 534 under TLS and the connection stays encrypted; in clear 533', async () => {
    await withGateway({}, async ({ loggedIn, greeted, backend }) => {
      const client = await loggedIn();
      await client.command('CCC', 534);
      await client.expectNothingMore();
      const clear = await greeted();
      await clear.command('CCC', 533);
      expect(backend.verbs).not.toContain('CCC');
    });
  });
});

describe.each(FAMILIES)('the data connection over %s', (_family, { explicit }) => {
  it.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('T085: the handshake may be finished before the transfer command (%s)', async (version) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit, { tls: only(version) });
      const down = await client.openData();
      await down.startTls({ ...only(version), session: client.session });
      await client.command('RETR a', 150);
      expect((await down.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      const up = await client.openData();
      await up.startTls({ ...only('TLSv1.2') });
      await up.write('early');
      up.end();
      await client.command('STOR b', 150);
      await client.expect(226);
      expect(backend.files.get('/b')?.toString()).toBe('early');
    });
  });

  it.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('T083: the handshake may come before 150, as curl has it (%s)', async (version) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const { promise: secured, resolve: letGo } = Promise.withResolvers<void>();
      backend.on('RETR', async (session, command) => {
        await secured;
        await session.byDefault(command);
      });
      const client = await loggedIn(explicit, { tls: only(version) });
      const data = await client.openData();
      client.send('RETR a');
      await data.startTls({ ...only(version), session: client.session });
      expect(client.unread).toBe('');
      letGo();
      await client.expect(150);
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('T084: 150 does not wait for the handshake of the client', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await loggedIn(explicit);
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it.each([
    'STOR a',
    'RETR a',
  ])('T093: clear text on a protected data connection fails %s with 522 and goes nowhere', async (line) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      const data = await client.openData();
      data.startClear();
      await client.command(line, 150);
      await data.write('secret in clear text, longer than any TLS record header');
      await client.expect(522);
      expect(data.received.toString('latin1')).not.toContain('abc');
      for (const connection of backend.lastSession.data) expect(connection.received).toHaveLength(0);
      expect(backend.files.get('/a')?.toString()).toBe('abc');
      expect(backend.uploads.filter(({ complete }) => complete)).toEqual([]);
      await client.expectNothingMore();
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('a data handshake with TLS 1.1 fails with 522 and the session goes on', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await loggedIn(explicit);
      const data = await client.openData();
      await client.command('RETR a', 150);
      const tls = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      await expect(data.startTls(tls)).rejects.toThrow();
      await client.expect(522);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('no byte of a protected transfer can be read off the wire', async () => {
    const marker = 'very recognisable content '.repeat(40);
    await withGateway({ legacy: { files: { '/a': marker } } }, async ({ loggedIn }) => {
      const client = await loggedIn(explicit);
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe(marker);
      expect(data.wire.length).toBeGreaterThan(marker.length);
      expect(data.wire.toString('latin1')).not.toContain('very recognisable');
      await client.expect(226);
    });
  });
});
