/**
 * Data connections that come too late, with several replicas: never to another session, neither where their replica was restarted nor where both
 * sessions are on one; and nobody is refused for longer than such a one may come.
 */
import { describe, expect, it } from 'vitest';
import { type ReplicasHouse, withReplicas } from '../support/replicas.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';

const SHARED = { passivePorts: 1, legacy: { files: { '/a': 'abc' } } } as const;

/** A connection of a session that is gone, through replica 1; closed, and not the other one's. */
async function comesLate({ replica, backend }: ReplicasHouse, gone: ScriptedClient, other: ScriptedClient) {
  const port = await other.epsv();
  const late = await gone.openData({ port, host: replica(1).address });
  await other.command('STOR b', 150);
  await expect(late.startTls({ session: gone.session })).rejects.toThrow();
  expect(await replica(1).metric('unclaimed_data_connections_total', 'overload')).toBe(0);
  expect(backend.files.has('/b')).toBe(false);
  // Its own is taken still.
  const data = await other.openData({ port, host: replica(1).address });
  await data.startTls({ session: other.session });
  await data.write('of the right one');
  data.end();
  await other.expect(226);
  expect(backend.files.get('/b')?.toString()).toBe('of the right one');
}

describe('a connection to a session whose replica was killed', () => {
  it.each([
    ['and started again: not to a session on another one', 2],
    ['and started again: not to a session there', 0],
  ])('%s', async (_what, index) => {
    await withReplicas({ ...SHARED, starts: (each) => each !== 0 }, async (house) => {
      const owner = await house.spawn(0);
      const gone = await owner.loggedIn();
      await gone.epsv();
      await expect.poll(() => gone.session?.length ?? 0).toBeGreaterThan(0);
      await owner.kill();
      await house.start(0);
      await house.linked();
      await comesLate(house, gone, await house.loggedIn(index));
    });
  });
});

describe('a connection that a session has given up', () => {
  it('does not go to another one on the same replica', async () => {
    await withReplicas(SHARED, async (house) => {
      const gone = await house.loggedIn(0);
      await gone.epsv();
      await expect.poll(() => gone.session?.length ?? 0).toBeGreaterThan(0);
      await gone.command('QUIT', 221);
      await comesLate(house, gone, await house.loggedIn(0));
    });
  });

  it('does not stand in the way of the next one of the same session', async () => {
    await withReplicas(SHARED, async ({ loggedIn, replica }) => {
      const client = await loggedIn(0);
      await client.epsv();
      for (const index of [0, 1, 2]) {
        // Not resumed.
        const data = await client.openData({ host: replica(index).address });
        await client.command('RETR a', 150);
        await data.startTls();
        expect((await data.readToEnd()).bytes.toString()).toBe('abc');
        await client.expect(226);
        await client.epsv();
      }
    });
  });
});

describe('clients that cannot resume', () => {
  it('are refused for as long as one such connection may come, however many of them try, and not for longer', async () => {
    const timeouts = { tlsHandshake: '1s', dataArrival: '3s' };
    await withReplicas({ ...SHARED, timeouts }, async ({ loggedIn, replica }) => {
      const first = await loggedIn(0);
      await first.epsv();
      await first.command('QUIT', 221);
      const begun = performance.now();
      const outcomes: boolean[] = [];
      for (let time = 1; outcomes.filter((each) => each).length < 3; time += 1) {
        const client = await loggedIn(time % 3);
        const data = await client.openData({ host: replica((time + 1) % 3).address });
        await client.command('RETR a', 150);
        const secured = await data.startTls().catch(() => undefined);
        if (secured !== undefined) await data.readToEnd();
        await client.expect(secured === undefined ? 425 : 226);
        await client.command('QUIT', 221);
        outcomes.push(secured !== undefined);
        expect(performance.now() - begun, `${outcomes}`).toBeLessThan(8000);
      }
      expect(outcomes[0]).toBe(false);
      expect(outcomes.slice(-3)).toEqual([true, true, true]);
    });
  });
});
