/**
 * Data integrity of downloads: close_notify and 226 only when the backend has sent everything and said so; anything else
 * reaches the client as a stream that was cut, and an error.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ClientData } from '../support/client-data.ts';
import { digest } from '../support/digest.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import type { House } from '../support/test-gateway.ts';
import { CLEAR_ALLOWED, only, withGateway } from '../support/test-gateway.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const FILE = randomBytes(500_000);

describe.each(VERSIONS)('downloads over %s', (version) => {
  const begin = async (house: House) => {
    const client = await house.loggedIn('explicit', { tls: only(version) });
    const data = await client.openData();
    client.send('RETR a');
    await client.expect(150);
    await data.startTls({ ...only(version), session: client.session });
    return { client, data };
  };

  it('T110: the backend ends and says 226: close_notify, then 226', async () => {
    await withGateway({ legacy: { files: { '/a': FILE } } }, async (house) => {
      const { client, data } = await begin(house);
      expect(await data.ending).toBe('close_notify');
      expect(digest(data.received)).toBe(digest(FILE));
      await client.expect(226);
      expect(house.backend.lastSession.lastData.ended).toBe('fin');
    });
  });

  it('T110: close_notify is held until the backend has said 226', async () => {
    await withGateway({}, async (house) => {
      let say226: () => void = () => {};
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        leg.socket.end(FILE);
        say226 = () => session.reply(226, 'Done.');
      });
      const { client, data } = await begin(house);
      await expect.poll(() => data.receivedBytes, { interval: 5 }).toBe(FILE.length);
      const early = await Promise.race([data.ending, new Promise((resolve) => setTimeout(resolve, 100, 'still open'))]);
      expect(early).toBe('still open');
      say226();
      expect(await data.ending).toBe('close_notify');
      await client.expect(226);
    });
  });

  it.each([
    ['T111', 'FIN', 426],
    ['T111', 'FIN', 451],
    ['T113', 'RST', 426],
  ] as const)('%s: the backend ends by %s and says %i: no close_notify, then that code', async (_id, how, code) => {
    await withGateway({}, async (house) => {
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write(FILE.subarray(0, 50_000));
        await new Promise((resolve) => setTimeout(resolve, 30));
        if (how === 'FIN') leg.end();
        else leg.reset();
        session.reply(code, 'Broken.');
      });
      const { client, data } = await begin(house);
      expect(['fin', 'reset']).toContain(await data.ending);
      expect(data.received.length).toBeLessThanOrEqual(50_000);
      expect((await client.expect(code)).text).toBe('Broken.');
      await client.command('PWD', 257);
    });
  });

  it('T113: RST mid-file and then 226: not told as success', async () => {
    await withGateway({}, async (house) => {
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write(FILE.subarray(0, 50_000));
        await new Promise((resolve) => setTimeout(resolve, 30));
        leg.reset();
        session.reply(226, 'All is well.');
      });
      const { client, data } = await begin(house);
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(426, 451);
      await client.command('PWD', 257);
    });
  });

  it('T112: 226 before the data: all data, close_notify, and 226 last', async () => {
    await withGateway({}, async (house) => {
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.raw('150 Go.\r\n226 Transfer complete.\r\n');
        await new Promise((resolve) => setTimeout(resolve, 150));
        leg.socket.end(FILE);
      });
      const { client, data } = await begin(house);
      expect(await data.ending).toBe('close_notify');
      expect(digest(data.received)).toBe(digest(FILE));
      await client.expect(226);
      await client.expectNothingMore();
    });
  });

  it('T114: data ended and no final reply: no close_notify, 451 after timeouts.finalReply', async () => {
    await withGateway({ timeouts: { finalReply: '200ms' } }, async (house) => {
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        leg.socket.end(FILE);
      });
      const { client, data } = await begin(house);
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(451);
      await house.logs.until({ event: 'transfer', cause: 'backend-final-reply-timeout' });
      await house.backend.disconnected();
    });
  });

  it('T120: the control connection of the backend dies: no close_notify, 421 and the end', async () => {
    await withGateway({}, async (house) => {
      house.backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write(FILE.subarray(0, 50_000));
        await new Promise((resolve) => setTimeout(resolve, 30));
        session.destroy();
      });
      const { client, data } = await begin(house);
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.expect(421);
      await client.expectClosed();
    });
  });

  it.each([
    ['no TLS', (data: ClientData) => data.raw.write('this is no TLS\r\n'), 522],
    ['a reset', (data: ClientData) => data.raw.resetAndDestroy(), 522],
    ['ABOR', (_data: ClientData, client: ScriptedClient) => client.send('ABOR'), 426],
  ] as const)('a mailbox that deletes what was taken keeps it where the client answers 150 with %s', async (_what, act, code) => {
    await withGateway({}, async (house) => {
      const { backend } = house;
      backend.files.set('/a', Buffer.from('small'));
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          leg.socket.end('small');
          // Our end says that all was taken.
          const how = await leg.ending;
          if (how === 'fin') backend.files.delete('/a');
          session.reply(how === 'fin' ? 226 : 426, 'That was it.');
        });
      });
      const client = await house.loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('RETR a', 150);
      act(data, client);
      await client.expect(code);
      expect(await backend.lastSession.lastData.ending).toBe('reset');
      expect([...backend.files.keys()]).toEqual(['/a']);
      await house.logs.until({ event: 'transfer', direction: 'download' });
    });
  });

  it('the client that closes late gets everything before 226 and the end', async () => {
    await withGateway({ legacy: { files: { '/a': randomBytes(3_000_000) } } }, async (house) => {
      const { client, data } = await begin(house);
      data.pause();
      await new Promise((resolve) => setTimeout(resolve, 150));
      data.resume();
      const { bytes, ending } = await data.readToEnd();
      expect(ending).toBe('close_notify');
      expect(bytes.equals(house.backend.files.get('/a') ?? Buffer.alloc(0))).toBe(true);
      await client.expect(226);
    });
  });
});

describe('a listing whose data connection the backend resets', () => {
  it('after some bytes, and says 226 before the client has shaken hands: not told as an empty listing', async () => {
    await withGateway({}, async (house) => {
      house.backend.on('LIST', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Here it comes.');
        await leg.write('a\r\nb\r\n');
        // The reset must not overtake the bytes.
        await new Promise((resolve) => setTimeout(resolve, 100));
        leg.reset();
        session.reply(226, 'Done.');
      });
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('LIST', 150);
      await house.backend.until(() => house.backend.lastSession.lastData.ended, 'the reset');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await data.startTls({ session: client.session }).catch(() => {});
      await client.expect(426, 451);
      expect(await data.ending).not.toBe('close_notify');
      await client.command('PWD', 257);
    });
  });
});

describe('downloads in clear, where policy allows them', () => {
  it('a failed download is cut by RST, not ended by FIN: in clear nothing else could tell', async () => {
    await withGateway(CLEAR_ALLOWED, async ({ greeted, backend }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write(FILE.subarray(0, 50_000));
        leg.end();
        session.reply(451, 'Read error.');
      });
      const client = await greeted();
      await client.login();
      const data = (await client.openData()).startClear();
      await client.command('RETR a', 150);
      await client.expect(451);
      expect(await data.ending).toBe('reset');
    });
  });
});
