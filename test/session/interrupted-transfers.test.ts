/**
 * Transfers that are interrupted: by ABOR, by a client that goes away, by commands sent in the middle, by silence.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import type { House } from '../support/test-gateway.ts';
import { withGateway } from '../support/test-gateway.ts';

const BIG = randomBytes(40_000_000);

/** A download that never ends by itself. */
function endless(backend: ScriptedBackend): void {
  backend.on('RETR', async (session) => {
    const leg = await session.accept();
    session.reply(150, 'Go.');
    session.run(async () => {
      await leg.write('beginning');
      const ending = await leg.ending;
      if (!session.facts.has('aborted')) session.reply(426, `Ended by ${ending}.`);
    });
  });
}

async function download(house: House, line = 'RETR a') {
  const client = await house.loggedIn();
  const data = await client.openData();
  await client.command(line, 150);
  await data.startTls({ session: client.session });
  return { client, data };
}

async function upload(house: House, bytes = 'beginning') {
  const { client, data } = await download(house, 'STOR a');
  await data.write(bytes);
  await house.backend.until(() => house.backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
  return { client, data };
}

/** As vsftpd does: ABOR is not looked at before the data has ended. */
function looksAtAborLate(backend: ScriptedBackend): void {
  backend.on('ABOR', async (session) => {
    await session.transfer;
    session.reply(225, 'No transfer to ABOR.');
  });
}

describe('ABOR', () => {
  it.each([
    ['in one line', 'ABOR\r\n'],
    ['behind IAC IP, IAC DM', '\xff\xf4\xff\xf2ABOR\r\n'],
    ['behind IAC IP and what is left of an urgent DM', '\xff\xf4\xffABOR\r\n'],
  ])('T123: in the middle of a download, %s: 426, then 226; the session goes on', async (_what, bytes) => {
    await withGateway({ legacy: { files: { '/b': 'b' } } }, async (house) => {
      const { client, data } = await ((): ReturnType<typeof download> => {
        endless(house.backend);
        return download(house);
      })();
      client.write(bytes);
      await client.expect(426);
      await client.expect(226, 225);
      expect(['fin', 'reset']).toContain(await data.ending);
      await house.backend.received('ABOR');
      await house.backend.lastSession.lastData.ending;
      await client.expectNothingMore();
      await client.upload('STOR c', 'after it');
      expect(house.backend.files.get('/c')?.toString()).toBe('after it');
    });
  });

  it.each([
    'at once',
    'late',
  ] as const)('T124: in the middle of an upload, before a backend that looks at it %s', async (when) => {
    await withGateway({}, async (house) => {
      if (when === 'late') looksAtAborLate(house.backend);
      const { client, data } = await upload(house);
      const since = performance.now();
      client.send('ABOR');
      await client.expect(426);
      await client.expect(226, 225);
      expect(performance.now() - since).toBeLessThan(4000);
      expect(['fin', 'reset', 'close_notify']).toContain(await data.ending);
      expect(house.backend.files.has('/a')).toBe(false);
      if (when === 'late') expect(house.backend.lastSession.lastData.ended).toBe('reset');
      await client.command('PWD', 257);
      await client.upload('STOR a', 'whole');
      expect(house.backend.files.get('/a')?.toString()).toBe('whole');
    });
  });

  it('T124: before a backend that never answers ABOR: the client is answered all the same', async () => {
    await withGateway({ timeouts: { finalReply: '300ms' } }, async (house) => {
      house.backend.on('ABOR', () => {});
      house.backend.on('STOR', async (session) => {
        await session.accept();
        session.reply(150, 'Go.');
      });
      const { client } = await upload(house);
      client.send('ABOR');
      await client.expect(426, 421);
    });
  });

  it('T125: while idle: 225 or 226, three times as well', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('ABOR', 225, 226);
      client.write('ABOR\r\nABOR\r\nABOR\r\n');
      for (let time = 0; time < 3; time += 1) await client.expect(225, 226);
      await client.expectNothingMore();
    });
  });

  it('T125: after EPSV: 225 or 226, and the data port is given back', async () => {
    await withGateway({}, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      await client.epsv();
      expect(gateway.passivePorts.waiting).toBe(1);
      await client.command('ABOR', 225, 226);
      expect(gateway.passivePorts.waiting).toBe(0);
      await client.command('RETR a', 425);
    });
  });

  it('while the data connection is still awaited: 426 and 226, nothing forwarded', async () => {
    await withGateway({}, async ({ loggedIn, backend, gateway }) => {
      const client = await loggedIn();
      await client.epsv();
      client.write('STOR a\r\n');
      client.write('ABOR\r\n');
      await client.expect(426, 425);
      await client.expect(226, 225);
      expect(backend.verbs).not.toContain('STOR');
      await expect.poll(() => gateway.passivePorts.waiting, { interval: 5 }).toBe(0);
      await client.expectNothingMore();
    });
  });
});

describe('a client that goes away', () => {
  it.each([
    'end',
    'endWithoutCloseNotify',
    'reset',
  ] as const)('T118: closes its data connection in the middle of a download (%s): 426, usable', async (how) => {
    await withGateway({ legacy: { files: { '/a': BIG, '/b': 'b' } } }, async (house) => {
      const { client, data } = await download(house);
      await expect.poll(() => data.receivedBytes, { interval: 2 }).toBeGreaterThan(0);
      data.stopReading();
      data[how]();
      if (how !== 'reset') setTimeout(() => data.raw.destroy(), 20);
      await client.expect(426, 451);
      await house.backend.lastSession.lastData.ending;
      await client.command('PWD', 257);
      expect((await client.download('RETR b')).toString()).toBe('b');
    });
  });

  it.each([
    'end',
    'reset',
    'destroy',
  ] as const)('T119: loses its control connection in the middle of an upload (%s): never stored as whole', async (how) => {
    await withGateway({}, async (house) => {
      looksAtAborLate(house.backend);
      const { client } = await upload(house);
      client[how]();
      await house.backend.received('ABOR');
      expect(await house.backend.lastSession.lastData.ending).toBe('reset');
      await house.backend.disconnected();
      await house.logs.until({ event: 'transfer', cause: 'client-control-lost' });
      expect(house.backend.files.has('/a')).toBe(false);
    });
  });

  it('loses its control connection in the middle of a download: the backend is left at once', async () => {
    await withGateway({ legacy: { files: { '/a': BIG } } }, async (house) => {
      const { client } = await download(house);
      client.reset();
      await house.backend.lastSession.lastData.ending;
      await house.backend.disconnected();
    });
  });
});

describe('commands in the middle of a transfer', () => {
  it('T126: NOOP, STAT and PWD are answered after the final reply of the transfer, in order', async () => {
    await withGateway({}, async (house) => {
      const { client, data } = await upload(house);
      client.write('NOOP\r\nSTAT\r\nPWD\r\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(client.unread).toBe('');
      expect(house.backend.verbs).not.toContain('PWD');
      data.end();
      await client.expect(226);
      await client.expect(200);
      await client.expect(211, 213);
      await client.expect(257);
    });
  });

  it('T127: QUIT waits for the end of the transfer: 226, then 221', async () => {
    await withGateway({}, async (house) => {
      const { client, data } = await upload(house, 'first half, ');
      client.send('QUIT');
      await data.write('second half');
      data.end();
      await client.expect(226);
      await client.expect(221);
      await client.expectClosed();
      expect(house.backend.files.get('/a')?.toString()).toBe('first half, second half');
      await house.backend.disconnected();
    });
  });
});
