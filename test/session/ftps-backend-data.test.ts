/**
 * Data connections to an FTPS backend: always private, of the same backend as the control connection, begun after the command; and how
 * their end is told.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import type { BackendSession } from '../support/backend-session.ts';
import { digest } from '../support/digest.ts';
import { ftpsHouse } from '../support/ftps-backend.ts';
import { type House, only, withGateway } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const FILE = randomBytes(500_000);
const FILES = { '/a': FILE };
/** No tickets and no session ids: nothing can be resumed. */
const NO_RESUMPTION = 0x4000;

describe.each(VERSIONS)('%s', (version) => {
  const tls = { context: only(version) };

  it('T095: twenty transfers, each data connection resumes the session of the control connection', async () => {
    await withGateway(await ftpsHouse({ tls, legacy: { files: FILES } }), async (house) => {
      const client = await house.loggedIn();
      for (let turn = 0; turn < 10; turn++) {
        expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
        await client.upload(`STOR up${turn}`, FILE);
      }
      const data = house.backend.tls?.handshakes.filter(({ channel }) => channel === 'data') ?? [];
      expect(data).toHaveLength(20);
      expect(data.every((each) => each.resumed && each.version === version && each.alpn === false)).toBe(true);
      expect(house.backend.uploads.every(({ complete, bytes }) => complete && bytes.equals(FILE))).toBe(true);
      const line = await house.logs.until({ event: 'transfer', verb: 'RETR' });
      expect(line).toMatchObject({
        backendDataProtection: 'private',
        backendDataTls: version,
        backendDataResumed: true,
        clientDataProtection: 'private',
      });
    });
  });

  it('a session that cannot be resumed is accepted with the same certificate', async () => {
    const context = { ...only(version), secureOptions: NO_RESUMPTION, sessionTimeout: 1 };
    await withGateway(
      await ftpsHouse({ tls: { context, dataContext: context }, legacy: { files: FILES } }),
      async ({ backend, ...house }) => {
        const client = await house.loggedIn();
        expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
        expect(backend.tls?.handshakes.at(-1)).toMatchObject({ channel: 'data', resumed: false });
      },
    );
  });

  it('T099: another certificate without resumption: 425, nothing is sent', async () => {
    const authority = await generateAuthority();
    const other = await generateServerCertificate(authority, { names: ['127.0.0.1'] });
    const dataContext = { ...only(version), cert: other.cert, key: other.key };
    await withGateway(await ftpsHouse({ tls: { ...tls, dataContext } }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('STOR secret', 150);
      await data.startTls({ session: client.session });
      await data.write('secret bytes').catch(() => {});
      await client.expect(425);
      expect(backend.lastSession.lastData.received).toHaveLength(0);
      expect(backend.files.has('/secret')).toBe(false);
      await house.logs.until({ event: 'transfer', cause: 'backend-data-certificate-differs' });
    });
  });

  it('T111: FIN without close_notify, then 426: no close_notify, 426', async () => {
    await withGateway(await ftpsHouse({ tls }), async (house) => {
      const { client, data } = await retrieve(house, (leg, session) => {
        leg.cut();
        session.reply(426, 'Broken.');
      });
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(426);
    });
  });

  it('T113: RST mid-file, then 226: failed', async () => {
    await withGateway(await ftpsHouse({ tls }), async (house) => {
      const { client, data } = await retrieve(house, (leg, session) => {
        leg.reset();
        session.reply(226, 'Done.');
      });
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(426);
      await house.logs.until({ event: 'transfer', cause: 'backend-data-reset' });
    });
  });

  it.each([
    ['tolerant', 226],
    ['strict', 451],
  ] as const)('T115: FIN without close_notify and 226, downloadEnd: %s: %i', async (downloadEnd, code) => {
    await withGateway(await ftpsHouse({ tls, policy: { downloadEnd } }), async (house) => {
      const { client, data } = await retrieve(house, (leg, session) => {
        leg.cut();
        session.reply(226, 'Done.');
      });
      if (code === 226) expect(await data.ending).toBe('close_notify');
      else expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(code);
      if (code === 226) {
        expect(digest(data.received)).toBe(digest(FILE));
        await house.logs.until({ event: 'unclean-download', backend: 'legacy' });
        expect(await house.metrics.render()).toContain('unclean_downloads_total{backend="legacy"} 1');
      } else await house.logs.until({ event: 'transfer', cause: 'backend-data-truncated' });
    });
  });

  it('T112: 226 first, data later: all of it, then close_notify, 226 last', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.reply(226, 'Done already.');
        await new Promise((resolve) => setTimeout(resolve, 300));
        await leg.write(FILE);
        leg.end();
      });
      const client = await house.loggedIn();
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
    });
  });

  it('T114: the end of the data and never a final reply: no close_notify, 451 or 421', async () => {
    await withGateway(await ftpsHouse({ tls, timeouts: { finalReply: '300ms' } }), async (house) => {
      const { client, data } = await retrieve(house, (leg) => leg.end());
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(451, 421);
    });
  });

  it('T120: the control connection dies mid-download: no close_notify, 421', async () => {
    await withGateway(await ftpsHouse({ tls }), async (house) => {
      const { client, data } = await retrieve(house, (_leg, session) => session.socket.destroy());
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(421);
    });
  });

  it('T098: 150, then 522 and the end of the control connection: 522 or 425, then the session ends', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.reply(522, 'SSL connection failed: session reuse required.');
        leg.reset();
        session.end();
      });
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session }).catch(() => {});
      await client.expect(522, 425, 426, 421);
      await expect(client.command('PWD', 421).then(() => client.expectClosed())).resolves.toBeUndefined();
    });
  });

  it('an upload that the client cuts is never complete at the backend', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('STOR cut', 150);
      await data.startTls({ session: client.session });
      await data.write(FILE.subarray(0, 100_000));
      data.raw.resetAndDestroy();
      await client.expect(426);
      await backend.until(() => backend.uploads.length > 0, 'the end of the upload');
      expect(backend.uploads[0]?.complete).toBe(false);
      expect(backend.files.has('/cut')).toBe(false);
    });
  });

  it('an empty listing and an empty file, both ways', async () => {
    await withGateway(await ftpsHouse({ tls, legacy: { files: {} } }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      expect(await client.download('LIST')).toHaveLength(0);
      await client.upload('STOR nothing', '');
      expect(backend.uploads[0]).toMatchObject({ complete: true });
      expect(await client.download('RETR nothing')).toHaveLength(0);
    });
  });

  it('an empty listing whose data connection is reset is no empty listing', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.on('LIST', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        leg.reset();
        session.reply(226, 'Nothing there.');
      });
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('LIST', 150);
      await data.startTls({ session: client.session }).catch(() => {});
      await client.expect(425, 426);
    });
  });

  it('a backend in active mode: we are the TLS client there too', async () => {
    const backend = { dataMode: 'active' };
    await withGateway(await ftpsHouse({ tls, legacy: { files: FILES }, backend }), async (house) => {
      const client = await house.loggedIn();
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
      await client.upload('STOR b', FILE);
      expect(house.backend.files.get('/b')?.equals(FILE)).toBe(true);
      const data = house.backend.tls?.handshakes.filter(({ channel }) => channel === 'data') ?? [];
      expect(data.map(({ resumed }) => resumed)).toEqual([true, true]);
    });
  });

  it('quirk: a backend that says 150 only after the handshake', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        await new Promise((resolve) => leg.socket.once('secure', resolve));
        session.reply(150, 'Now.');
        await leg.write(FILE);
        leg.end();
        session.reply(226, 'Done.');
      });
      const client = await house.loggedIn();
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
    });
  });

  it('quirk: no hello before the transfer command (pyftpdlib drops the connection)', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      let early = -1;
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        early = leg.rawBytes;
        session.reply(150, 'Go.');
        await leg.write(FILE);
        leg.end();
        session.reply(226, 'Done.');
      });
      const client = await house.loggedIn();
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
      expect(early).toBe(0);
    });
  });

  it('T128: refused twenty times while the client still shakes hands; then a transfer works', async () => {
    await withGateway(await ftpsHouse({ tls, legacy: { files: FILES } }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      for (let turn = 0; turn < 20; turn++) {
        const data = await client.openData();
        await client.command('RETR missing', 550);
        data.raw.destroy();
      }
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
      expect(backend.sessions).toHaveLength(1);
    });
  });

  it.each([
    ['2xx without 1xx', [], [226]],
    ['200, then 150', [200, 150], [226]],
    ['125', [125], [226]],
    ['a double 226', [150], [226, 226]],
  ] as const)('T129: %s: one clean sequence', async (_what, before, after) => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        for (const code of before) session.reply(code, 'Go.');
        await leg.write(FILE);
        leg.end();
        for (const code of after) session.reply(code, 'Done.');
      });
      const client = await house.loggedIn();
      expect(digest(await client.download('RETR a'))).toBe(digest(FILE));
      await client.expectNothingMore();
    });
  });

  it('T152: a backend that closes control after the first transfer: 421', async () => {
    await withGateway(await ftpsHouse({ tls, legacy: { files: FILES } }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      await client.download('RETR a');
      backend.lastSession.end();
      await client.expect(421);
      await client.expectClosed();
    });
  });

  it('T154: Latin-1 in replies and names passes unchanged', async () => {
    await withGateway(await ftpsHouse({ tls }), async ({ backend, ...house }) => {
      backend.answer('CWD', '250 Gr\xfc\xdfe \xe9.\r\n');
      const client = await house.loggedIn();
      expect((await client.command('CWD \xe9\xff', 250)).text).toBe('Gr\xfc\xdfe \xe9.');
      expect(backend.commands).toContain('CWD \xe9\xff');
    });
  });
});

