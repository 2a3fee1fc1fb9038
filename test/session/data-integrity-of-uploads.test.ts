/**
 * Data integrity of uploads: what was cut is never told as whole. Every way in which a client, or a backend, can end an
 * upload, over TLS 1.2 and 1.3 and in clear.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digest } from '../support/digest.ts';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { CLEAR_ALLOWED, only, withGateway } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const FILE = randomBytes(500_000);

/** As vsftpd does: ABOR is not looked at before the data has ended. Keeps whether the data had ended when ABOR came. */
function looksAtAborLate(backend: ScriptedBackend): { ended: string | undefined } {
  const atAbor: { ended: string | undefined } = { ended: undefined };
  backend.on('ABOR', async (session) => {
    atAbor.ended = session.lastData.ended ?? 'open';
    await session.transfer;
    session.reply(225, 'No transfer to ABOR.');
  });
  return atAbor;
}

describe.each(VERSIONS)('uploads over %s', (version) => {
  it.each([
    0, 1, 100, 65_536, 500_000,
  ])('T103: %i bytes that end by close_notify and FIN in one packet: 226, stored whole', async (size) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      data.end(FILE.subarray(0, size));
      await client.expect(226);
      expect(backend.uploads).toMatchObject([{ name: '/a', complete: true }]);
      expect(digest(backend.files.get('/a'))).toBe(digest(FILE.subarray(0, size)));
      expect(backend.lastSession.lastData.ended).toBe('fin');
    });
  });

  const CUTS = [
    ['T104', 'FIN without close_notify', 'endWithoutCloseNotify'],
    ['T105', 'RST', 'reset'],
  ] as const;

  it.each(
    CUTS,
  )('%s: an upload cut by %s: 426; the backend hears ABOR, then its data connection is reset', async (_id, _what, cut) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const atAbor = looksAtAborLate(backend);
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      await data.write(FILE.subarray(0, 100_000));
      data[cut]();
      await client.expect(426);
      expect(backend.verbs).toContain('ABOR');
      expect(atAbor.ended).toBe('open');
      expect(backend.lastSession.lastData.ended).toBe('reset');
      expect(backend.uploads.map(({ complete }) => complete)).toEqual([false]);
      expect(backend.files.has('/a')).toBe(false);
      await client.command('PWD', 257);
      await client.upload('STOR a', FILE);
      expect(digest(backend.files.get('/a'))).toBe(digest(FILE));
    });
  });

  it.each(CUTS)('%s: an empty upload cut by %s is not told as an empty file', async (_id, _what, cut) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      data[cut]();
      await client.expect(426);
      expect(backend.uploads.filter(({ complete }) => complete)).toEqual([]);
      await client.command('PWD', 257);
    });
  });

  it.each(
    CUTS,
  )('T108 (after %s): cut by %s before a backend that says 226 to a reset: still 426', async (_id, _what, cut) => {
    await withGateway({}, async ({ loggedIn, backend, logs }) => {
      backend.on('STOR', async (session) => {
        const data = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          await data.ending;
          session.reply(226, 'Transfer complete.');
        });
      });
      looksAtAborLate(backend);
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      await data.write('partial');
      data[cut]();
      await client.expect(426);
      await client.command('PWD', 257);
      const line = await logs.until({ event: 'transfer', direction: 'upload' });
      expect(line.outcome).not.toBe('completed');
    });
  });

  it('uploadEnd tolerant: FIN without close_notify is taken as the end, logged and counted; RST is not', async () => {
    await withGateway({ policy: { uploadEnd: 'tolerant' } }, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      await data.write('content');
      data.endWithoutCloseNotify();
      await client.expect(226);
      expect(backend.files.get('/a')?.toString()).toBe('content');
      await logs.until({ event: 'unclean-upload' });
      const second = await client.openData();
      await client.command('STOR b', 150);
      await second.startTls({ ...only(version), session: client.session });
      await second.write('content');
      await backend.until(() => backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
      second.reset();
      await client.expect(426);
      expect(backend.files.has('/b')).toBe(false);
    });
  });

  it('T132: a client that closes without a handshake leaves no phantom file', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      data.raw.end();
      await client.expect(522);
      expect(backend.uploads.filter(({ complete }) => complete)).toEqual([]);
      expect(backend.files.has('/a')).toBe(false);
      await client.command('PWD', 257);
    });
  });

  it('T134: nothing is written to the client on an upload', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.on('STOR', async (session, command) => {
        await session.byDefault(command);
        void session.lastData.write('a backend that talks during an upload');
      });
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      await data.write(FILE);
      data.end();
      await client.expect(226);
      await data.ending;
      expect(data.received).toHaveLength(0);
    });
  });
});

