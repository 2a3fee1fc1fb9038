/**
 * Firewall friendliness: one small passive range, our own 227 and 229, addresses that fit the client, and data connections
 * that only the right peer can claim.
 */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ClientData } from '../support/client-data.ts';
import type { House } from '../support/test-gateway.ts';
import { FAMILIES, HAS_IPV6, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };

function range({ config }: House): { first: number; last: number } {
  return config.data.passive.ports;
}

/** Connects to a data port and says how the gateway ended the connection without a byte. */
async function claim(port: number, localAddress?: string): Promise<'refused' | 'closed'> {
  const socket = connect({ host: '127.0.0.1', port, ...(localAddress && { localAddress }) });
  return new Promise((resolve, reject) => {
    socket.on('data', () => reject(new Error('a byte for a stranger')));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'closed'));
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve('closed'));
  });
}

describe('PASV', () => {
  it('T061: 227 with the address the client connected to and a port of the range; the backend is asked in its own way', async () => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      const client = await house.loggedIn();
      const target = await client.pasv();
      expect(target.address).toBe('127.0.0.1');
      expect(target.port).toBeGreaterThanOrEqual(range(house).first);
      expect(target.port).toBeLessThanOrEqual(range(house).last);
      const data = await client.openData({ port: target.port });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      expect(house.backend.verbs).toContain('EPSV');
    });
  });

  // A machine without IPv6 loopback cannot try it.
  it.skipIf(!HAS_IPV6)('T064: over IPv6 refused with 425: use EPSV', async () => {
    await withGateway({}, async ({ loggedIn, gateway, backend }) => {
      const client = await loggedIn('explicit6');
      expect((await client.command('PASV', 425)).text).toMatch(/EPSV/);
      expect(gateway.passivePorts.waiting).toBe(0);
      for (const verb of ['EPSV', 'PASV']) expect(backend.verbs).not.toContain(verb);
    });
  });

  it('T069: each client network is told its own address; a name is resolved', async () => {
    const advertise = [
      { clients: '127.0.0.2/32', address: '192.0.2.7' },
      { clients: '127.0.0.3', address: 'localhost' },
      { address: '203.0.113.9' },
    ];
    await withGateway({ advertise }, async ({ loggedIn }) => {
      const told = async (localAddress: string): Promise<string> =>
        (await (await loggedIn('explicit', { localAddress })).pasv()).address;
      expect(await told('127.0.0.2')).toBe('192.0.2.7');
      expect(await told('127.0.0.3')).toBe('127.0.0.1');
      expect(await told('127.0.0.4')).toBe('203.0.113.9');
    });
  });
});

describe.each(FAMILIES)('EPSV over %s', (family, { explicit }) => {
  const own = family === 'IPv4' ? '1' : '2';

  it('T062: 229 (|||port|) with a port of the range, also for EPSV with the own family', async () => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      const client = await house.loggedIn(explicit);
      for (const argument of [undefined, own]) {
        const port = await client.epsv(argument);
        expect(port).toBeGreaterThanOrEqual(range(house).first);
        expect(port).toBeLessThanOrEqual(range(house).last);
      }
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('T062: an unknown family is refused with 522 (1,2), nonsense with 501', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn(explicit);
      expect((await client.command('EPSV 3', 522)).text).toContain('(1,2)');
      await client.command('EPSV foo', 501, 522);
      await client.epsv();
    });
  });

  it('T063: after EPSV ALL only EPSV is left, and the backend never hears of it', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      await client.command('EPSV ALL', 200);
      await client.command('PASV', 501);
      await client.command('PORT 127,0,0,1,200,10', 501);
      await client.command('EPRT |1|127.0.0.1|51210|', 501);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(backend.commands).not.toContain('EPSV ALL');
      expect(backend.verbs).not.toContain('PASV');
    });
  });
});

