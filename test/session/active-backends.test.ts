/**
 * Backends in active mode (`dataMode: active`): they connect to a port that the gateway opens for one transfer, before or after
 * they say 150; nobody else may.
 */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ReceivedCommand } from '../support/backend-session.ts';
import { freePorts } from '../support/free-ports.ts';
import { HAS_IPV6, type House, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };
const ACTIVE = { dataMode: 'active' } as const;
const SETUP = { backend: ACTIVE, legacy: { files: FILES } };

/** The port that the backend was told last. */
function announcedPort({ backend }: House): number {
  const line = backend.commands.findLast((command) => /^(PORT|EPRT) /.test(command)) ?? '';
  const [high = 0, low = 0] = line.split(',').slice(4).map(Number);
  return line.startsWith('PORT') ? high * 256 + low : Number(line.split('|')[3]);
}

/** Connects and says how it ended. */
async function knock(port: number, localAddress: string): Promise<'refused' | 'closed'> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'closed'));
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve('closed'));
    socket.resume();
  });
}

describe('a backend in active mode', () => {
  it('is told a port by PORT, and downloads, uploads and lists', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'uploaded');
      expect(backend.files.get('/b')?.toString()).toBe('uploaded');
      expect((await client.download('NLST')).toString()).toBe('a\r\nb\r\n');
      expect(backend.commands.filter((line) => line.startsWith('PORT 127,0,0,1,'))).toHaveLength(3);
      for (const verb of ['PASV', 'EPSV', 'EPRT']) expect(backend.verbs).not.toContain(verb);
    });
  });

  it.each([
    ['says 150 first and connects then', 150],
    ['says 125 because it is connected', 125],
  ])('%s', async (_what, code) => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      backend.on('RETR', async (session) => {
        if (code === 125) await session.connectData();
        session.reply(code, 'Here it comes.');
        if (code === 150) await new Promise((resolve) => setTimeout(resolve, 50));
        const data = await session.accept();
        await data.write('late or early');
        data.end();
        session.run(async () => {
          await data.ending;
          session.reply(226, 'Done.');
        });
      });
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('late or early');
    });
  });

  it('quirk: connects already when it is told the port, and answers PORT only then (pyftpdlib)', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      backend.on('PORT', async (session, command) => {
        const numbers = command.argument.split(',').map(Number);
        session.aim('127.0.0.1', (numbers[4] ?? 0) * 256 + (numbers[5] ?? 0));
        await session.connectData();
        session.reply(200, 'Active data connection established.');
      });
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'uploaded');
      expect(backend.files.get('/b')?.toString()).toBe('uploaded');
    });
  });

  it('226 that comes together with the data does not cut it off', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      const big = Buffer.alloc(2_000_000, 'y');
      backend.on('RETR', async (session) => {
        session.raw('150 Here.\r\n226 Done.\r\n');
        const data = await session.connectData();
        void data.write(big);
        data.end();
      });
      const client = await loggedIn();
      expect((await client.download('RETR a')).length).toBe(big.length);
    });
  });

  it('REST stays next to its transfer', async () => {
    await withGateway({ ...SETUP, legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('REST 6', 350);
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('6789');
      await client.expect(226);
      expect(backend.verbs.slice(-3)).toEqual(['PORT', 'REST', 'RETR']);
    });
  });

  it('a refusal without data is handed on, and the port is closed', async () => {
    await withGateway(SETUP, async (house) => {
      const client = await house.loggedIn();
      const data = await client.openData();
      await client.command('RETR missing', 550);
      expect(['fin', 'reset']).toContain((await data.startClear().readToEnd()).ending);
      expect(await knock(announcedPort(house), '127.0.0.1')).toBe('refused');
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('425 of a backend that cannot connect reaches the client after 150', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      backend.answer('RETR', '150 Trying.\r\n425 Cannot build data connection.\r\n');
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session }).catch(() => {});
      await client.expect(425);
    });
  });

  it('that never connects: 425 after timeouts.backendDataConnect, counted from its 1yz', async () => {
    const options = { ...SETUP, timeouts: { backendDataConnect: '150ms' } };
    await withGateway(options, async ({ loggedIn, backend, logs }) => {
      backend.on('STOR', async (session) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        session.reply(150, 'Wait for me.');
      });
      backend.on('ABOR', (session) => session.raw('426 Aborted.\r\n226 Abort done.\r\n'));
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await client.expect(425);
      await logs.until({ event: 'transfer', cause: 'backend-data-timeout' });
      await backend.received('ABOR');
      await client.expectNothingMore();
    });
  });

  it.each([
    ['RETR a', 425],
    ['STOR b', 425],
  ])('that says 226 to %s and never connected is not believed', async (line, code) => {
    await withGateway(SETUP, async ({ loggedIn, backend, logs }) => {
      backend.answer(line.slice(0, 4), '150 Sure.\r\n226 All done.\r\n');
      const client = await loggedIn();
      const data = await client.openData();
      await client.command(line, 150);
      await data.startTls({ session: client.session });
      await client.expect(code);
      await logs.until({ event: 'transfer', outcome: 'failed' });
    });
  });

  it('an empty listing needs no data connection', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      backend.answer('LIST', '150 Here.\r\n226 Nothing there.\r\n');
      const client = await loggedIn();
      expect((await client.download('LIST')).length).toBe(0);
    });
  });

  it('a cut upload is aborted there too, and the connection reset', async () => {
    await withGateway(SETUP, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await data.write('half');
      await backend.until(() => backend.lastSession.data.at(-1)?.received.length === 4, 'the first half');
      data.endWithoutCloseNotify();
      await client.expect(426);
      await backend.received('ABOR');
      expect(backend.files.has('/b')).toBe(false);
    });
  });
});

