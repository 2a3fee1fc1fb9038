/**
 * Replicas that get other ports while others still believe in the old ones: data of one session must never reach another, whoever can
 * reach whom.
 */
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ClientData } from '../support/client-data.ts';
import { addressOf, downloadThrough, type ReplicasHouse, withReplicas } from '../support/replicas.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';

const SMALLER = [0, 2] as const;

/** Asks for ports until it is this one. */
async function until(client: ScriptedClient, port: number): Promise<void> {
  for (let time = 0; time < 50; time += 1) if ((await client.epsv()) === port) return;
  throw new Error(`never got port ${port}`);
}

/** A client of replica 0 and one of replica 1 at one port and one address: the second one of the range, which has moved. */
async function twoAtOnePort({ passive, loggedIn }: ReplicasHouse) {
  const port = passive.first + 1;
  const [old, moved] = [await loggedIn(0), await loggedIn(1)];
  await until(old, port);
  expect(await moved.epsv()).toBe(port);
  return { port, old, moved };
}

/** Sends as the client of the moved port; false where the connection is closed. */
async function send(data: ClientData, client: ScriptedClient): Promise<boolean> {
  const secured = await data.startTls({ session: client.session }).catch(() => undefined);
  if (secured === undefined) return false;
  await data.write('a secret of the moved');
  data.end();
  return true;
}

describe('a replica that is restarted with another range, while others have not seen it come back', () => {
  it('has its data connections led to it, and not to the one that has its port by the old range', async () => {
    await withReplicas({ starts: () => false }, async (house) => {
      for (const index of [0, 1, 2]) await house.start(index);
      await house.linked();
      const failures = () => house.replica(2).metric('replica_link_failures_total');
      const before = await failures();
      await house.replica(1).gateway.stop();
      // The next attempt is seconds away by then.
      await expect.poll(failures, { timeout: 12_000 }).toBeGreaterThanOrEqual(before + 4);
      await house.start(1, {}, SMALLER);
      const { port, old, moved } = await twoAtOnePort(house);
      const data = await moved.openData({ port, host: house.replica(2).address });
      old.send('STOR of-the-old');
      moved.send('STOR of-the-moved');
      await moved.expect(150);
      expect(await send(data, moved)).toBe(true);
      await moved.expect(226);
      expect(house.backend.files.get('/of-the-moved')?.toString()).toBe('a secret of the moved');
      expect(house.backend.files.has('/of-the-old')).toBe(false);
    });
  });
});

/** What another replica has to pass to reach replica 1; `cut` closes all, and lets nobody through any more. */
async function gateTo(port: () => number): Promise<{ readonly place: string; cut(): void }> {
  const open: Socket[] = [];
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect({ host: addressOf(1), port: port() });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.push(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const cut = () => {
    isCut = true;
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { place: `127.0.0.1:${address.port}`, cut };
}

describe('a range that is changed while one link is cut', () => {
  it('is known over the link in the other direction: nobody else gets data of the new owner of a port', async () => {
    let linkPort = 0;
    const gate = await gateTo(() => linkPort);
    try {
      await withReplicas({ starts: () => false, timeouts: { tlsHandshake: '8s' } }, async (house) => {
        linkPort = house.linkPort;
        for (const index of [0, 1]) await house.start(index);
        const peers = [`${addressOf(0)}:${linkPort}`, gate.place, `${addressOf(2)}:${linkPort}`];
        await house.start(2, { peers });
        await house.linked();
        gate.cut();
        const seen = () => house.replica(2).gateway.replication?.others.find(({ index }) => index === 1);
        await expect.poll(() => seen()?.up).toBe(false);
        await house.reload(1, SMALLER);
        // Before any session there can have a port of it.
        expect(seen()?.ports).toContain(`${house.passive.first + 1}`);
        const { port, old, moved } = await twoAtOnePort(house);
        const data = await moved.openData({ port, host: house.replica(2).address });
        old.send('STOR of-the-old');
        moved.send('STOR of-the-moved');
        expect(await send(data, moved)).toBe(false);
        expect(house.backend.files.get('/of-the-old')?.toString() ?? '').toBe('');
        expect(await house.replica(2).metric('unclaimed_data_connections_total', 'owner-gone')).toBe(1);
      });
    } finally {
      gate.cut();
    }
  });

  it('is made good when the link is there again', async () => {
    await withReplicas(
      { count: 2, starts: (index) => index === 0, legacy: { files: { '/a': 'abc' } } },
      async (house) => {
        await house.start(1);
        await house.linked(0, 1);
        await house.replica(1).gateway.stop();
        await house.reload(0, [0, 3]);
        await house.start(1, {}, [0, 3]);
        const shown = () => house.replica(1).gateway.replication?.others[0]?.ports;
        await expect.poll(shown).toBe(`${house.passive.first}-${house.passive.first + 1}`);
        const client = await house.loggedIn(0);
        expect((await downloadThrough(client, house.replica(1), 'RETR a')).bytes.toString()).toBe('abc');
      },
    );
  });
});
