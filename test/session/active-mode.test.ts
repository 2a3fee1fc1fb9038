/**
 * Active mode: the gateway connects to the client, to its own address only, when the transfer begins.
 */
import { describe, expect, it } from 'vitest';
import { downloadTo } from '../support/download-to.ts';
import { BALANCER } from '../support/scripted-balancer.ts';
import { CLEAR_ALLOWED, FAMILIES, only, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

describe.each(FAMILIES)('a client in active mode over %s', (family, { explicit, implicit }) => {
  const verbs = family === 'IPv4' ? (['PORT', 'EPRT'] as const) : (['EPRT'] as const);

  describe.each(verbs)('%s', (verb) => {
    it.each(VERSIONS)('T080: downloads, uploads and lists over %s; the gateway is the TLS server', async (version) => {
      await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
        const client = await loggedIn(explicit, { tls: only(version) });
        expect(await downloadTo(client, await client.active(verb))).toBe('abc');

        const port = await client.active(verb);
        await client.command('STOR b', 150);
        const data = await port.connection();
        await data.startTls({ session: client.session, ...only(version) });
        expect(data.version).toBe(version);
        expect(data.resumed).toBe(true);
        await data.write('uploaded');
        data.end();
        await client.expect(226);
        expect(backend.files.get('/b')?.toString()).toBe('uploaded');

        expect(await downloadTo(client, await client.active(verb), 'NLST')).toBe('a\r\nb\r\n');
        for (const never of ['PORT', 'EPRT']) expect(backend.verbs).not.toContain(never);
      });
    });
  });

  it('comes from the address of the control connection, at the implicit door too', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      for (const door of [explicit, implicit]) {
        const client = await loggedIn(door);
        const port = await client.active('EPRT');
        const downloaded = downloadTo(client, port);
        const { raw } = await port.connection();
        expect(raw.remoteAddress).toBe(client.socket.remoteAddress);
        expect(await downloaded).toBe('abc');
      }
    });
  });

  it('T080: the other family is refused with 522, an unknown one too; both name the right one', async () => {
    await withGateway({}, async ({ loggedIn, gateway }) => {
      const client = await loggedIn(explicit);
      const [own, other] = family === 'IPv4' ? ['1', '|2|::1|51210|'] : ['2', '|1|127.0.0.1|51210|'];
      expect((await client.command(`EPRT ${other}`, 522)).text).toContain(`(${own})`);
      expect((await client.command('EPRT |3|x|51210|', 522)).text).toContain(`(${own})`);
      expect(gateway.passivePorts.waiting).toBe(0);
    });
  });
});

