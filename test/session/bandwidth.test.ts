/**
 * Transfers that a limit of bandwidth holds back: how fast they go, what does not cut them, and what does.
 */
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/errors/errors.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { type House, type HouseOptions, withGateway } from '../support/test-gateway.ts';

const KIB = 1024;
/** What a transfer that is held back may pin in the gateway. */
const PINNED = 256 * KIB;
/** What is saved up while data connections are made, at most, and a little for rounding (milliseconds). */
const SAVED = 250;

function limited(bandwidth: Readonly<Record<string, string>>, size = 64 * KIB): HouseOptions {
  return { limits: { perUser: { bandwidth } }, legacy: { files: { '/a': Buffer.alloc(size, 'a') } } };
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** Begins a download that takes long, and waits for its first bytes. */
async function beginDownload(client: ScriptedClient) {
  const data = await client.openData();
  await client.command('RETR a', 150);
  await data.startTls({ session: client.session });
  await expect.poll(() => data.receivedBytes, { interval: 5, timeout: 5000 }).toBeGreaterThan(0);
  return data;
}

function expectNobodyDraws({ gateway }: House): void {
  expect(gateway.bandwidth.usage).toEqual([]);
}

describe('one transfer', () => {
  it.each([
    ['down', (client: ScriptedClient) => client.download('RETR a')],
    ['up', (client: ScriptedClient) => client.upload('STOR b', Buffer.alloc(64 * KIB, 'b'))],
  ] as const)('%s: goes as fast as it may and no faster; the log and the metrics tell that it was held back', async (way, move) => {
    await withGateway(limited({ [way]: '64KiB/s' }), async (house) => {
      const client = await house.loggedIn();
      const took = await timed(() => move(client));
      expect(took).toBeGreaterThan(1000 - SAVED);
      expect(took).toBeLessThan(1500);
      const { heldBack } = await house.logs.until({ event: 'transfer', outcome: 'completed' });
      expect(heldBack).toBeGreaterThan(500);
      const line = `sallyport_bandwidth_wait_seconds_total{direction="${way}",scope="user"}`;
      expect(await house.metrics.render()).toContain(line);
      expectNobodyDraws(house);
      if (way === 'up') expect(house.backend.files.get('/b')).toEqual(Buffer.alloc(64 * KIB, 'b'));
    });
  });

  it('the other way is not held back, and listings are', async () => {
    await withGateway(limited({ down: '1KiB/s' }), async ({ loggedIn, backend }) => {
      backend.on('NLST', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write('x'.repeat(1500));
        leg.end();
        session.reply(226, 'Done.');
      });
      const client = await loggedIn();
      expect(await timed(() => client.upload('STOR b', Buffer.alloc(256 * KIB)))).toBeLessThan(1000);
      expect(await timed(() => client.download('NLST'))).toBeGreaterThan(1000 - SAVED);
    });
  });

  it('by the tightest of all that apply', async () => {
    const options: HouseOptions = {
      ...limited({ down: '1MiB/s' }),
      limits: { bandwidth: { down: '512KiB/s' }, perAddress: { bandwidth: { down: '64KiB/s' } } },
    };
    await withGateway(options, async ({ loggedIn }) => {
      const client = await loggedIn();
      const took = await timed(() => client.download('RETR a'));
      expect(took).toBeGreaterThan(1000 - SAVED);
      expect(took).toBeLessThan(1500);
    });
  });

  it('is not taken for stalled or idle however slow it is, and its progress is seen', async () => {
    const options: HouseOptions = {
      ...limited({ down: '1KiB/s' }, 2500),
      timeouts: { dataStall: '150ms', controlIdle: '300ms' },
    };
    await withGateway(options, async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      const data = await beginDownload(client);
      const [session] = gateway.sessions;
      expect(session?.snapshot().transfer).toMatchObject({ verb: 'RETR', direction: 'download' });
      expect(gateway.bandwidth.usage).toMatchObject([
        { scope: 'user', whose: 'alice', way: 'down', transfers: 1, most: KIB },
      ]);
      expect((await data.readToEnd()).bytes).toHaveLength(2500);
      await client.expect(226);
    });
  });

  it('that stalls for another reason is cut as ever', async () => {
    await withGateway(
      { ...limited({ up: '1MiB/s' }), timeouts: { dataStall: '200ms' } },
      async ({ loggedIn, logs }) => {
        const client = await loggedIn();
        const data = await client.openData();
        await client.command('STOR b', 150);
        await data.startTls({ session: client.session });
        await data.write('a little');
        await client.expect(426);
        await logs.until({ event: 'transfer', cause: 'data-stalled' });
      },
    );
  });

  it.each([
    'clear',
    'private',
  ] as const)('%s: pins little in the gateway, however much the client would send', async (protection) => {
    const options = { ...limited({ up: '16KiB/s' }), policy: { requireTls: 'off', requireProtP: 'off' } };
    await withGateway(options, async ({ encrypted, gateway, backend }) => {
      const client = await encrypted();
      await client.login();
      if (protection === 'private') await client.protect();
      const data = await client.openData();
      await client.command('STOR b', 150);
      if (protection === 'clear') data.startClear();
      else await data.startTls({ session: client.session });
      data.write(Buffer.alloc(16 * KIB * KIB)).catch(() => {});
      const [session] = gateway.sessions;
      await expect.poll(() => session?.snapshot().transfer?.bytes ?? 0, { timeout: 3000 }).toBeGreaterThan(32 * KIB);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const received = backend.sessions
        .flatMap(({ data: legs }) => legs)
        .reduce((sum, leg) => sum + leg.received.length, 0);
      const read = session?.snapshot().transfer?.bytes ?? Number.POSITIVE_INFINITY;
      expect(received).toBeLessThan(64 * KIB);
      expect(read - received).toBeLessThanOrEqual(PINNED);
      client.send('ABOR');
      await client.expect(426);
      await client.expect(225, 226);
    });
  });
});