describe('T106: an uploader that never reads and closes with TLS tickets unread, so that its kernel sends RST', () => {
  it.each([
    ['TLS 1.3 only, not resumed', only('TLSv1.3')],
    ['TLS 1.2 or 1.3, not resumed', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }],
  ] as const)('%s: 226 only with the whole file, else 426', async (_what, versions) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      // A backend that is slow to read: much of the file still is in the client's kernel when it closes.
      let readOn: () => void = () => {};
      backend.on('STOR', async (session, command) => {
        await session.byDefault(command);
        const { socket } = session.lastData;
        socket.pause();
        readOn = () => socket.resume();
      });
      const client = await loggedIn();
      for (const size of [1000, 100_000, 6_000_000, 24_000_000]) {
        const name = `file-${size}`;
        const bytes = randomBytes(size);
        const data = await client.openData();
        await client.command(`STOR ${name}`, 150);
        if (versions.minVersion === 'TLSv1.3') data.readOnlyOnce();
        await data.startTls(versions);
        data.stopReading();
        const closed = new Promise((resolve) => data.raw.once('close', resolve));
        data.close(bytes);
        await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
        readOn();
        const verdict = await client.expect(226, 426);
        if (verdict.code === 226) expect(digest(backend.files.get(`/${name}`))).toBe(digest(bytes));
        else expect(backend.files.has(`/${name}`)).toBe(false);
      }
    });
  });

  it('T107: with a resumed session the file arrives whole', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only('TLSv1.3') });
      await client.expectNothingMore();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only('TLSv1.3'), session: client.session });
      expect(data.resumed).toBe(true);
      data.stopReading();
      data.close(FILE);
      await client.expect(226);
      expect(digest(backend.files.get('/a'))).toBe(digest(FILE));
    });
  });
});

describe('a backend that ends an upload early (T109)', () => {
  it.each([
    [426, 'fin'],
    [451, 'fin'],
    [552, 'fin'],
    [552, 'reset'],
    [452, 'open'],
  ] as const)('%i with its data connection by %s: that code, and the client is cut off', async (code, how) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.on('STOR', async (session) => {
        const data = await session.accept();
        session.reply(150, 'Go.');
        await backend.until(() => data.received.length > 10_000, 'some of the upload');
        if (how === 'fin') data.socket.destroySoon();
        if (how === 'reset') data.reset();
        session.reply(code, 'Disk full.');
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ session: client.session });
      void data.write(randomBytes(8_000_000));
      const verdict = await client.expect(code);
      expect(verdict.text).toBe('Disk full.');
      await data.ending;
      await client.command('PWD', 257);
    });
  });

  it('2yz before the end of the data is not believed: 451', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.on('STOR', async (session) => {
        const data = await session.accept();
        session.reply(150, 'Go.');
        await backend.until(() => data.received.length > 10_000, 'some of the upload');
        session.reply(226, 'Enough.');
        data.socket.destroySoon();
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ session: client.session });
      void data.write(randomBytes(8_000_000));
      await client.expect(451, 426);
      await client.command('PWD', 257);
    });
  });
});

describe('uploads in clear, where policy allows them', () => {
  it('an upload cut by RST: 426 and ABOR', async () => {
    await withGateway(CLEAR_ALLOWED, async ({ greeted, backend }) => {
      const client = await greeted();
      await client.login();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startClear().write(FILE.subarray(0, 50_000));
      await backend.until(() => backend.lastSession.lastData.received.length === 50_000, 'the upload so far');
      data.reset();
      await client.expect(426);
      expect(backend.verbs).toContain('ABOR');
      expect(backend.files.has('/a')).toBe(false);
      await client.command('PWD', 257);
    });
  });
});
