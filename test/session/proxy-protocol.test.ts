/**
 * The PROXY protocol before the gateway: a balancer tells who the client is, and from then on this is who counts. Whoever
 * does not come through it, or says nothing usable, is closed without a word.
 */
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Metrics } from '../../src/observe/metrics.ts';
import { ClientData } from '../support/client-data.ts';
import { BALANCER, type Claim, proxyHeader } from '../support/scripted-balancer.ts';
import { ScriptedClient, type Target } from '../support/scripted-client.ts';
import { type House, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };
const REQUIRED = { control: 'required', trusted: [`${BALANCER}/32`] };
const BALANCED = { proxyProtocol: REQUIRED, balancer: {}, legacy: { files: FILES } };

/** Everybody comes from one address of the documentation networks, to another. */
function abroad(family: 4 | 6) {
  const [client, service] = family === 4 ? ['203.0.113.7', '198.51.100.21'] : ['2001:db8::7', '2001:db8::21'];
  return ({ source, destination }: Claim): Claim => ({
    source: { address: client ?? '', port: source.port },
    destination: { address: service ?? '', port: destination.port },
  });
}

/** LOCAL, as HAProxy checks health: proxy-protocol.txt §2.2. */
const LOCAL = Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x20, 0, 0, 0])]);

async function headers(metrics: Metrics, channel: 'control' | 'data', outcome: string): Promise<number> {
  const series = `sallyport_proxy_headers_total{channel="${channel}",outcome="${outcome}"} `;
  const line = (await metrics.render()).split('\n').find((text) => text.startsWith(series));
  return Number(line?.slice(series.length) ?? 0);
}

/** Sends bytes to a port of the gateway; resolves when it has closed, rejects when it said anything. */
async function expectSilence(target: Target, bytes: Uint8Array | string, localAddress = BALANCER): Promise<void> {
  const socket: Socket = connect({ host: target.address, port: target.port, localAddress });
  socket.write(bytes);
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => reject(new Error(`said ${chunk.toString('latin1')}`)));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve());
  });
}

/** A whole download over a data connection that goes to this host. */
async function downloadThrough(client: ScriptedClient, host: string, port: number): Promise<string> {
  const data = await client.openData({ host, port });
  await client.command('RETR a', 150);
  await data.startTls({ session: client.session });
  const { bytes } = await data.readToEnd();
  await client.expect(226);
  return bytes.toString();
}

function sessions({ logs }: House): number {
  return logs.lines.filter(({ session }) => session !== undefined).length;
}

describe.each([1, 2] as const)('version %s', (version) => {
  it.each([
    'explicit',
    'implicit',
  ] as const)('T143: download and upload through the %s door; the client is the one of the header', async (door) => {
    const balancer = { version, claim: abroad(4) };
    await withGateway({ ...BALANCED, balancer }, async ({ loggedIn, backend, logs, metrics }) => {
      const client = await loggedIn(door);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'from far away');
      expect(backend.files.get('/b')?.toString()).toBe('from far away');
      const started = await logs.until({ event: 'session-started' });
      expect(started['client']).toMatch(/^203\.0\.113\.7:\d+$/);
      expect(started['local']).toMatch(/^198\.51\.100\.21:\d+$/);
      expect(started['proxy']).toMatch(/^127\.0\.0\.9:\d+$/);
      expect((await logs.until({ event: 'transfer' }))['clientDataPeer']).toMatch(/^203\.0\.113\.7:\d+$/);
      expect(await headers(metrics, 'control', 'accepted')).toBe(1);
      expect(await headers(metrics, 'data', 'accepted')).toBe(2);
    });
  });

  it('T143: PASV tells where the client connected to', async () => {
    await withGateway({ ...BALANCED, balancer: { version, claim: abroad(4) } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const { address, port } = await client.pasv();
      expect(address).toBe('198.51.100.21');
      expect(await downloadThrough(client, BALANCER, port)).toBe('abc');
    });
  });

  it('T143: a client over IPv6 is one, although the balancer comes over IPv4', async () => {
    await withGateway({ ...BALANCED, balancer: { version, claim: abroad(6) } }, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      expect((await client.command('PASV', 425)).text).toMatch(/EPSV/);
      await client.epsv('2');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect((await logs.until({ event: 'transfer' }))['client']).toMatch(/^\[2001:db8::7\]:\d+$/);
    });
  });

  it.each([
    'explicit',
    'implicit',
  ] as const)('T145: the header comes in pieces, at the %s door and for data', async (door) => {
    await withGateway({ ...BALANCED, balancer: { version, manner: 'in pieces' } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(door);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      const bytes = Buffer.alloc(300_000, 'x');
      await client.upload('STOR b', bytes);
      expect(backend.files.get('/b')?.equals(bytes)).toBe(true);
    });
  });

  it('T145: the header comes in one segment with a ClientHello, at the implicit door and for data', async () => {
    const balancer = { version, manner: 'with the first bytes' } as const;
    await withGateway({ ...BALANCED, balancer }, async ({ loggedIn, backend }) => {
      const client = await loggedIn('implicit');
      const down = await client.openData();
      const handshake = down.startTls({ session: client.session });
      await client.command('RETR a', 150);
      await handshake;
      expect((await down.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      const up = await client.openData();
      const secured = up.startTls({ session: client.session });
      await client.command('STOR b', 150);
      await secured;
      up.end('all of it');
      await client.expect(226);
      expect(backend.files.get('/b')?.toString()).toBe('all of it');
    });
  });
});

