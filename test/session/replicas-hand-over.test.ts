/**
 * Data connections that are handed over between replicas, where bytes are lost or late on the way, or the replica between stops: what the
 * client is told is what has become of its bytes.
 */
import { describe, expect, it } from 'vitest';
import { type Carry, ReplicaWire } from '../support/replica-wire.ts';
import {
  addressOf,
  type Replica,
  type ReplicasHouse,
  type ReplicasOptions,
  withReplicas,
} from '../support/replicas.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';

const CLEAR = { policy: { requireProtP: 'off' } } as const;
const LARGE = Buffer.alloc(3 * 2 ** 20, 'all bytes arrive in order. ');

/** Two replicas; data connections that come to replica 1 are handed over to replica 0 on a wire. */
async function withWire(
  options: Pick<ReplicasOptions, 'legacy' | 'timeouts'>,
  carry: Carry | undefined,
  play: (house: ReplicasHouse, wire: ReplicaWire) => Promise<void>,
): Promise<void> {
  await withReplicas({ ...CLEAR, ...options, count: 2, starts: (index) => index === 0 }, async (house) => {
    const wire = await ReplicaWire.to({ host: addressOf(0), port: house.linkPort }, carry);
    try {
      await house.start(1, { peers: [wire.place, `${addressOf(1)}:${house.linkPort}`] });
      await house.linked();
      await play(house, wire);
      await house.replica(1).gateway.stop();
    } finally {
      wire.close();
    }
  });
}

/** A client of replica 0 with PROT C, and its data connection to this one. */
async function inClear({ loggedIn }: ReplicasHouse, { address }: Pick<Replica, 'address'>, command: string) {
  const client = await loggedIn(0);
  await client.command('PROT C', 200);
  const data = await client.openData({ port: await client.epsv(), host: address });
  await client.command(command, 150);
  return { client, data: data.startClear() };
}

async function outcomeOf({ replica }: ReplicasHouse, client: ScriptedClient, code: number): Promise<unknown> {
  const answer = await client.reply(15_000);
  expect(answer.code).toBe(code);
  return (await replica(0).logs.until({ event: 'transfer' }))['outcome'];
}

describe('an upload in clear', () => {
  it('is not taken for complete where its end arrives without all of its bytes', async () => {
    const loseSome: Carry = (caller, owner) => {
      caller.on('data', (chunk: Buffer) => owner.write(chunk.subarray(0, -1)));
      caller.on('end', () => owner.end());
      owner.pipe(caller);
    };
    await withWire({}, loseSome, async (house) => {
      const { client, data } = await inClear(house, house.replica(1), 'STOR b');
      await data.write(LARGE);
      data.end();
      expect(await outcomeOf(house, client, 426)).toBe('failed');
    });
  });

  it('is complete where nothing is lost, be it empty', async () => {
    await withWire({}, undefined, async (house) => {
      for (const bytes of [LARGE, Buffer.from('abc'), Buffer.alloc(0)]) {
        const { client, data } = await inClear(house, house.replica(1), 'STOR b');
        if (bytes.length > 0) await data.write(bytes);
        data.end();
        await client.expect(226);
        expect(house.backend.files.get('/b')?.equals(bytes)).toBe(true);
      }
    });
  });

  it('is complete where the link is lost for some seconds while it ends', async () => {
    await withWire({}, undefined, async (house, wire) => {
      const { client, data } = await inClear(house, house.replica(1), 'STOR b');
      await data.write(LARGE);
      wire.links = 'lost';
      data.end();
      // Whichever of the two notices first closes the connection.
      await house.replica(1).logs.until({ event: 'replica-down', replica: 0 }, 8000);
      wire.links = 'carried';
      expect(await outcomeOf(house, client, 226)).toBe('completed');
    });
  });
});

describe('a download', () => {
  const STALL = 1000;
  const legacy = { files: { '/large': LARGE } };

  it.each([
    'clear',
    'private',
  ] as const)('goes on as long as bytes move behind the replica between: %s', async (how) => {
    // As if the kernels between held all of it: the owner has sent the last byte long before it arrives.
    const late: Carry = (caller, owner) => {
      const held: Buffer[] = [];
      let ended = false;
      owner.on('data', (chunk: Buffer) => void held.push(chunk));
      owner.on('end', () => {
        ended = true;
      });
      caller.pipe(owner);
      const timer = setInterval(() => {
        const all = Buffer.concat(held.splice(0));
        caller.write(all.subarray(0, LARGE.length / 25));
        if (all.length > LARGE.length / 25) held.unshift(all.subarray(LARGE.length / 25));
        else if (ended) caller.end();
      }, 100);
      caller.once('close', () => clearInterval(timer));
    };
    await withWire({ legacy, timeouts: { dataStall: `${STALL}ms` } }, late, async (house) => {
      const client = await house.loggedIn(0);
      if (how === 'clear') await client.command('PROT C', 200);
      const data = await client.openData({ port: await client.epsv(), host: addressOf(1) });
      await client.command('RETR large', 150);
      if (how === 'clear') data.startClear();
      else await data.startTls({ session: client.session });
      const { bytes, ending } = await data.readToEnd();
      expect(bytes.equals(LARGE)).toBe(true);
      expect(ending).toBe(how === 'clear' ? 'fin' : 'close_notify');
      data.end();
      expect(await outcomeOf(house, client, 226)).toBe('completed');
    });
  });

  it('stalls where nothing moves behind the replica between', async () => {
    const never: Carry = (caller, owner) => {
      owner.resume();
      caller.pipe(owner);
    };
    await withWire({ legacy, timeouts: { dataStall: `${STALL}ms` } }, never, async (house) => {
      const { client } = await inClear(house, house.replica(1), 'RETR large');
      expect(await outcomeOf(house, client, 426)).toBe('failed');
    });
  });

  it('in clear is reset, not ended, where the replica between stops', async () => {
    const files = { '/large': Buffer.alloc(64 * 2 ** 20) };
    await withReplicas({ ...CLEAR, legacy: { files }, count: 2 }, async (house) => {
      const { client, data } = await inClear(house, house.replica(1), 'RETR large');
      data.raw.pause();
      await expect.poll(() => house.replica(1).gateway.replication?.conveyed).toBe(1);
      await house.replica(1).gateway.stop();
      data.raw.resume();
      expect((await data.readToEnd()).ending).toBe('reset');
      await client.expect(426);
    });
  });
});

describe('a replica that drains', () => {
  it('waits for a data connection of which nobody knows yet whose it is', async () => {
    const legacy = { files: { '/a': 'abc' } };
    await withReplicas({ legacy, passivePorts: 1 }, async ({ replica, loggedIn }) => {
      const [client, other] = [await loggedIn(0), await loggedIn(2)];
      for (const each of [client, other]) await each.earnSharing('RETR a');
      // Both wait on the one port, so that only the hello says whose a connection is.
      const port = await client.epsv();
      await other.epsv();
      const data = await client.openData({ port, host: replica(1).address });
      await client.command('RETR a', 150);
      let drained = false;
      const drain = replica(1)
        .gateway.drain(15_000)
        .then(() => {
          drained = true;
        });
      await other.command('NOOP', 200);
      expect(drained).toBe(false);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
      await drain;
    });
  });
});
