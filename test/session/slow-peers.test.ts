/**
 * Peers that are slow, and peers that fall silent: the one is waited for without piling up data, the other is not.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import type { House } from '../support/test-gateway.ts';
import { withGateway } from '../support/test-gateway.ts';

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

describe('slow and silent peers', () => {
  it('T121: a client that does not read holds the backend back; then everything arrives', async () => {
    const size = 96 * 2 ** 20;
    await withGateway({}, async (house) => {
      const chunk = randomBytes(2 ** 20);
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          for (let sent = 0; sent < size && !session.closed; sent += chunk.length) await leg.write(chunk);
          leg.end();
          session.reply(226, 'Done.');
        });
      });
      const { client, data } = await download(house);
      data.pause();
      const leg = house.backend.lastSession.lastData;
      let before = -1;
      while (leg.sent !== before) {
        before = leg.sent;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      expect(leg.sent, 'bytes taken from the backend while the client does not read').toBeLessThan(48 * 2 ** 20);
      data.resume();
      expect(await data.ending).toBe('close_notify');
      expect(data.receivedBytes).toBe(size);
      await client.expect(226);
    });
  }, 30_000);

  it('T121: a backend that does not read holds the client back; then everything arrives', async () => {
    const size = 64 * 2 ** 20;
    await withGateway({}, async (house) => {
      house.backend.on('STOR', async (session, command) => {
        await session.byDefault(command);
        session.lastData.socket.pause();
      });
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ session: client.session });
      let written = 0;
      const chunk = Buffer.alloc(2 ** 20, 'x');
      const writing = (async () => {
        for (; written < size; written += chunk.length) await data.write(chunk);
      })();
      let before = -1;
      while (written !== before) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      expect(written, 'bytes taken from the client while the backend does not read').toBeLessThan(48 * 2 ** 20);
      house.backend.lastSession.lastData.socket.resume();
      await writing;
      data.end();
      await client.expect(226);
      expect(house.backend.files.get('/a')).toHaveLength(size);
    });
  }, 30_000);

  it('T122: a backend that sends nothing for timeouts.dataStall: 426, ABOR, and no close_notify', async () => {
    await withGateway({ timeouts: { dataStall: '200ms' } }, async (house) => {
      endless(house.backend);
      const { client, data } = await download(house);
      await client.expect(426);
      expect(['fin', 'reset']).toContain(await data.ending);
      await house.backend.received('ABOR');
      await client.command('PWD', 257);
    });
  });

  it('T122: a client that sends nothing for timeouts.dataStall: 426, ABOR, then RST', async () => {
    await withGateway({ timeouts: { dataStall: '200ms' } }, async (house) => {
      looksAtAborLate(house.backend);
      const { client } = await upload(house);
      await client.expect(426);
      await house.backend.received('ABOR');
      expect(await house.backend.lastSession.lastData.ending).toBe('reset');
      expect(house.backend.files.has('/a')).toBe(false);
      await client.command('PWD', 257);
    });
  });

  it('T122: a stall is noticed soon after timeouts.dataStall, and not before', async () => {
    await withGateway({ timeouts: { dataStall: '2s' } }, async (house) => {
      endless(house.backend);
      const { client, data } = await download(house);
      await expect.poll(() => data.receivedBytes, { interval: 2 }).toBeGreaterThan(0);
      const since = performance.now();
      await client.expect(426);
      const waited = performance.now() - since;
      expect(waited).toBeGreaterThan(1800);
      expect(waited).toBeLessThan(3000);
    });
  });

  it('T122: a client that reads slowly is not stalled', async () => {
    const stall = 600;
    await withGateway({ timeouts: { dataStall: `${stall}ms` } }, async (house) => {
      const size = 32 * 2 ** 20;
      house.backend.files.set('/a', randomBytes(size));
      const { client, data } = await download(house);
      const since = performance.now();
      // A mebibyte, a pause, and so on: far more often than a stall takes, for far longer than one.
      for (let taken = 0; data.receivedBytes < size; taken = data.receivedBytes) {
        data.resume();
        const next = Math.min(size, taken + 2 ** 20);
        await expect.poll(() => data.receivedBytes, { interval: 1 }).toBeGreaterThanOrEqual(next);
        data.pause();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      data.resume();
      expect(performance.now() - since).toBeGreaterThan(1.5 * stall);
      expect(await data.ending).toBe('close_notify');
      await client.expect(226);
    });
  });

  it('T122: a slow transfer that moves a byte now and then is not stalled', async () => {
    await withGateway({ timeouts: { dataStall: '300ms' } }, async (house) => {
      const { client, data } = await upload(house);
      for (let second = 0; second < 6; second += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        await data.write('.');
      }
      data.end();
      await client.expect(226);
    });
  });
});