describe('in clear', () => {
  it('T145: an upload in the same segment as its header is whole', async () => {
    const policy = { requireTls: 'off', requireProtP: 'off' };
    const { balancer: _none, ...direct } = BALANCED;
    await withGateway({ ...direct, policy }, async ({ ownDoors, backend }) => {
      const claim = {
        source: { address: '203.0.113.7', port: 4000 },
        destination: { address: '198.51.100.21', port: 21 },
      };
      const header = proxyHeader(2, claim);
      const client = await ScriptedClient.connect(ownDoors.explicit, { localAddress: BALANCER });
      client.write(Buffer.concat([header, Buffer.from('USER alice\r\n')]));
      await client.expect(220);
      await client.expect(331);
      await client.command('PASS hunter2-Tr0ub4dor', 230);
      const data = await ClientData.connect({ host: '127.0.0.1', port: await client.epsv(), localAddress: BALANCER });
      client.send('STOR c');
      data.startClear().raw.end(Buffer.concat([header, Buffer.from('all of it')]));
      await client.expect(150);
      await client.expect(226);
      expect(backend.files.get('/c')?.toString()).toBe('all of it');
      client.destroy();
    });
  });
});

describe('the real address', () => {
  it('counts for limits.sessionsPerAddress', async () => {
    await withGateway({ ...BALANCED, limits: { sessionsPerAddress: 1 } }, async ({ connect: enter, greeted, logs }) => {
      await greeted('explicit', { localAddress: '127.0.0.5' });
      const second = await enter('explicit', { localAddress: '127.0.0.5' });
      await second.expect(421);
      await second.expectClosed();
      await greeted('explicit', { localAddress: '127.0.0.6' });
      const refused = await logs.until({ event: 'session-ended', outcome: 'too-many-sessions-per-address' });
      expect(refused['client']).toMatch(/^127\.0\.0\.5:/);
      expect(refused['proxy']).toMatch(/^127\.0\.0\.9:/);
    });
  });

  it('decides who may claim a data connection', async () => {
    const timeouts = { tlsHandshake: '500ms' };
    await withGateway({ ...BALANCED, timeouts, passivePorts: 1 }, async ({ loggedIn, logs }) => {
      const client = await loggedIn('explicit', { localAddress: '127.0.0.5' });
      const port = await client.epsv();
      const thief = (await client.openData({ port, localAddress: '127.0.0.6' })).startClear();
      expect(['fin', 'reset']).toContain(await thief.ending);
      expect((await logs.until({ event: 'data-connection-unclaimed' }))['address']).toBe('127.0.0.6');
      expect(await downloadThrough(client, BALANCER, port)).toBe('abc');
    });
  });

  it('decides which address is advertised', async () => {
    const advertise = [
      { clients: '127.0.0.5', address: '192.0.2.7' },
      { clients: '127.0.0.9', address: '192.0.2.9' },
    ];
    await withGateway({ ...BALANCED, advertise }, async ({ loggedIn }) => {
      const told = async (localAddress: string) =>
        (await (await loggedIn('explicit', { localAddress })).pasv()).address;
      expect(await told('127.0.0.5')).toBe('192.0.2.7');
      expect(await told('127.0.0.6')).toBe(BALANCER);
    });
  });
});