describe('PORT or EPRT', () => {
  const refuse = (house: House, verb: string): void => {
    house.backend.on(verb, (session) => session.reply(500, `${verb} not understood.`));
  };

  it('EPRT where PORT is refused, and that is remembered', async () => {
    await withGateway(SETUP, async (house) => {
      refuse(house, 'PORT');
      const client = await house.loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(house.backend.verbs.filter((verb) => verb === 'PORT')).toHaveLength(1);
      expect(house.backend.commands.find((line) => line.startsWith('EPRT'))).toMatch(/^EPRT \|1\|127\.0\.0\.1\|\d+\|$/);
    });
  });

  it('425 where both are refused; the command is not sent', async () => {
    await withGateway(SETUP, async (house) => {
      refuse(house, 'PORT');
      refuse(house, 'EPRT');
      const client = await house.loggedIn();
      await client.openData();
      await client.command('STOR a', 425);
      expect(house.backend.verbs).not.toContain('STOR');
      await house.logs.until({ event: 'transfer', cause: 'backend-data-setup-failed' });
    });
  });

  // A machine without IPv6 loopback cannot try it.
  it.skipIf(!HAS_IPV6)('EPRT at once over IPv6', async () => {
    await withGateway({ ...SETUP, legacy: { files: FILES, address: '::1' } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(backend.verbs).not.toContain('PORT');
      expect(backend.commands.find((line) => line.startsWith('EPRT'))).toMatch(/^EPRT \|2\|::1\|\d+\|$/);
    });
  });
});

describe('the port for the backend', () => {
  it('is open for the backend alone: strangers are closed and counted, and do not disturb it', async () => {
    await withGateway(SETUP, async (house) => {
      const client = await house.loggedIn();
      const data = await client.openData();
      await house.backend.received('PORT');
      const port = announcedPort(house);
      expect(await knock(port, '127.0.0.9')).toBe('closed');
      await house.logs.until({ event: 'data-connection-unclaimed', port, address: '127.0.0.9' });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('takes one connection and is closed then; the next setup, and the end of the session, close it too', async () => {
    await withGateway(SETUP, async (house) => {
      let second: Promise<string> | undefined;
      house.backend.on('RETR', async (session, command: ReceivedCommand) => {
        await session.connectData();
        second = knock(announcedPort(house), '127.0.0.1');
        await second;
        await session.byDefault(command);
      });
      const client = await house.loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(await second).toMatch(/refused|closed/);
      expect(house.backend.lastSession.data).toHaveLength(1);

      await client.epsv();
      await house.backend.received('PORT', 2);
      const replaced = announcedPort(house);
      await client.epsv();
      await house.backend.received('PORT', 3);
      await expect.poll(() => knock(replaced, '127.0.0.1')).toBe('refused');
      const last = announcedPort(house);
      client.destroy();
      await expect.poll(() => knock(last, '127.0.0.1')).toBe('refused');
    });
  });

  it('is of backends[].active.ports; when all are taken: 425, and later they work again', async () => {
    const range = await freePorts(2, ['127.0.0.1']);
    const active = { ports: `${range.first}-${range.last}` };
    await withGateway({ ...SETUP, backend: { ...ACTIVE, active } }, async (house) => {
      const clients = [await house.loggedIn(), await house.loggedIn()];
      const used = new Set<number>();
      for (const [index, client] of clients.entries()) {
        await client.epsv();
        await house.backend.received('PORT', index + 1);
        used.add(announcedPort(house));
      }
      expect([...used].toSorted()).toEqual([range.first, range.last]);
      const third = await house.loggedIn();
      await third.openData();
      await third.command('RETR a', 425);
      await house.logs.until({ event: 'transfer', cause: 'backend-data-ports-exhausted' });
      await clients[0]?.command('ABOR', 225, 226);
      expect((await third.download('RETR a')).toString()).toBe('abc');
    });
    await range.release();
  });

  it('the address that the backend is told can be another one', async () => {
    const backend = { ...ACTIVE, active: { address: '192.0.2.77' } };
    await withGateway({ ...SETUP, backend }, async (house) => {
      // As a router before the gateway would do it.
      house.backend.on('PORT', (session, { argument }) => {
        expect(argument).toMatch(/^192,0,2,77,/);
        session.aim('127.0.0.1', announcedPort(house));
        session.reply(200, 'OK.');
      });
      const client = await house.loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('an own address of another interface is listened on', async () => {
    const backend = { ...ACTIVE, active: { address: '127.0.0.5' } };
    await withGateway({ ...SETUP, backend }, async ({ loggedIn, backend: legacy }) => {
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(legacy.commands.find((line) => line.startsWith('PORT'))).toContain('PORT 127,0,0,5,');
    });
  });
});
