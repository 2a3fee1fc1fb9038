/**
 * Data connections of those who were not asked: scans of the whole passive range, floods of one port, tickets that prove
 * nothing here, connections at the wrong time. They get nothing and leave nothing, and rightful transfers go on.
 */
import { constants, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { Metrics } from '../../src/observe/metrics.ts';
import { ClientData } from '../support/client-data.ts';
import { digest } from '../support/digest.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { type House, only, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };
/** For what happens at once, on a machine that may be busy. */
const SOON = { interval: 2, timeout: 4000 };
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** A record header, and the first 48 of the 508 bytes that a ClientHello announces. */
const HALF_A_HELLO = Buffer.concat([Buffer.from('1603010200' + '010001fc' + '0303', 'hex'), randomBytes(42)]);

/** What a TLS client without a session sends first. */
async function wholeHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connectTls({ host: '127.0.0.1', port: (listener.address() as AddressInfo).port });
  client.on('error', () => {});
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  listener.close();
  return hello;
}

/** What a stranger does with a connection once it is there. */
type Manner = (socket: Socket) => void;

const SILENT: Manner = () => {};

/** Someone who connects to a data port. */
interface Stranger {
  /** Resolves when the connection is over, with what was received on it. */
  readonly over: Promise<Buffer>;
  leave(): void;
}

/** Connects; the gateway may be quicker to close than the connection to be there. */
function approach(port: number, localAddress: string, manner: Manner): Stranger {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  const received: Buffer[] = [];
  const over = new Promise<Buffer>((resolve) => {
    socket.on('connect', () => manner(socket));
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(Buffer.concat(received)));
  });
  return { over, leave: () => socket.destroy() };
}

/** The value of a metric with exactly these labels, as they are printed; 0 where there is none. */
async function metric(metrics: Metrics, series: string): Promise<number> {
  const line = (await metrics.render()).split('\n').find((text) => text.startsWith(`sallyport_${series} `));
  return Number(line?.split(' ').pop() ?? 0);
}

function unclaimed(metrics: Metrics, cause: string): Promise<number> {
  return metric(metrics, `unclaimed_data_connections_total{cause="${cause}"}`);
}

/** Demands that the whole range is free again and nothing but the control connections of so many sessions is open. */
async function expectOnlySessions({ gateway, metrics, config }: House, sessions: number): Promise<void> {
  await expect.poll(() => gateway.openSockets, SOON).toBe(2 * sessions);
  const { first, last } = config.data.passive.ports;
  expect(await metric(metrics, 'passive_ports{state="free"}')).toBe(last - first + 1);
  expect(await metric(metrics, 'passive_ports{state="waiting"}')).toBe(0);
}

async function withTicket(client: ScriptedClient): Promise<ScriptedClient> {
  await expect.poll(() => client.session?.length ?? 0, SOON).toBeGreaterThan(0);
  return client;
}