describe('closed without a word, counted, and no session', () => {
  const settings = { ...BALANCED, timeouts: { proxyHeader: '150ms' } };
  const header = proxyHeader(2, {
    source: { address: '1.2.3.4', port: 1 },
    destination: { address: '5.6.7.8', port: 2 },
  });
  const tooLong = Buffer.concat([header.subarray(0, 14), Buffer.from([0xff, 0xff])]);

  it.each([
    ['LOCAL, a health check', LOCAL, BALANCER, 'local'],
    ['a stranger with a header', header, '127.0.0.1', 'proxy-header-untrusted'],
    ['no header', 'USER alice\r\n', BALANCER, 'proxy-header-missing'],
    ['TLVs over the cap', tooLong, BALANCER, 'proxy-header-too-long'],
    ['a broken header', 'PROXY TCP4 x\r\n', BALANCER, 'proxy-header-malformed'],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n', BALANCER, 'proxy-header-without-address'],
    ['half a header, then silence', 'PROXY TCP4 1.2', BALANCER, 'proxy-header-timeout'],
  ])('T144: %s', async (_what, bytes, from, outcome) => {
    await withGateway(settings, async (house) => {
      const { ownDoors, config, metrics, logs } = house;
      await expectSilence(ownDoors.explicit, bytes, from);
      await expectSilence(ownDoors.implicit, bytes, from);
      await expectSilence({ address: '127.0.0.1', port: config.data.passive.ports.first }, bytes, from);
      expect(await headers(metrics, 'control', outcome)).toBe(2);
      expect(await headers(metrics, 'data', outcome)).toBe(1);
      expect(sessions(house)).toBe(0);
      const lines = logs.lines.filter(({ event }) => event === 'proxy-header-refused');
      expect(lines.map((line) => line['cause'])).toEqual(outcome === 'local' ? [] : [outcome, outcome, outcome]);
    });
  });

  it('T144: none of it is in the way of a client that comes through the balancer', async () => {
    await withGateway(settings, async ({ loggedIn, ownDoors }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      const data = { address: '127.0.0.1', port };
      await Promise.all([
        expectSilence(data, 'PROXY TCP4'),
        expectSilence(data, LOCAL),
        expectSilence(data, header, '127.0.0.1'),
        expectSilence(ownDoors.explicit, 'PROXY TCP4'),
      ]);
      expect(await downloadThrough(client, BALANCER, port)).toBe('abc');
    });
  });

  it('a stop of the gateway does not wait for headers', async () => {
    await withGateway({ ...BALANCED, timeouts: { proxyHeader: '1h' } }, async ({ gateway, ownDoors }) => {
      const silence = expectSilence(ownDoors.explicit, 'PROXY');
      await expect.poll(() => gateway.openSockets, { interval: 2 }).toBe(1);
      await gateway.stop();
      await silence;
    });
  });
});

describe('control through the balancer, data not', () => {
  it('T146: the direct data connection is closed where data needs a header: 425', async () => {
    await withGateway({ ...BALANCED, timeouts: { dataArrival: '300ms' } }, async ({ loggedIn, metrics }) => {
      const client = await loggedIn('explicit', { localAddress: '127.0.0.5' });
      const data = (await client.openData({ host: '127.0.0.1' })).startClear();
      expect(['fin', 'reset']).toContain(await data.ending);
      await client.command('RETR a', 425);
      expect(await headers(metrics, 'data', 'proxy-header-untrusted')).toBe(1);
    });
  });

  it('T146: with data: off it must come from the address of the header', async () => {
    const proxyProtocol = { ...REQUIRED, data: 'off' };
    const settings = { ...BALANCED, proxyProtocol, timeouts: { tlsHandshake: '500ms' }, passivePorts: 1 };
    await withGateway(settings, async ({ loggedIn, metrics }) => {
      const client = await loggedIn('explicit', { localAddress: '127.0.0.5' });
      const port = await client.epsv();
      const stranger = (await client.openData({ host: '127.0.0.1', port, localAddress: '127.0.0.6' })).startClear();
      expect(['fin', 'reset']).toContain(await stranger.ending);
      expect(await downloadThrough(client, '127.0.0.1', port)).toBe('abc');
      expect(await headers(metrics, 'control', 'accepted')).toBe(1);
      expect(await headers(metrics, 'data', 'accepted')).toBe(0);
    });
  });

  it('T146: with data.peer any it may come from anywhere that has the ticket', async () => {
    const proxyProtocol = { ...REQUIRED, data: 'off' };
    await withGateway({ ...BALANCED, proxyProtocol, data: { peer: 'any' } }, async ({ loggedIn }) => {
      const client = await loggedIn('explicit', { localAddress: '127.0.0.5' });
      const port = await client.epsv();
      const data = await client.openData({ host: '127.0.0.1', port, localAddress: '127.0.0.6' });
      client.send('RETR a');
      const secured = data.startTls({ session: client.session });
      await client.expect(150);
      await secured;
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it('data: required with control: off', async () => {
    const proxyProtocol = { control: 'off', data: 'required', trusted: [BALANCER] };
    const seen: number[] = [];
    const announces = (port: number) => seen.includes(port);
    await withGateway({ ...BALANCED, proxyProtocol, balancer: { announces } }, async ({ config, loggedIn, doors }) => {
      const { first, last } = config.data.passive.ports;
      for (let port = first; port <= last; port += 1) seen.push(port);
      expect(seen).not.toContain(doors.explicit.port);
      // The gateway sees the balancer as the client; the header must name it.
      const client = await loggedIn('explicit', { localAddress: BALANCER });
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });
});
