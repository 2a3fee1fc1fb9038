/** Strangers at the ports of replicas, and a replica that stands still: what they hold is bounded, in number and in time. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressOf, CLIENT, downloadThrough, withReplicas } from '../support/replicas.ts';

const MANY = 600;

/** Connects many times, says a little, and waits until all that are not closed are there. */
async function scan(host: string, port: number, said: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: MANY }, () => connect({ host, port, localAddress: CLIENT }));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.resume();
  }
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  if (said !== '') for (const socket of sockets) socket.write(said);
  return sockets;
}

const open = (sockets: readonly Socket[]) => sockets.filter(({ closed }) => !closed).length;

describe('strangers at the port of the replicas', () => {
  it.each([
    ['say nothing', ''],
    ['begin a header', '\r\n'],
  ])('who %s: some hundreds are held, the oldest of the address with the most make way', async (_what, said) => {
    await withReplicas({ count: 2, passivePorts: 2, legacy: { files: { '/a': 'abc' } } }, async (house) => {
      const { linkPort, loggedIn, replica } = house;
      const sockets = await scan(addressOf(0), linkPort, said);
      await expect.poll(() => open(sockets), { timeout: 3000 }).toBeLessThanOrEqual(512);
      const client = await loggedIn(0);
      expect((await downloadThrough(client, replica(1), 'RETR a')).bytes.toString()).toBe('abc');
      for (const socket of sockets) socket.destroy();
    });
  });
});

describe('a replica that stands still', () => {
  it('holds some hundreds of connections to its ports, and the others are closed at once', async () => {
    await withReplicas({ count: 2, passivePorts: 2, starts: (index) => index === 0 }, async (house) => {
      const still = await house.spawn(1);
      still.halt();
      const begun = performance.now();
      const sockets = await scan(addressOf(0), house.passive.last, '');
      await expect.poll(() => open(sockets), { timeout: 2500, interval: 20 }).toBeLessThanOrEqual(512);
      // Before the time for an answer is over, after which all would be closed.
      expect(performance.now() - begun).toBeLessThan(2900);
      for (const socket of sockets) socket.destroy();
    });
  });

  it('leaves no doubt behind where it was not heard for as long as a connection may be late', async () => {
    const timeouts = { tlsHandshake: '1s', dataArrival: '7s' };
    const options = { passivePorts: 1, timeouts, legacy: { files: { '/a': 'abc' } } };
    await withReplicas({ ...options, starts: (index) => index !== 0 }, async (house) => {
      const still = await house.spawn(0);
      still.halt();
      for (const index of [1, 2]) {
        await house.replica(index).logs.until({ event: 'replica-down', replica: 0, cause: 'replication-silent' }, 6000);
      }
      const attempt = async () => {
        const client = await house.loggedIn(1);
        const data = await client.openData({ host: house.replica(2).address });
        await client.command('RETR a', 150);
        const secured = await data.startTls().catch(() => undefined);
        if (secured !== undefined) await data.readToEnd();
        await client.expect(secured === undefined ? 425 : 226);
        await client.command('QUIT', 221);
        return secured !== undefined;
      };
      // Its session may wait for it.
      expect(await attempt()).toBe(false);
      await expect.poll(attempt, { timeout: 8000 }).toBe(true);
    });
  });
});
