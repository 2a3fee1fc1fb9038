/**
 * Several replicas behind one address, and what must not happen there: replicas that claim what is not theirs, forged connections, and
 * replicas that are gone in the middle.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { formatProxyHeaderV2 } from '../../src/wire/proxy-header-format.ts';
import { ClientData } from '../support/client-data.ts';
import {
  addressOf,
  CLIENT,
  downloadThrough,
  type Replica,
  type ReplicasHouse,
  withReplicas,
} from '../support/replicas.ts';

const FILES = { legacy: { files: { '/a': 'abc' } } };

describe('a replica that must not be believed', () => {
  it('claims the index of another one that lives: it is refused, and not ready; the first one goes on', async () => {
    await withReplicas(
      { ...FILES, count: 3, starts: (index) => index < 2 },
      async ({ start, replica, linked, loggedIn }) => {
        await linked(0, 1);
        // On the address of replica 2, with the index of replica 1.
        const impostor = await start(2, { index: 1 });
        const refused = await replica(0).logs.until(
          { event: 'replica-refused', cause: 'replication-index-taken' },
          8000,
        );
        expect(refused['detail']).toContain('replica 1');
        await expect
          .poll(() => impostor.gateway.readiness().reasons, { timeout: 8000 })
          .toEqual(
            expect.arrayContaining([
              'another replica has index 1',
              'replication.peers says that this is replica 2, not 1',
            ]),
          );
        expect(replica(0).gateway.readiness().ready).toBe(true);
        expect(replica(1).gateway.readiness().ready).toBe(true);
        const client = await loggedIn(0);
        expect((await downloadThrough(client, replica(1), 'RETR a')).bytes.toString()).toBe('abc');
      },
    );
  });

  it('claims our own index', async () => {
    await withReplicas({ ...FILES, count: 2, starts: (index) => index === 0 }, async ({ start, replica }) => {
      await start(1, { index: 0, peers: [`${addressOf(1)}:1`, peerOf(replica(0))] });
      await replica(0).logs.until({ event: 'replica-refused', cause: 'replication-index-taken' });
    });
  });

  it('has another key', async () => {
    await withReplicas({ ...FILES, count: 2, starts: (index) => index === 0 }, async ({ start, replica }) => {
      const other = await start(1, { key: 'a key of the same length, but another one' });
      await replica(0).logs.until({ event: 'replica-refused', cause: 'replication-tls-failed' });
      await other.logs.until({ event: 'replica-down', cause: 'replication-tls-failed' });
      expect(await replica(0).metric('replica_link_failures_total', 'replication-tls-failed')).toBeGreaterThan(0);
      const reason = 'no other replica has accepted this one: replication-tls-failed';
      expect(other.gateway.readiness().reasons).toContain(reason);
    });
  });

  it('claims an index that nobody has heard of', async () => {
    await withReplicas({ ...FILES, count: 3, starts: (index) => index === 0 }, async ({ start, replica, linkPort }) => {
      const peers = [0, 1, 2, 3].map((index) => `${addressOf(index)}:${linkPort}`);
      const unknown = await start(2, { count: 4, index: 3, peers });
      const refused = await replica(0).logs.until({ event: 'replica-refused', cause: 'replication-index-unknown' });
      expect(refused['detail']).toBe('it says replica 3 of 4; here replication.count is 3');
      expect(await unknown.logs.until({ event: 'replica-down', cause: 'replication-index-unknown' })).toBeDefined();
      expect(replica(0).gateway.replication?.others.map(({ index }) => index)).toEqual([1, 2]);
    });
  });

  it('is found where another one was expected', async () => {
    await withReplicas({ ...FILES, count: 3, starts: (index) => index === 1 }, async ({ start, linkPort }) => {
      const peers = [0, 2, 1].map((index) => `${addressOf(index)}:${linkPort}`);
      const { logs } = await start(0, { peers });
      const down = await logs.until({ event: 'replica-down', cause: 'replication-wrong-replica' });
      expect(down['detail']).toBe('expected replica 2, found 1');
    });
  });

  it('has another count or another range: that is told, and connections find their way by what each says', async () => {
    await withReplicas({ ...FILES, count: 2, starts: (index) => index === 0 }, async (house) => {
      const { start, replica, linkPort, linked, loggedIn } = house;
      const peers = [0, 1, 2].map((index) => `${addressOf(index)}:${linkPort}`);
      await start(1, { count: 3, peers });
      await linked(0, 1);
      const differs = await replica(0).logs.until({ event: 'replica-differs' });
      expect(differs['detail']).toBe('replication.count is 3 there and 2 here');
      for (const index of [0, 1]) {
        const client = await loggedIn(index);
        expect((await downloadThrough(client, replica(1 - index), 'RETR a')).bytes.toString()).toBe('abc');
      }
    });
  });
});

describe('a replica that dies in the middle', () => {
  const CLEAR = { policy: { requireProtP: 'off' } } as const;
  const WAYS = [
    ['clear', 'strict'],
    ['private', 'strict'],
    ['private', 'tolerant'],
  ] as const;
  const MANY = Buffer.alloc(2 ** 20, 'some of many bytes. ');

  it.each(WAYS)('an upload through it is never taken for complete: %s, uploadEnd %s', async (protection, uploadEnd) => {
    const policy = { ...CLEAR.policy, uploadEnd };
    await withReplicas({ policy, count: 2, starts: (index) => index === 0 }, async (house) => {
      const relay = await house.spawn(1);
      const client = await house.loggedIn(0);
      if (protection === 'clear') await client.command('PROT C', 200);
      const data = await client.openData({ host: addressOf(1) });
      await client.command('STOR b', 150);
      if (protection === 'clear') data.startClear();
      else await data.startTls({ session: client.session });
      await data.write(MANY);
      await expect.poll(() => movedBy(house.replica(0)), { timeout: 5000 }).toBe(MANY.length);
      await relay.kill();
      // In clear the word of the one that died is waited for.
      expect((await client.reply(12_000)).code).toBe(426);
      const { logs } = house.replica(0);
      expect(await logs.until({ event: 'transfer', verb: 'STOR' })).toMatchObject({ outcome: 'failed' });
    });
  });

  it('a download through it fails, and ends in a reset or without the end of TLS', async () => {
    const legacy = { files: { '/large': Buffer.alloc(64 * 2 ** 20) } };
    await withReplicas({ legacy, count: 2, starts: (index) => index === 0 }, async (house) => {
      const relay = await house.spawn(1);
      const client = await house.loggedIn(0);
      const data = await client.openData({ host: addressOf(1) });
      await client.command('RETR large', 150);
      await data.startTls({ session: client.session });
      await inTheMiddle(data);
      await relay.kill();
      data.resume();
      expect((await data.readToEnd()).ending).not.toBe('close_notify');
      await client.expect(426);
    });
  });

  it('the one that has the session: its client never sees the end of TLS, and never a reply', async () => {
    const legacy = { files: { '/large': Buffer.alloc(64 * 2 ** 20) } };
    await withReplicas({ legacy, count: 2, starts: (index) => index === 0 }, async (house) => {
      const owner = await house.spawn(1);
      const client = await owner.loggedIn();
      const data = await client.openData({ host: addressOf(0) });
      await client.command('RETR large', 150);
      await data.startTls({ session: client.session });
      await inTheMiddle(data);
      await owner.kill();
      data.resume();
      expect((await data.readToEnd()).ending).not.toBe('close_notify');
      await expect(client.expect(226)).rejects.toThrow('connection closed instead of a reply');
      const outcomes = async () => {
        const { metric } = house.replica(0);
        const all = ['reset', 'completed'].map((each) => metric('handed_over_data_connections_total', `"${each}"`));
        return (await Promise.all(all)).reduce((sum, count) => sum + count);
      };
      await expect.poll(outcomes).toBe(1);
      const late = await ClientData.connect({ host: addressOf(0), port: house.passive.last, localAddress: CLIENT });
      await late.startClear().readToEnd();
      expect(await house.replica(0).metric('unclaimed_data_connections_total', 'owner-gone')).toBe(1);
    });
  });
});

describe('a connection to the port of the replicas', () => {
  const client = { address: CLIENT, port: 5555 };

  it.each([
    ['a header without a token', undefined],
    ['a header with a token that nobody has given', Buffer.alloc(32, 7)],
    ['a header with a token of another length', Buffer.alloc(7, 7)],
  ])('%s is closed and counted as forged', async (_what, token) => {
    await withReplicas({ ...FILES, count: 2 }, async ({ replica, loggedIn, linkPort }) => {
      const { address } = replica(0);
      const session = await loggedIn(0);
      const port = await session.epsv();
      const destination = { address, port };
      const forged = connect({ host: address, port: linkPort });
      forged.on('error', () => {});
      forged.write(formatProxyHeaderV2({ source: client, destination }, { token }));
      await once(forged, 'close');
      expect(await replica(0).metric('unclaimed_data_connections_total', 'forged')).toBe(1);
      expect(replica(0).gateway.passivePorts.waiting).toBe(1);
    });
  });

  it.each([
    ['bytes of neither protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a TLS record that is none', Buffer.from('160301000501000000ff', 'hex')],
  ])('%s is closed', async (_what, bytes) => {
    await withReplicas({ ...FILES, count: 2 }, async ({ replica, linkPort }) => {
      const stranger = connect({ host: replica(0).address, port: linkPort });
      stranger.on('error', () => {});
      stranger.end(bytes);
      stranger.resume();
      await once(stranger, 'close');
      expect(replica(0).gateway.replication?.others).toMatchObject([{ index: 1, up: true }]);
    });
  });
});

/** Waits for the first bytes of a download, and takes no more. */
async function inTheMiddle(data: ClientData): Promise<void> {
  await expect.poll(() => data.receivedBytes, { interval: 1, timeout: 5000 }).toBeGreaterThan(0);
  data.pause();
}

/** Bytes of the transfer in the replica's only session. */
function movedBy({ gateway }: Replica): number | undefined {
  const [session] = gateway.sessions;
  return session?.snapshot().transfer?.bytes;
}

function peerOf({ address, gateway }: ReplicasHouse['replicas'][number]): string {
  return `${address}:${gateway.replication?.port}`;
}
