/**
 * Time limits: each wait has its own end, a clear answer, and leaves nothing behind.
 */
import { describe, expect, it } from 'vitest';
import { ScriptedClient, USER } from '../support/scripted-client.ts';
import { withGateway } from '../support/test-gateway.ts';

describe('time limits', () => {
  it('T039: login as a whole: dripping bytes does not extend it', async () => {
    await withGateway({ timeouts: { login: '400ms' } }, async ({ encrypted, backend, logs }) => {
      const client = await encrypted();
      const drip = setInterval(() => client.write('U'), 50);
      try {
        await client.expect(421);
        await client.expectClosed();
      } finally {
        clearInterval(drip);
      }
      expect(backend.sessions).toHaveLength(0);
      await logs.until({ event: 'session-ended', outcome: 'login-timeout' });
    });
  });

  it('T039: commands do not extend it either, and a connection to the backend is closed', async () => {
    await withGateway({ timeouts: { login: '400ms' } }, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      let reply = await client.command('NOOP', 200);
      while (reply.code === 200) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        reply = await client.command('NOOP', 200, 421);
      }
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it('login is not limited any more once it has succeeded', async () => {
    await withGateway({ timeouts: { login: '300ms' } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await new Promise((resolve) => setTimeout(resolve, 400));
      await client.command('PWD', 257);
    });
  });

  it('an idle control connection: 421 and the end; a command starts the time anew', async () => {
    await withGateway({ timeouts: { controlIdle: '300ms' } }, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      for (let time = 0; time < 4; time += 1) {
        await new Promise((resolve) => setTimeout(resolve, 120));
        await client.command('NOOP', 200);
      }
      await client.expect(421);
      await client.expectClosed();
      await backend.disconnected();
      await logs.until({ event: 'session-ended', outcome: 'control-idle' });
    });
  });

  it('the control connection does not count as idle during a transfer', async () => {
    await withGateway({ timeouts: { controlIdle: '200ms' } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ session: client.session });
      for (let time = 0; time < 5; time += 1) {
        await data.write('.');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      data.end();
      await client.expect(226);
      await client.command('PWD', 257);
    });
  });

  it.each([
    'RETR a',
    'STOR b',
  ])('T094: a data handshake that stalls after 150 (%s): 522, the backend is stopped', async (line) => {
    const options = { timeouts: { tlsHandshake: '250ms' }, legacy: { files: { '/a': 'abc' } } };
    await withGateway(options, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.openData();
      await client.command(line, 150);
      await client.expect(522);
      await backend.lastSession.lastData.ending;
      expect(backend.files.has('/b')).toBe(false);
      await client.command('PWD', 257);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('T094: the time for the handshake begins with the transfer, not with the connection', async () => {
    const options = { timeouts: { tlsHandshake: '400ms' }, legacy: { files: { '/a': 'abc' } } };
    await withGateway(options, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('a backend that does not answer a command: 421 after timeouts.finalReply', async () => {
    await withGateway({ timeouts: { finalReply: '200ms' } }, async ({ loggedIn, backend }) => {
      backend.on('PWD', () => {});
      const client = await loggedIn();
      await client.command('PWD', 421);
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it('a client that does not close after a download is not waited for longer than timeouts.linger', async () => {
    await withGateway({ timeouts: { linger: '200ms' }, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      data.stopReading();
      await client.expect(226);
      await client.command('PWD', 257);
    });
  });

  it('a stopped gateway says 421 to its sessions, and cuts what still runs', async () => {
    await withGateway({}, async ({ loggedIn, greeted, gateway, backend }) => {
      const idle = await loggedIn();
      const fresh = await greeted();
      const busy = await loggedIn();
      const data = await busy.openData();
      await busy.command('STOR a', 150);
      await data.startTls({ session: busy.session });
      await data.write('half');
      await gateway.stop();
      await idle.expect(421);
      await fresh.expect(421);
      await idle.expectClosed();
      await fresh.expectClosed();
      expect(backend.files.has('/a')).toBe(false);
      expect(gateway.openSockets).toBe(0);
    });
  });

  it('a client that connects and says nothing at all, in clear and implicit, leaves nothing', async () => {
    await withGateway({ timeouts: { login: '250ms', tlsHandshake: '150ms' } }, async ({ doors }) => {
      const clients = await Promise.all(Object.values(doors).map((door) => ScriptedClient.connect(door)));
      await Promise.all(
        clients.map(async (client) => {
          await client.reply().catch(() => {});
          await client.reply().catch(() => {});
          await client.expectClosed();
        }),
      );
    });
  });
});
