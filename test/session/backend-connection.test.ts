/**
 * The control connection to the backend: when it is made, what greeting is taken, and how a client learns that it failed.
 */
import { describe, expect, it } from 'vitest';
import { PASSWORD, ScriptedClient, USER } from '../support/scripted-client.ts';
import { FAMILIES, HAS_IPV6, withGateway } from '../support/test-gateway.ts';

describe('dialling', () => {
  it.each(
    FAMILIES.flatMap(([, doors]) => Object.values(doors)),
  )('T001: the gateway greets by itself with one well-formed 220, and dials at USER (%s)', async (door) => {
    await withGateway({}, async ({ encrypted, connect, backend }) => {
      const first = await connect(door);
      expect((await first.expect(220)).lines).toHaveLength(1);
      expect(first.unread).toBe('');
      const client = await encrypted(door);
      await client.expectNothingMore();
      expect(backend.sessions).toHaveLength(0);
      await client.command(`USER ${USER}`, 331);
      expect(backend.sessions).toHaveLength(1);
    });
  });

  it('T004: a backend that refuses the connection: 421 and the end', async () => {
    await withGateway({}, async ({ encrypted, backend, logs }) => {
      await backend.refuse();
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await logs.until({ event: 'backend-failed', cause: 'backend-unreachable' });
    });
  });

  it('readiness follows what sessions meet: not ready when one could not reach the backend', async () => {
    await withGateway({ backend: { health: { failures: 1 } } }, async ({ encrypted, backend, gateway }) => {
      expect(gateway.readiness()).toEqual({ ready: true, reasons: [] });
      await backend.refuse();
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      expect(gateway.readiness()).toEqual({ ready: false, reasons: ['backend legacy is down'] });
    });
  });

  it('T005: a backend that accepts and never greets: 421 after timeouts.backendGreeting', async () => {
    await withGateway({ timeouts: { backendGreeting: '200ms' } }, async ({ encrypted, backend, logs }) => {
      backend.onConnect(() => {});
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await backend.disconnected();
      await logs.until({ event: 'backend-failed', cause: 'backend-greeting-timeout' });
    });
  });

  it.each([
    '421 Too many connections.',
    '500 Go away.',
    '530 Not you.',
  ])('T006: greeting %j: 421 and the end', async (greeting) => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.onConnect((session) => session.raw(`${greeting}\r\n`));
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await backend.disconnected();
      expect(backend.verbs).not.toContain('USER');
    });
  });

  it.each([
    'SSH-2.0-OpenSSH_9.2\r\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    '\x15\x03\x01\x00\x02\x02\x46',
  ])('a greeting that is no FTP, %j: 421 and the end', async (greeting) => {
    await withGateway({ timeouts: { backendGreeting: '500ms' } }, async ({ encrypted, backend }) => {
      backend.onConnect((session) => session.raw(greeting));
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it('a backend that closes instead of greeting: 421 and the end', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.onConnect((session) => session.end());
      const client = await encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
    });
  });

  it('T002: greeting 120, then 220: waited for', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.onConnect((session) => {
        session.reply(120, 'Ready in 0 minutes.');
        setTimeout(() => session.reply(220, 'Now.'), 50);
      });
      await (await encrypted()).login();
    });
  });

  it('T003: greeting of several lines that look like codes: understood, and never shown to the client', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.onConnect((session) => session.raw('220-200 hi\r\n5 files\r\n331 fake\r\n220 ok\r\n'));
      const client = await encrypted();
      await client.login();
      expect(client.transcript).not.toContain('5 files');
    });
  });

  it('T153: a backend that is slow to greet and to log in works', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250));
      backend.onConnect(async (session) => {
        await later();
        session.reply(220, 'At last.');
      });
      backend.on('PASS', async (session, command) => {
        await later();
        await session.byDefault(command);
      });
      await (await encrypted()).login();
    });
  });
});

describe('a backend that goes away', () => {
  it('T152: closes its control connection after the first transfer: 421 and the end', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.download('RETR a');
      backend.lastSession.end();
      await client.expect(421);
      await client.expectClosed();
    });
  });

  it('closes between USER and PASS: 421, and the password goes nowhere', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      backend.lastSession.destroy();
      client.send(`PASS ${PASSWORD}`);
      await client.expect(421);
      await client.expectClosed();
      expect(backend.verbs).not.toContain('PASS');
    });
  });

  it('closes instead of answering: 421', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.on('PWD', (session) => session.destroy());
      const client = await loggedIn();
      await client.command('PWD', 421);
      await client.expectClosed();
    });
  });

  it('each client has its own connection, which ends with the client', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const first = await loggedIn();
      const second = await loggedIn();
      expect(backend.sessions).toHaveLength(2);
      first.reset();
      await backend.disconnected(backend.sessions[0]);
      await second.command('PWD', 257);
      await second.command('QUIT', 221);
      await backend.disconnected(backend.sessions[1]);
    });
  });
});

// A machine without IPv6 loopback cannot try it.
describe.skipIf(!HAS_IPV6)('address families are independent (T151)', () => {
  it.each([
    ['explicit6', '127.0.0.1'],
    ['explicit', '::1'],
    ['explicit6', '::1'],
  ] as const)('client at %s, backend at %s', async (door, address) => {
    await withGateway({ legacy: { address, files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(door);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'up');
      expect(backend.files.get('/b')?.toString()).toBe('up');
    });
  });

  it("an IPv4 client of a listener on :: is an IPv4 client: PASV, its own data connections, nobody else's", async () => {
    const options = {
      listeners: { explicit: { address: '::' } },
      legacy: { files: { '/a': 'abc' } },
      timeouts: { tlsHandshake: '500ms' },
    };
    await withGateway(options, async ({ ownDoors, logs }) => {
      const { port } = ownDoors.explicit;
      const client = await ScriptedClient.connect({ address: '127.0.0.1', port }, { localAddress: '127.0.0.5' });
      try {
        await client.expect(220);
        await client.auth();
        await client.login();
        await client.protect();
        expect((await logs.until({ event: 'session-started' }))['client']).toMatch(/^127\.0\.0\.5:/);
        const target = await client.pasv();
        expect(target.address).toBe('127.0.0.1');
        const stranger = await client.openData({ port: target.port, host: '127.0.0.1', localAddress: '127.0.0.6' });
        expect(['fin', 'reset']).toContain(await stranger.startClear().ending);
        const data = await client.openData({ port: target.port, host: '127.0.0.1' });
        await client.command('RETR a', 150);
        await data.startTls();
        expect((await data.readToEnd()).bytes.toString()).toBe('abc');
        await client.expect(226);
        await client.command('EPSV 2', 522);
      } finally {
        client.destroy();
      }
    });
  });
});