describe('several transfers of one user', () => {
  it('share its bandwidth, each the same', async () => {
    await withGateway(limited({ down: '128KiB/s' }, 1024 * KIB), async ({ loggedIn, gateway }) => {
      const clients = await Promise.all([0, 1, 2, 3].map(() => loggedIn()));
      const datas = await Promise.all(clients.map(beginDownload));
      const counts = () => datas.map(({ receivedBytes }) => receivedBytes);
      const before = counts();
      const took = await timed(() => new Promise((resolve) => setTimeout(resolve, 2000)));
      const moved = counts().map((bytes, index) => bytes - (before[index] ?? 0));
      const total = moved.reduce((sum, bytes) => sum + bytes, 0);
      const allowed = (128 * KIB * took) / 1000;
      expect(total / allowed).toBeGreaterThan(0.9);
      expect(total / allowed).toBeLessThan(1.1);
      for (const bytes of moved) expect(Math.abs(bytes / (total / 4) - 1)).toBeLessThan(0.1);
      const [usage] = gateway.bandwidth.usage;
      expect(usage).toMatchObject({ transfers: 4, most: 128 * KIB });
      expect((usage?.bytesPerSecond ?? 0) / (128 * KIB)).toBeGreaterThan(0.7);
    });
  });
});

describe('a limit that changes while a transfer runs', () => {
  it('holds at once, and is lifted at once', async () => {
    const options = limited({ down: '16KiB/s' }, 512 * KIB);
    await withGateway(options, async (house) => {
      const client = await house.loggedIn();
      const data = await beginDownload(client);
      await house.reload({ limits: { perUser: { bandwidth: { down: '256KiB/s' } } } });
      await expect.poll(() => data.receivedBytes, { timeout: 3000 }).toBeGreaterThan(256 * KIB);
      await house.reload({});
      const took = await timed(() => data.readToEnd());
      expect(took).toBeLessThan(900);
      expect(data.receivedBytes).toBe(512 * KIB);
      await client.expect(226);
      expectNobodyDraws(house);
    });
  });
});

describe('a transfer that waits for its turn ends at once, and nothing is left of it', () => {
  it.each([
    ['ABOR', async (client: ScriptedClient): Promise<void> => client.send('ABOR')],
    ['the client goes', async (client: ScriptedClient): Promise<void> => client.destroy()],
    [
      'drain, at its deadline',
      async (_client: ScriptedClient, { gateway }: House): Promise<void> => void gateway.drain(100),
    ],
    [
      'an operator',
      async (_client: ScriptedClient, { gateway }: House): Promise<void> => {
        gateway.sessions.close(new GatewayError('ended-by-operator'));
      },
    ],
  ] as const)('%s', async (_what, end) => {
    await withGateway(limited({ down: '4KiB/s' }, 1024 * KIB), async (house) => {
      const client = await house.loggedIn();
      await beginDownload(client);
      const took = await timed(async () => {
        await end(client, house);
        await house.logs.until({ event: 'transfer', verb: 'RETR' });
      });
      expect(took).toBeLessThan(1500);
      expectNobodyDraws(house);
    });
  });
});

it('where nothing is limited nothing is metered', async () => {
  await withGateway({ ...limited({}), limits: {} }, async (house) => {
    const client = await house.loggedIn();
    const data = await client.openData();
    await client.command('RETR a', 150);
    expectNobodyDraws(house);
    await data.startTls({ session: client.session });
    expect((await data.readToEnd()).bytes).toHaveLength(64 * KIB);
    await client.expect(226);
    expect((await house.logs.until({ event: 'transfer' }))['heldBack']).toBeUndefined();
  });
});