describe('a scan of the whole range with 1,000 connections', () => {
  const PORTS = 10;

  it('is closed and counted; rightful clients transfer both ways on the same ports meanwhile', async () => {
    const options = { passivePorts: PORTS, timeouts: { tlsHandshake: '2s' }, legacy: { files: {} } };
    await withGateway(options, async (house) => {
      const { loggedIn, backend, metrics, config } = house;
      const hello = await wholeHello();
      const manners: readonly Manner[] = [
        SILENT,
        (socket) => socket.write(randomBytes(200)),
        (socket) => socket.write(HALF_A_HELLO),
        (socket) => socket.write(hello),
        (socket) => socket.end(),
        (socket) => socket.resetAndDestroy(),
      ];
      const clients = await Promise.all([1, 2, 3].map(() => loggedIn()));
      // One that has asked for a port and takes its time.
      const slow = await loggedIn();
      const promised = await slow.epsv();

      let scanning = true;
      const transfers = clients.map(async (client, index) => {
        let done = 0;
        for (; scanning || done < 3; done += 1) {
          const bytes = randomBytes(20_000 + 1000 * index);
          await client.upload(`STOR ${index}-${done}`, bytes);
          expect(digest(backend.files.get(`/${index}-${done}`))).toBe(digest(bytes));
          expect(digest(await client.download(`RETR ${index}-${done}`))).toBe(digest(bytes));
        }
        return done;
      });
      const strangers = Array.from({ length: 1000 }, (_, index) => {
        const port = config.data.passive.ports.first + (index % PORTS);
        const manner = manners[Math.floor(index / PORTS) % manners.length] ?? SILENT;
        return approach(port, `127.0.0.${10 + (index % 7)}`, manner);
      });
      const received = await Promise.all(strangers.map(({ over }) => over));
      scanning = false;
      expect(Buffer.concat(received)).toHaveLength(0);
      for (const done of await Promise.all(transfers)) expect(done).toBeGreaterThanOrEqual(3);

      const data = await slow.openData({ port: promised });
      await slow.command('RETR 0-0', 150);
      await data.startTls({ session: slow.session });
      expect(digest((await data.readToEnd()).bytes)).toBe(digest(backend.files.get('/0-0')));
      await slow.expect(226);

      await expectOnlySessions(house, 4);
      const resets = strangers.filter((_, index) => Math.floor(index / PORTS) % manners.length === 5).length;
      const [unexpected, unidentified] = [
        await unclaimed(metrics, 'unexpected'),
        await unclaimed(metrics, 'unidentified'),
      ];
      expect(unexpected).toBeGreaterThan(0);
      // Those who came to the promised port, at least.
      expect(unidentified).toBeGreaterThanOrEqual(80);
      expect(await unclaimed(metrics, 'overload')).toBe(0);
      // The kernel tells nothing of a connection that was reset before it could be accepted.
      expect(unexpected + unidentified).toBeGreaterThanOrEqual(1000 - resets);
      expect(unexpected + unidentified).toBeLessThanOrEqual(1000);
      const text = await metrics.render();
      expect(text).not.toMatch(/transfers_total\{[^}]*outcome="(failed|aborted)"/);
      expect(text).not.toMatch(/data_connection_failures_total\{/);
    });
  }, 40_000);
});

describe('a flood of one port on which somebody waits', () => {
  /** What a session has open that waits for its client: both control connections, and the backend's data connection. */
  const WAITING_SOCKETS = 3;

  it('is looked at up to a limit and closed beyond it; the client is served, and then all are gone', async () => {
    const options = { passivePorts: 1, timeouts: { tlsHandshake: '2s' }, legacy: { files: FILES } };
    await withGateway(options, async (house) => {
      const { loggedIn, metrics, gateway } = house;
      const client = await loggedIn();
      const port = await client.epsv();
      const strangers: Stranger[] = [];
      // Not more at a time than the kernel keeps for a listener.
      for (const count of [256, 256, 88]) {
        strangers.push(...Array.from({ length: count }, () => approach(port, '127.0.0.2', SILENT)));
        const open = WAITING_SOCKETS + Math.min(strangers.length, 512);
        await expect.poll(() => gateway.openSockets, SOON).toBe(open);
      }
      await expect.poll(() => unclaimed(metrics, 'overload'), SOON).toBe(88);
      const data = await client.openData({ port });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      await Promise.all(strangers.map(({ over }) => over));
      expect(await unclaimed(metrics, 'unidentified')).toBe(512);
      await expectOnlySessions(house, 1);
    });
  });

  it('whose connections go away by themselves leaves room at once for those who come', async () => {
    const options = { passivePorts: 1, timeouts: { tlsHandshake: '1h' }, legacy: { files: FILES } };
    await withGateway(options, async (house) => {
      const { loggedIn, metrics } = house;
      const client = await withTicket(await loggedIn());
      const port = await client.epsv();
      for (const round of [1, 2]) {
        const strangers = Array.from({ length: 400 }, () => approach(port, '127.0.0.2', SILENT));
        await expect.poll(() => house.gateway.openSockets, SOON).toBe(WAITING_SOCKETS + 400);
        for (const stranger of strangers) stranger.leave();
        await expect.poll(() => unclaimed(metrics, 'unidentified'), SOON).toBe(400 * round);
      }
      expect(await unclaimed(metrics, 'overload')).toBe(0);
      const data = await client.openData({ port, localAddress: '127.0.0.9' });
      client.send('RETR a');
      await data.startTls({ session: client.session });
      await client.expect(150);
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });
});

describe('strangers at the address of the client', () => {
  it('get nothing of two clients that share a port, and are in the way of neither', async () => {
    const options = {
      passivePorts: 1,
      timeouts: { tlsHandshake: '1s' },
      legacy: { files: { '/0': 'zero', '/1': 'one' } },
    };
    await withGateway(options, async (house) => {
      const { loggedIn, backend, metrics } = house;
      const hello = await wholeHello();
      const clients = [await withTicket(await loggedIn()), await withTicket(await loggedIn())];
      // Who has resumed before may share.
      for (const client of clients) await client.earnSharing('RETR 0');
      const port = await clients[0]!.epsv();
      expect(await clients[1]!.epsv()).toBe(port);
      const manners: readonly Manner[] = [
        SILENT,
        (socket) => socket.write(randomBytes(200)),
        (socket) => socket.write(HALF_A_HELLO),
        (socket) => socket.write(hello),
        (socket) => socket.end(),
      ];
      const strangers = Array.from({ length: 50 }, (_, index) =>
        approach(port, '127.0.0.1', manners[index % manners.length] ?? SILENT),
      );
      await expect.poll(() => unclaimed(metrics, 'unidentified'), SOON).toBeGreaterThan(0);
      await Promise.all(
        clients.map(async (client, index) => {
          const down = await client.openData({ port });
          client.send(`RETR ${index}`);
          await client.expect(150);
          await down.startTls({ session: client.session });
          expect((await down.readToEnd()).bytes.toString()).toBe(['zero', 'one'][index]);
          await client.expect(226);
          await client.upload(`STOR up-${index}`, `from ${index}`);
          expect(backend.files.get(`/up-${index}`)?.toString()).toBe(`from ${index}`);
        }),
      );
      expect(Buffer.concat(await Promise.all(strangers.map(({ over }) => over)))).toHaveLength(0);
      await expectOnlySessions(house, 2);
      const [unexpected, unidentified] = [
        await unclaimed(metrics, 'unexpected'),
        await unclaimed(metrics, 'unidentified'),
      ];
      expect(unexpected + unidentified).toBe(50);
    });
  });

  it.each([
    'RETR a',
    'STOR a',
  ])('can spoil %s where they come first, and neither see a byte nor leave half a file', async (line) => {
    const options = { passivePorts: 1, timeouts: { tlsHandshake: '300ms' }, legacy: { files: FILES } };
    await withGateway(options, async (house) => {
      const { loggedIn, backend, metrics } = house;
      const client = await loggedIn();
      const port = await client.epsv();
      const thief = approach(port, '127.0.0.1', SILENT);
      await expect.poll(() => house.gateway.passivePorts.waiting, SOON).toBe(0);
      const late = approach(port, '127.0.0.1', SILENT);
      expect(await late.over).toHaveLength(0);
      expect(await unclaimed(metrics, 'unexpected')).toBe(1);
      await client.command(line, 150);
      await client.expect(522);
      expect(await thief.over).toHaveLength(0);
      expect(backend.files.get('/a')?.toString()).toBe('abc');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await expectOnlySessions(house, 1);
    });
  });
});

describe('at the wrong time', () => {
  it('before EPSV: closed, and the port that is promised then is for who comes then', async () => {
    await withGateway({ passivePorts: 1, legacy: { files: FILES } }, async (house) => {
      const { loggedIn, metrics, config } = house;
      const client = await withTicket(await loggedIn());
      const { first } = config.data.passive.ports;
      const early = await ClientData.connect({ host: '127.0.0.1', port: first });
      await expect(early.startTls({ session: client.session })).rejects.toThrow();
      expect(await unclaimed(metrics, 'unexpected')).toBe(1);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await expectOnlySessions(house, 1);
    });
  });

  it('after the transfer: closed, whatever ticket it shows, and no second transfer comes of it', async () => {
    await withGateway({ passivePorts: 1, legacy: { files: FILES } }, async (house) => {
      const { loggedIn, metrics, config, backend } = house;
      const client = await withTicket(await loggedIn());
      expect((await client.download('RETR a')).toString()).toBe('abc');
      const { first } = config.data.passive.ports;
      const again = await ClientData.connect({ host: '127.0.0.1', port: first });
      await expect(again.startTls({ session: client.session })).rejects.toThrow();
      expect(await unclaimed(metrics, 'unexpected')).toBe(1);
      await client.command('RETR a', 425);
      expect(backend.verbs.filter((verb) => verb === 'RETR')).toHaveLength(1);
      await expectOnlySessions(house, 1);
    });
  });

  it('during the transfer: closed, and the transfer goes on', async () => {
    await withGateway({ passivePorts: 1 }, async (house) => {
      const { loggedIn, metrics, config, backend } = house;
      const client = await withTicket(await loggedIn());
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await data.write('first half, ');
      const second = await ClientData.connect({ host: '127.0.0.1', port: config.data.passive.ports.first });
      await expect(second.startTls({ session: client.session })).rejects.toThrow();
      expect(await unclaimed(metrics, 'unexpected')).toBe(1);
      data.end('second half');
      await client.expect(226);
      expect(backend.files.get('/b')?.toString()).toBe('first half, second half');
    });
  });

  it.each(
    VERSIONS,
  )('twice, each with the right ticket, where proof is required (%s): one is served, the other closed', async (version) => {
    await withGateway({ passivePorts: 1, legacy: { files: FILES } }, async (house) => {
      const { loggedIn } = house;
      const tls = only(version);
      const [client, other] = [await loggedIn('explicit', { tls }), await loggedIn('explicit', { tls })];
      // Who has resumed before may share.
      for (const each of [client, other]) await (await withTicket(each)).earnSharing('RETR a', tls);
      const port = await client.epsv();
      await other.epsv();
      const pair = [await client.openData({ port }), await client.openData({ port })];
      client.send('RETR a');
      await client.expect(150);
      const served = await Promise.all(
        pair.map(async (data) => {
          await data.startTls({ session: client.session, ...tls }).catch(() => {});
          return (await data.readToEnd()).bytes.toString();
        }),
      );
      expect(served.toSorted()).toEqual(['', 'abc']);
      await client.expect(226);
      expect((await client.download('RETR a', tls)).toString()).toBe('abc');
    });
  });
});

describe.each([
  ['TLS 1.2 ticket', only('TLSv1.2')],
  ['TLS 1.2 session id', { ...only('TLSv1.2'), secureOptions: constants.SSL_OP_NO_TICKET }],
  ['TLS 1.3 ticket', only('TLSv1.3')],
])('a %s that is of no session here any more, or never was', (_what, tls) => {
  /** The TLS session of a control connection that has ended, of the same gateway or of another one. */
  async function foreignSession(of: 'dead session' | 'other gateway', house: House): Promise<Buffer> {
    let session: Buffer | undefined;
    const take = async ({ loggedIn, gateway }: House): Promise<void> => {
      const before = gateway.activeSessions;
      const client = await withTicket(await loggedIn('explicit', { tls }));
      session = client.session;
      expect((await client.download('RETR a', tls)).toString()).toBe('abc');
      await client.command('QUIT', 221);
      await expect.poll(() => gateway.activeSessions, SOON).toBe(before);
    };
    await (of === 'dead session' ? take(house) : withGateway({ legacy: { files: FILES } }, take));
    return session ?? expect.fail('no TLS session');
  }

  const OWNERS = ['dead session', 'other gateway'] as const;

  it.each(OWNERS)('%s: not resumed; the client it comes from is served by a full handshake', async (of) => {
    await withGateway({ legacy: { files: FILES } }, async (house) => {
      const session = await foreignSession(of, house);
      const client = await house.loggedIn('explicit', { tls });
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session, ...tls });
      expect(data.resumed).toBe(false);
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });

  it.each(OWNERS)('%s: 522 where sessionReuse is require', async (of) => {
    await withGateway({ legacy: { files: FILES }, policy: { sessionReuse: 'require' } }, async (house) => {
      const session = await foreignSession(of, house);
      const client = await withTicket(await house.loggedIn('explicit', { tls }));
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session, ...tls }).catch(() => {});
      await client.expect(522);
      expect((await data.readToEnd()).bytes).toHaveLength(0);
      expect((await client.download('RETR a', tls)).toString()).toBe('abc');
    });
  });

  it.each(OWNERS)('%s: closed where only TLS can tell who it is, and the rightful client is served', async (of) => {
    const options = { passivePorts: 1, data: { peer: 'any' }, legacy: { files: FILES } };
    await withGateway(options, async (house) => {
      const session = await foreignSession(of, house);
      const client = await withTicket(await house.loggedIn('explicit', { tls }));
      const port = await client.epsv();
      const stranger = await ClientData.connect({ host: '127.0.0.1', port });
      await expect(stranger.startTls({ session, ...tls })).rejects.toThrow();
      expect(await unclaimed(house.metrics, 'unidentified')).toBe(1);
      const data = await client.openData({ port });
      client.send('RETR a');
      await client.expect(150);
      await data.startTls({ session: client.session, ...tls });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      await expectOnlySessions(house, 1);
    });
  });
});