describe('who may claim a data connection', () => {
  it('T072: another address is closed silently and does not disturb the right one', async () => {
    const timeouts = { tlsHandshake: '500ms' };
    await withGateway({ timeouts, legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      expect(await claim(port, '127.0.0.2')).toBe('closed');
      const data = await client.openData({ port });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      expect(backend.lastSession.data).toHaveLength(1);
    });
  });

  it('T073: of two connections from the right address the first is used, the second closed', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      const data = await client.openData({ port });
      expect(await claim(port)).toBe('closed');
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('T070: after a second EPSV the first port is closed to the client and the second works', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const first = await client.epsv();
      let second = await client.epsv();
      while (second === first) second = await client.epsv();
      expect(await claim(first)).toBe('closed');
      const data = await client.openData({ port: second });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      const ends = backend.lastSession.data.slice(0, -1).map((leg) => leg.ending);
      expect((await Promise.all(ends)).length).toBe(ends.length);
    });
  });

  it('T070: a connection that arrived for the first EPSV is closed by the second', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const stale = (await client.openData()).startClear();
      const data = await client.openData();
      expect(['fin', 'reset']).toContain(await stale.ending);
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('a data port that nobody was promised closes whoever comes, and counts it', async () => {
    await withGateway({}, async ({ config, metrics }) => {
      expect(await claim(config.data.passive.ports.first)).toBe('closed');
      expect(await metrics.render()).toMatch(/sallyport_unclaimed_data_connections_total\{cause="unexpected"\} \d/);
    });
  });

  it('T082: ports are chosen at random', async () => {
    await withGateway({ passivePorts: 20 }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const ports: number[] = [];
      for (let round = 0; round < 60; round += 1) ports.push(await client.epsv());
      expect(new Set(ports).size).toBeGreaterThan(10);
      const steps = ports.slice(1).map((port, index) => port - (ports[index] ?? 0));
      expect(new Set(steps).size).toBeGreaterThan(8);
    });
  });
});

describe('a small range', () => {
  it('T074: one address that holds every port gets 425 for one more, others do not; released ports work again', async () => {
    // Without resumption nobody can prove who he is, so nobody may share.
    const policy = { sessionReuse: 'off' };
    const timeouts = { passivePort: '50ms' };
    await withGateway(
      { passivePorts: 2, policy, timeouts, legacy: { files: FILES } },
      async ({ loggedIn, gateway }) => {
        const first = await loggedIn();
        const second = await loggedIn();
        const third = await loggedIn();
        await first.epsv();
        await second.epsv();
        await third.command('EPSV', 425);
        await third.command('PASV', 425);
        const elsewhere = await loggedIn('explicit', { localAddress: '127.0.0.2' });
        expect((await elsewhere.download('RETR a')).toString()).toBe('abc');
        first.destroy();
        await expect.poll(() => gateway.passivePorts.waiting, { interval: 5 }).toBe(1);
        expect((await third.download('RETR a')).toString()).toBe('abc');
      },
    );
  });

  it('one port serves many addresses at once', async () => {
    await withGateway({ passivePorts: 1, legacy: { files: FILES } }, async ({ loggedIn }) => {
      const clients = await Promise.all(
        Array.from({ length: 8 }, (_, index) => loggedIn('explicit', { localAddress: `127.0.0.${index + 1}` })),
      );
      const got = await Promise.all(clients.map((client) => client.download('RETR a')));
      for (const bytes of got) expect(bytes.toString()).toBe('abc');
    });
  });

  it('one port serves many transfers of one session, one after the other', async () => {
    await withGateway({ passivePorts: 1, legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      for (let round = 0; round < 10; round += 1) expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('T075: a port that was promised and not used is free again after timeouts.dataArrival', async () => {
    await withGateway({ timeouts: { dataArrival: '150ms' }, passivePorts: 1 }, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      expect(gateway.passivePorts.waiting).toBe(1);
      await expect.poll(() => gateway.passivePorts.waiting, { interval: 10, timeout: 3000 }).toBe(0);
      expect(await claim(port)).toBe('closed');
      await client.command('RETR a', 425);
    });
  });
});

describe('a client that never connects', () => {
  it('T076: a transfer without PASV or EPSV: 425, and nothing is forwarded', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      for (const line of ['RETR a', 'STOR a', 'LIST']) await client.command(line, 425);
      for (const verb of ['RETR', 'STOR', 'LIST']) expect(backend.verbs).not.toContain(verb);
    });
  });

  it.each([
    ['T077', 'RETR a'],
    ['T078', 'STOR a'],
    ['T078', 'APPE a'],
  ])('%s: %s: 425 after timeouts.dataArrival, not forwarded, the file untouched, the next transfer works', async (_id, line) => {
    await withGateway(
      { timeouts: { dataArrival: '150ms' }, legacy: { files: FILES } },
      async ({ loggedIn, backend }) => {
        const client = await loggedIn();
        await client.epsv();
        await client.command(line, 425);
        expect(backend.commands).not.toContain(line);
        expect(backend.files.get('/a')?.toString()).toBe('abc');
        expect((await client.download('RETR a')).toString()).toBe('abc');
      },
    );
  });

  it('a data connection serves one transfer: the next without a new EPSV gets 425', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.download('RETR a');
      await client.command('RETR a', 425);
    });
  });

  it('a peer that connects late, after the transfer command, is still served', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, doors, backend }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      client.send('RETR a');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(backend.verbs).not.toContain('RETR');
      const data = await ClientData.connect({ host: doors.explicit.address, port });
      await client.expect(150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });
});
