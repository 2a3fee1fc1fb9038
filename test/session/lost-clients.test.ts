/**
 * Clients that go away while something is waited for: their sessions end at once, nothing of what they left is carried
 * out half, nothing stays open or waiting.
 */
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { USER } from '../support/scripted-client.ts';
import { CLEAR_ALLOWED, type House, withGateway } from '../support/test-gateway.ts';

const WAYS = ['end', 'reset'] as const;

/** Waits until the gateway has begun to deal with a command. */
async function begun({ metrics }: House, verb: string, count = 1): Promise<void> {
  await expect.poll(() => metrics.render(), { interval: 5 }).toContain(`commands_total{verb="${verb}"} ${count}`);
}

/** Demands that the sessions of all but `count` clients are over, far sooner than by any time limit. */
async function expectSessions({ gateway }: House, count: number): Promise<void> {
  await expect.poll(() => gateway.activeSessions, { interval: 5, timeout: 2000 }).toBe(count);
}

describe('a client that leaves during the login', () => {
  it.each(WAYS)('before the backend has greeted (%s): session and link are given up at once', async (way) => {
    await withGateway({}, async (house) => {
      const { encrypted, backend } = house;
      backend.onConnect(() => {});
      const client = await encrypted();
      client.send(`USER ${USER}`);
      await backend.until(() => backend.sessions.length > 0, 'a connection to the backend');
      client[way]();
      await expectSessions(house, 0);
      await backend.disconnected();
    });
  });

  it.each(WAYS)('while the backend says nothing to USER (%s): session and link are given up at once', async (way) => {
    await withGateway({}, async (house) => {
      const { encrypted, backend } = house;
      backend.on('USER', () => {});
      const client = await encrypted();
      client.send(`USER ${USER}`);
      await backend.received('USER');
      client[way]();
      await expectSessions(house, 0);
      await backend.disconnected();
    });
  });
});

describe('a client that leaves a transfer behind', () => {
  it.each(WAYS)('STOR queued behind a slow command, then the end (%s): STOR never reaches the backend', async (way) => {
    await withGateway({}, async (house) => {
      const { loggedIn, backend } = house;
      const { promise, resolve } = Promise.withResolvers<void>();
      backend.on('CWD', async (session, command) => {
        await promise;
        await session.byDefault(command);
      });
      const client = await loggedIn();
      await client.openData();
      client.send('CWD dir');
      await backend.received('CWD');
      client.write('STOR a\r\n');
      client[way]();
      await new Promise((later) => setTimeout(later, 50));
      resolve();
      await expectSessions(house, 0);
      await backend.disconnected();
      expect(backend.verbs).not.toContain('STOR');
      expect(backend.files.has('/a')).toBe(false);
    });
  });

  it.each([
    'before TLS',
    'after the handshake',
  ])('a data connection that was reset before STOR, %s: STOR is not forwarded, 426 or 425 at once', async (when) => {
    await withGateway({ legacy: { files: { '/a': 'whole' } } }, async ({ loggedIn, backend, gateway }) => {
      const client = await loggedIn();
      const data = await client.openData();
      if (when === 'after the handshake') await data.startTls({ session: client.session });
      await expect.poll(() => gateway.passivePorts.waiting, { interval: 2 }).toBe(0);
      await backend.until(() => backend.lastSession.data.length === 1, 'the data connection at the backend');
      data.reset();
      // Two control connections, and the data connection to the backend.
      await expect.poll(() => gateway.openSockets, { interval: 2 }).toBe(3);
      const since = performance.now();
      await client.command('STOR a', 426, 425);
      expect(performance.now() - since).toBeLessThan(3000);
      expect(backend.verbs).not.toContain('STOR');
      expect(backend.files.get('/a')?.toString()).toBe('whole');
      expect((await client.download('RETR a')).toString()).toBe('whole');
    });
  });

  it('a data connection in clear that was reset before STOR: nothing is stored', async () => {
    await withGateway(
      { ...CLEAR_ALLOWED, legacy: { files: { '/a': 'whole' } } },
      async ({ greeted, backend, gateway }) => {
        const client = await greeted();
        await client.login();
        const data = await client.openData();
        await expect.poll(() => gateway.passivePorts.waiting, { interval: 2 }).toBe(0);
        data.reset();
        await expect.poll(() => gateway.openSockets, { interval: 2 }).toBe(3);
        await client.command('STOR a', 426, 425);
        expect(backend.verbs).not.toContain('STOR');
        expect(backend.files.get('/a')?.toString()).toBe('whole');
      },
    );
  });
});

describe('a client that leaves while PASV waits', () => {
  it.each(WAYS)('for a free port (%s): nothing stays waiting, and the port goes to the next', async (way) => {
    await withGateway({ passivePorts: 1 }, async (house) => {
      const { loggedIn, gateway } = house;
      const holder = await loggedIn();
      const waiter = await loggedIn();
      await holder.epsv();
      waiter.send('PASV');
      await begun(house, 'PASV');
      waiter[way]();
      await expectSessions(house, 1);
      expect(gateway.passivePorts.waiting).toBe(1);
      await holder.command('ABOR', 225, 226);
      expect(gateway.passivePorts.waiting).toBe(0);
      const next = await loggedIn();
      await next.upload('STOR a', 'a');
    });
  });

  it('for a name that is slow to resolve: nothing stays waiting', async () => {
    await withGateway({ advertise: [{ address: 'localhost' }] }, async (house) => {
      const client = await house.loggedIn();
      // Names are resolved where such work is done: enough of it, and the resolver has to wait.
      const work = Array.from({ length: 8 }, () => promisify(pbkdf2)('x', 'y', 300_000, 64, 'sha512'));
      client.send('PASV');
      await begun(house, 'PASV');
      expect(client.unread).toBe('');
      client.reset();
      await house.logs.until({ event: 'session-ended' });
      await house.backend.disconnected();
      await Promise.all(work);
      await expectSessions(house, 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(house.gateway.passivePorts.waiting).toBe(0);
      expect(house.gateway.openSockets).toBe(0);
    });
  });
});