it.each([
  ['passive', 'off', 'auto'],
  ['active', 'off', 'active'],
  ['passive', 'explicit', 'auto'],
  ['active', 'explicit', 'active'],
] as const)('a link that is lost before the first reply, %s, tls %s: 421 and nothing left behind', async (_mode, security, dataMode) => {
  const options = security === 'off' ? { backend: { dataMode } } : await ftpsHouse({ backend: { dataMode } });
  await withGateway(options, async ({ backend, ...house }) => {
    backend.on('RETR', (session) => void session.socket.destroy());
    const client = await house.loggedIn();
    await client.openData();
    await client.command('RETR a', 421);
    await client.expectClosed();
  });
});

it('a backend that answers in clear on the data connection: nothing of it reaches the client', async () => {
  await withGateway(await ftpsHouse(), async ({ backend, ...house }) => {
    backend.on('PROT', (session) => session.reply(200, 'Sure.'));
    backend.on('RETR', async (session) => {
      const leg = await session.accept();
      session.reply(150, 'Go.');
      await leg.write('clear text '.repeat(100));
      leg.end();
      session.reply(226, 'Done.');
    });
    const client = await house.loggedIn();
    const data = await client.openData();
    await client.command('RETR a', 150);
    await data.startTls({ session: client.session }).catch(() => {});
    await client.expect(425, 426);
    expect(data.receivedBytes).toBe(0);
    await house.logs.until({ event: 'transfer', cause: 'backend-data-tls-failed' });
  });
});

/** A download of which the backend has sent everything but the end. */
async function retrieve(
  { backend, ...house }: House,
  end: (leg: BackendSession['lastData'], session: BackendSession) => void,
) {
  backend.on('RETR', async (session) => {
    const leg = await session.accept();
    session.reply(150, 'Go.');
    await leg.write(FILE);
    // Bytes and end must not be one: a reset may overtake what it follows.
    await new Promise((resolve) => setTimeout(resolve, 30));
    end(leg, session);
  });
  const client = await house.loggedIn();
  const data = await client.openData();
  await client.command('RETR a', 150);
  await data.startTls({ session: client.session });
  return { client, data };
}