describe('PORT and EPRT', () => {
  it('in clear, where the policy allows it', async () => {
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: FILES } }, async ({ greeted }) => {
      const client = await greeted();
      await client.login();
      const port = await client.active('PORT');
      await client.command('RETR a', 150);
      const { bytes, ending } = await (await port.connection()).startClear().readToEnd();
      expect([bytes.toString(), ending]).toEqual(['abc', 'fin']);
      await client.expect(226);
    });
  });

  it('T080: nobody is connected to before the transfer command, nor when the policy refuses that', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      const port = await client.active('PORT');
      await client.expectNothingMore();
      await client.command('RETR a', 521);
      await client.expectNothingMore();
      expect(port.accepted).toHaveLength(0);
      await client.protect();
      expect(await downloadTo(client, port)).toBe('abc');
    });
  });

  it('the client is connected to before the backend hears the command: 425, and the old file stays', async () => {
    await withGateway({ legacy: { files: { '/old': 'precious' } } }, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      (await client.active('PORT')).close();
      await client.command('STOR old', 425);
      expect(backend.verbs).not.toContain('STOR');
      expect(backend.files.get('/old')?.toString()).toBe('precious');
      await logs.until({ event: 'transfer', cause: 'client-data-refused' });
      expect((await client.download('RETR old')).toString()).toBe('precious');
    });
  });

  it('a refusal of the backend reaches the client, and the connection to it is closed', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('RETR missing', 550);
      const data = await port.connection();
      expect(['fin', 'reset']).toContain((await data.startClear().readToEnd()).ending);
    });
  });

  it('quirk: a client that sends its file in clear under PROT P gets 522, and no file is left as complete (curl 7.88)', async () => {
    await withGateway({}, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('STOR clear', 150);
      const data = (await port.connection()).startClear();
      await data.write('this goes over the wire as it is');
      data.end();
      await client.expect(522);
      await logs.until({ event: 'transfer', cause: 'client-data-tls-failed' });
      await backend.until(() => backend.uploads.length > 0, 'the end of the upload');
      expect(backend.uploads).toEqual([{ name: '/clear', bytes: Buffer.alloc(0), complete: false }]);
    });
  });

  it('a client that says nothing gets 522 in time', async () => {
    const options = { legacy: { files: FILES }, timeouts: { tlsHandshake: '200ms' } };
    await withGateway(options, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('RETR a', 150);
      (await port.connection()).startClear();
      await client.expect(522);
      await logs.until({ event: 'transfer', cause: 'client-data-tls-timeout' });
    });
  });

  it('an upload that is cut is told as 426 here too', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('STOR cut', 150);
      const data = await port.connection();
      await data.startTls({ session: client.session });
      await data.write('half');
      data.endWithoutCloseNotify();
      await client.expect(426);
      await backend.until(() => backend.uploads.length > 0, 'the end of the upload');
      expect(backend.uploads).toEqual([expect.objectContaining({ complete: false })]);
    });
  });

  it('T081: 226 never overtakes the data, however fast the backend is and however late the client reads', async () => {
    const big = Buffer.alloc(300_000, 'x');
    await withGateway({ legacy: { files: { '/big': big } } }, async ({ loggedIn, backend }) => {
      backend.on('LIST', async (session) => {
        const data = await session.accept();
        await data.write('fast\r\n');
        data.end();
        session.raw('150 Here.\r\n226 Done.\r\n');
      });
      const client = await loggedIn();
      const lists = await client.active('PORT');
      await client.command('LIST', 150);
      const listing = await lists.connection();
      await listing.startTls({ session: client.session });
      await client.expect(226);
      expect(listing.received.toString()).toBe('fast\r\n');

      const port = await client.active('PORT');
      await client.command('RETR big', 150);
      const data = await port.connection();
      await data.startTls({ session: client.session });
      data.pause();
      // The backend has sent all, and has seen the end.
      await backend.lastSession.lastData.ending;
      expect(client.unread).toBe('');
      data.resume();
      await client.expect(226);
      expect(data.receivedBytes).toBe(big.length);
    });
  });

  it('one setup serves one transfer: the next one needs its own', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      expect(await downloadTo(client, port)).toBe('abc');
      await client.command('RETR a', 425);
      expect(port.accepted).toHaveLength(1);
    });
  });

  it('REST stays next to its transfer', async () => {
    await withGateway({ legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('REST 4', 350);
      expect(await downloadTo(client, await client.active('PORT'))).toBe('456789');
      const port = await client.active('PORT');
      await client.command('REST 7', 350);
      expect(await downloadTo(client, port)).toBe('789');
    });
  });
});

describe('T071: the last of PASV, EPSV, PORT and EPRT counts', () => {
  it('PASV then PORT: PORT is used and the passive port is given back', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      await client.pasv();
      expect(gateway.passivePorts.waiting).toBe(1);
      const port = await client.active('PORT');
      expect(gateway.passivePorts.waiting).toBe(0);
      expect(await downloadTo(client, port)).toBe('abc');
    });
  });

  it('PORT then PASV: nobody connects to the client', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(port.accepted).toHaveLength(0);
    });
  });

  it('PORT then EPRT: the second port is used', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const first = await client.active('PORT');
      expect(await downloadTo(client, await client.active('EPRT'))).toBe('abc');
      expect(first.accepted).toHaveLength(0);
    });
  });

  it('ABOR gives the setup up', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.active('PORT');
      await client.command('ABOR', 225, 226);
      await client.command('RETR a', 425);
      expect(port.accepted).toHaveLength(0);
    });
  });
});

describe('sessionReuse: require', () => {
  it.each(VERSIONS)('counts in active mode too (%s)', async (version) => {
    const options = { policy: { sessionReuse: 'require' }, legacy: { files: FILES } };
    await withGateway(options, async ({ loggedIn }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const port = await client.active('PORT');
      await client.command('RETR a', 150);
      const data = await port.connection();
      await data.startTls(only(version)).catch(() => {});
      await client.expect(522);
      expect(await downloadTo(client, await client.active('PORT'))).toBe('abc');
    });
  });
});

describe('behind a balancer', () => {
  it('the client of the PROXY header is connected to, past the balancer; the balancer itself is no target', async () => {
    const proxyProtocol = { control: 'required', trusted: [BALANCER] };
    await withGateway({ proxyProtocol, balancer: {}, legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn('explicit', { localAddress: '127.0.0.4' });
      await client.command(`PORT ${BALANCER.replaceAll('.', ',')},200,10`, 504);
      await client.command('PORT 127,0,0,1,200,10', 504);
      const port = await client.active('PORT');
      expect(port.address).toBe('127.0.0.4');
      expect(await downloadTo(client, port)).toBe('abc');
    });
  });
});
