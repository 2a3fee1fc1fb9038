/**
 * Limits of users, addresses, routes and of all together: what a client is told who has reached one, and what goes on all the same.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ClientData } from '../support/client-data.ts';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { PASSWORD, type ScriptedClient, USER } from '../support/scripted-client.ts';
import { type House, withGateway } from '../support/test-gateway.ts';

const KIB = 1024;
const FILES = { legacy: { files: { '/a': 'abc', '/k': Buffer.alloc(KIB, 'k') } } };
const ROUTES = [{ match: { user: USER }, backends: ['legacy'] }];

function onRoute(limits: Readonly<Record<string, unknown>>) {
  return { ...FILES, routes: ROUTES.map((route) => ({ ...route, limits })) };
}

/** A login that is refused with 421. */
async function refusedLogin({ encrypted, logs }: House, cause: string): Promise<void> {
  const client = await encrypted();
  await client.command(`USER ${USER}`, 331);
  await client.command(`PASS ${PASSWORD}`, 421);
  await client.expectClosed();
  await logs.until({ event: 'login', outcome: 'failed', cause });
  await logs.until({ event: 'session-ended', outcome: cause });
}

/** A download of a file that never ends by itself. */
function endless(backend: ScriptedBackend): void {
  backend.on('RETR', async (session, command) => {
    if (command.line !== 'RETR endless') return session.byDefault(command);
    const leg = await session.accept();
    session.reply(150, 'Go.');
    session.run(async () => {
      await leg.write('beginning');
      await leg.ending;
      session.reply(426, 'Aborted.');
    });
  });
}

/** An upload as far as it comes: all is written, whatever becomes of it. */
async function beginUpload(client: ScriptedClient, command: string, bytes: Uint8Array): Promise<ClientData> {
  const data = await client.openData();
  await client.command(command, 150);
  await data.startTls({ session: client.session });
  data.write(bytes).catch(() => {});
  return data;
}

describe('sessions', () => {
  it.each([
    ['of one user', { ...FILES, limits: { perUser: { sessions: 1 } } }, 'too-many-sessions-of-user', 'user'],
    ['of one user on a route', onRoute({ perUser: { sessions: 1 } }), 'too-many-sessions-of-user', 'user'],
    ['on a route', onRoute({ sessions: 1 }), 'too-many-sessions-of-route', 'route'],
  ])('%s: so many at once, then 421; who leaves makes room, and who only knows the name takes none', async (_whose, options, cause, scope) => {
    await withGateway(options, async (house) => {
      const { encrypted, logs, metrics, backend } = house;
      await (await encrypted()).command(`USER ${USER}`, 331);
      const first = await encrypted();
      await first.login();
      await refusedLogin(house, cause);
      await logs.until({ event: 'limit-reached', limit: 'sessions', scope, cause, verb: 'PASS' });
      expect(await metrics.render()).toContain(`sallyport_limits_reached_total{limit="sessions",scope="${scope}"} 1`);
      await first.command('QUIT', 221);
      await logs.until({ event: 'session-ended', outcome: 'client-quit' });
      await backend.disconnected();
      await (await encrypted()).login();
    });
  });

  it.each([
    [{ sessions: 1 }, 'too-many-sessions', 'total'],
    [{ sessionsPerAddress: 1 }, 'too-many-sessions-per-address', 'address'],
    [{ sessionsPerAddress: 50, perAddress: { sessions: 1 } }, 'too-many-sessions-per-address', 'address'],
  ])('%j: 421 at the door, counted', async (limits, outcome, scope) => {
    await withGateway({ limits }, async ({ greeted, connect, logs, metrics }) => {
      await greeted();
      const second = await connect();
      await second.expect(421);
      await logs.until({ event: 'session-ended', outcome });
      expect(await metrics.render()).toContain(`sallyport_limits_reached_total{limit="sessions",scope="${scope}"} 1`);
    });
  });

  it('the tightest of several holds', async () => {
    const options = { ...onRoute({ sessions: 3, perUser: { sessions: 2 } }), limits: { perUser: { sessions: 1 } } };
    await withGateway(options, async (house) => {
      await (await house.encrypted()).login();
      await refusedLogin(house, 'too-many-sessions-of-user');
      await house.logs.until({ event: 'limit-reached', detail: 'limits.perUser.sessions' });
    });
  });
});

describe('transfers at once', () => {
  it.each([
    [{ ...FILES, limits: { transfers: 1 } }, 'total', 'limits.transfers'],
    [{ ...FILES, limits: { perAddress: { transfers: 1 } } }, 'address', 'limits.perAddress.transfers'],
    [{ ...FILES, limits: { perUser: { transfers: 1 } } }, 'user', 'limits.perUser.transfers'],
    [onRoute({ transfers: 1 }), 'route', 'routes[0].limits.transfers'],
    [onRoute({ perUser: { transfers: 1 } }), 'user', 'routes[0].limits.perUser.transfers'],
  ])('%#: one more is told 450, listings go on, and the next one may when the first is over', async (options, scope, key) => {
    await withGateway(options, async ({ loggedIn, backend, logs, metrics }) => {
      endless(backend);
      const [busy, other] = [await loggedIn(), await loggedIn('implicit')];
      const data = await busy.openData();
      await busy.command('RETR endless', 150);
      await data.startTls({ session: busy.session });
      await other.openData();
      await other.command('RETR a', 450);
      await other.command('STOR b', 450);
      expect(backend.verbs.filter((verb) => verb === 'RETR' || verb === 'STOR')).toEqual(['RETR']);
      await logs.until({ event: 'limit-reached', limit: 'transfers', scope, detail: key, verb: 'STOR' });
      expect(await metrics.render()).toContain(`sallyport_limits_reached_total{limit="transfers",scope="${scope}"} 2`);
      expect((await other.download('NLST')).toString()).toContain('a');
      busy.send('ABOR');
      await busy.expect(426);
      await busy.expect(226, 225);
      expect((await other.download('RETR a')).toString()).toBe('abc');
      expect((await busy.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('the place is free again after each way in which a transfer ends', async () => {
    await withGateway({ ...FILES, limits: { perUser: { transfers: 1 } } }, async ({ loggedIn, backend, logs }) => {
      endless(backend);
      const client = await loggedIn();
      await client.openData();
      await client.command('RETR missing', 550);
      const cut = await client.openData();
      await client.command('STOR cut', 150);
      await cut.startTls({ session: client.session });
      cut.reset();
      await client.expect(426);
      const lost = await loggedIn();
      const data = await lost.openData();
      await lost.command('RETR endless', 150);
      await data.startTls({ session: lost.session });
      lost.destroy();
      await logs.until({ event: 'session-ended', outcome: 'client-closed' });
      await expect
        .poll(async () => {
          await client.openData();
          client.send('RETR a');
          const { code } = await client.reply();
          return code;
        })
        .toBe(150);
    });
  });
});

describe('the largest upload', () => {
  const options = { ...FILES, limits: { uploadSize: 1000 } };

  it('as large as it may be: it is stored', async () => {
    await withGateway(options, async ({ loggedIn, backend }) => {
      await (await loggedIn()).upload('STOR b', Buffer.alloc(1000));
      expect(backend.files.get('/b')).toHaveLength(1000);
    });
  });

  it('one byte more: cut as aborted with 552, and never a byte beyond at the backend', async () => {
    await withGateway(options, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      const data = await beginUpload(client, 'STOR b', Buffer.alloc(1001));
      data.end();
      expect((await client.reply()).code).toBe(552);
      await logs.until({ event: 'limit-reached', limit: 'uploadSize', scope: 'session', detail: 'limits.uploadSize' });
      expect(await logs.until({ event: 'transfer', verb: 'STOR' })).toMatchObject({
        outcome: 'aborted',
        cause: 'upload-too-large',
        reply: 552,
      });
      expect(backend.verbs).toContain('ABOR');
      expect(backend.files.has('/b')).toBe(false);
      for (const { bytes, complete } of backend.uploads) {
        expect(bytes.length).toBeLessThanOrEqual(1000);
        expect(complete).toBe(false);
      }
      await client.upload('STOR c', 'small');
    });
  });

  it('announced by ALLO: 552 before the transfer, and the backend hears nothing of it; it counts once', async () => {
    await withGateway(options, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('ALLO 1001', 202);
      await client.openData();
      await client.command('STOR b', 552);
      expect(backend.verbs).not.toContain('STOR');
      await client.command('ALLO 1000', 202);
      await client.upload('STOR b', 'b');
    });
  });

  it.each(['REST 00000000000000005000', 'REST 0001001'])('behind %s, with zeros before it, too', async (line) => {
    await withGateway(options, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command(line, 350);
      await client.openData();
      await client.command('STOR b', 552);
      expect(backend.commands).toContain(`REST ${Number(line.slice(5))}`);
      expect(backend.verbs).not.toContain('STOR');
    });
  });

  it('behind REST, and in APPE behind SIZE, counts what is there already', async () => {
    await withGateway(options, async ({ loggedIn, backend }) => {
      backend.files.set('/old', Buffer.alloc(900));
      const client = await loggedIn();
      await client.command('TYPE I', 200);
      await client.command('SIZE old', 213);
      let data = await beginUpload(client, 'APPE old', Buffer.alloc(101));
      data.end();
      await client.expect(552);
      await client.command('REST 900', 350);
      data = await beginUpload(client, 'STOR old', Buffer.alloc(101));
      data.end();
      await client.expect(552);
      await client.command('REST 1001', 350);
      await client.openData();
      await client.command('STOR old', 552);
    });
  });

  it('of a route is the tighter one', async () => {
    await withGateway({ ...onRoute({ uploadSize: 10 }), limits: { uploadSize: 1000 } }, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      const data = await beginUpload(client, 'STOR b', Buffer.alloc(11));
      data.end();
      await client.expect(552);
      await logs.until({ event: 'limit-reached', detail: 'routes[0].limits.uploadSize' });
    });
  });
});

describe('quotas', () => {
  it.each([
    ['perDay', { perUser: { perDay: { bytesUp: 1500 } } }, 'limits.perUser.perDay.bytesUp'],
    ['perSession', { perSession: { bytesUp: 1500 } }, 'limits.perSession.bytesUp'],
  ])('%s.bytesUp: the upload that goes beyond is cut with 552, the next refused with 452', async (which, limits, detail) => {
    await withGateway({ ...FILES, limits }, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      await client.upload('STOR b', Buffer.alloc(1000));
      const data = await beginUpload(client, 'STOR c', Buffer.alloc(600));
      data.end();
      await client.expect(552);
      await logs.until({ event: 'limit-reached', limit: 'bytesUp', cause: 'upload-quota-exceeded', detail });
      const another = which === 'perDay' ? await loggedIn() : client;
      await another.openData();
      await another.command('STOR d', 452);
      await logs.until({ event: 'limit-reached', limit: 'bytesUp', cause: 'upload-quota-used-up', detail });
      expect(backend.verbs.filter((verb) => verb === 'STOR')).toHaveLength(2);
      expect((await another.download('RETR a')).toString()).toBe('abc');
      if (which === 'perSession') await (await loggedIn()).upload('STOR d', 'd');
    });
  });

  it('bytesUp: an upload that says ALLO is refused before, and the quota stays', async () => {
    await withGateway({ ...FILES, limits: { perDay: { bytesUp: 1000 } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('ALLO 1001', 202);
      await client.openData();
      await client.command('STOR b', 452);
      await client.upload('STOR b', Buffer.alloc(1000));
      await client.openData();
      await client.command('STOR c', 452);
    });
  });

  it.each([
    { perAddress: { perDay: { bytesDown: 1500 } } },
    { perSession: { bytesDown: 1500 } },
  ])('bytesDown %j: cut with 426 and without close_notify, then 450; listings go on', async (limits) => {
    await withGateway({ ...FILES, limits }, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      expect(await client.download('RETR k')).toHaveLength(KIB);
      const data = await client.openData();
      await client.command('RETR k', 150);
      await data.startTls({ session: client.session });
      await client.expect(426);
      expect(await data.ending).toBe('reset');
      expect(data.receivedBytes).toBeLessThanOrEqual(1500 - KIB);
      await logs.until({ event: 'transfer', outcome: 'aborted', cause: 'download-quota-exceeded' });
      await client.openData();
      await client.command('RETR k', 450);
      expect((await client.download('NLST')).toString()).toContain('k');
      await client.upload('STOR b', 'b');
    });
  });

  it.each([
    ['filesUp', 'STOR', 452],
    ['filesDown', 'RETR', 450],
  ])('%s: one that did not complete does not count', async (limit, verb, code) => {
    await withGateway(
      { ...FILES, limits: { perUser: { perDay: { [limit]: 2 } }, perSession: { [limit]: 3 } } },
      async (house) => {
        const { loggedIn, backend } = house;
        const client = await loggedIn();
        backend.on(verb, (session, command) =>
          command.line.endsWith('x') ? session.reply(550, 'No.') : session.byDefault(command),
        );
        const move = async (): Promise<unknown> =>
          verb === 'STOR' ? client.upload('STOR b', 'b') : client.download('RETR a');
        for (let time = 0; time < 4; time += 1) {
          await client.openData();
          await client.command(`${verb} x`, 550);
        }
        await move();
        await move();
        await client.openData();
        await client.command(`${verb} a`, code);
        await house.logs.until({ event: 'limit-reached', limit, detail: `limits.perUser.perDay.${limit}` });
      },
    );
  });
});

describe('rates', () => {
  it('commands that come too often are answered later, none is refused; told once, counted each', async () => {
    await withGateway({ limits: { commandRate: '10/s' } }, async ({ loggedIn, logs, metrics }) => {
      const client = await loggedIn();
      await sleep(1000);
      const since = performance.now();
      client.write('NOOP\r\n'.repeat(20));
      for (let time = 0; time < 20; time += 1) await client.expect(200);
      const took = performance.now() - since;
      expect(took).toBeGreaterThan(900);
      expect(took).toBeLessThan(2500);
      expect(logs.lines.filter(({ event }) => event === 'limit-reached')).toHaveLength(1);
      expect(await metrics.render()).toMatch(/limits_reached_total\{limit="commandRate",scope="session"\} (9|10|11)\n/);
    });
  });

  it('a client that is held back is let go at once when it leaves', async () => {
    await withGateway({ limits: { commandRate: '1/h' } }, async ({ greeted, gateway }) => {
      const client = await greeted();
      client.write('NOOP\r\nNOOP\r\n');
      await client.expect(200);
      client.destroy();
      await expect.poll(() => gateway.activeSessions).toBe(0);
    });
  });

  it('logins of an address: 421 at USER, before any backend hears of it', async () => {
    await withGateway({ limits: { perAddress: { loginRate: '2/h' } } }, async ({ encrypted, logs, backend }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command('PASS wrong', 530);
      await client.login();
      const other = await encrypted('implicit');
      await other.command(`USER ${USER}`, 421);
      await other.expectClosed();
      await logs.until({ event: 'limit-reached', limit: 'loginRate', scope: 'address', verb: 'USER' });
      await logs.until({ event: 'session-ended', outcome: 'too-many-logins-of-address' });
      expect(backend.verbs.filter((verb) => verb === 'USER')).toHaveLength(2);
    });
  });

  it('logins of a user: 421 behind the password; wrong passwords do not count', async () => {
    await withGateway({ limits: { perUser: { loginRate: '1/h' } } }, async (house) => {
      const guesser = await house.encrypted();
      for (let time = 0; time < 2; time += 1) {
        await guesser.command(`USER ${USER}`, 331);
        await guesser.command('PASS wrong', 530);
      }
      await (await house.encrypted()).login();
      await refusedLogin(house, 'too-many-logins-of-user');
    });
  });
});

describe('a configuration that changes', () => {
  it('holds for sessions that run, on a route that has moved, and turns nobody out', async () => {
    await withGateway(onRoute({ transfers: 2 }), async ({ loggedIn, backend, reload, logs }) => {
      endless(backend);
      const [one, other] = [await loggedIn(), await loggedIn()];
      for (const client of [one, other]) {
        const data = await client.openData();
        await client.command('RETR endless', 150);
        await data.startTls({ session: client.session });
      }
      const before = { match: { user: 'somebody-else' }, backends: ['legacy'] };
      await reload({ routes: [before, { ...ROUTES[0], limits: { transfers: 1 } }] });
      one.send('ABOR');
      await one.expect(426);
      await one.expect(225, 226);
      await one.openData();
      await one.command('RETR a', 450);
      await logs.until({ event: 'limit-reached', detail: 'routes[1].limits.transfers' });
      other.send('ABOR');
      await other.expect(426);
      await other.expect(225, 226);
      expect((await one.download('RETR a')).toString()).toBe('abc');
    });
  });
});

describe('views', () => {
  it('a drop box: the listing of nothing is given back like any other', async () => {
    const options = { ...FILES, limits: { perUser: { bandwidth: { down: '1MiB/s' } } } };
    const routes = ROUTES.map((route) => ({ ...route, uploadOnly: true }));
    await withGateway({ ...options, routes }, async ({ loggedIn, gateway }) => {
      expect(await (await loggedIn()).download('LIST')).toHaveLength(0);
      expect(gateway.bandwidth.usage).toEqual([]);
    });
  });
});

describe('the audit log', () => {
  it('has the refusal, and the transfer that was cut', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    const file = join(folder, 'audit.log');
    try {
      const options = { ...FILES, limits: { uploadSize: 10, perSession: { filesDown: 1 } }, audit: { file } };
      await withGateway(options, async ({ loggedIn }) => {
        const client = await loggedIn();
        const data = await beginUpload(client, 'STOR big', Buffer.alloc(11));
        data.end();
        await client.expect(552);
        await client.download('RETR a');
        await client.openData();
        await client.command('RETR a', 450);
      });
      const records = (await readFile(file, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(records).toContainEqual(
        expect.objectContaining({
          audit: 'transfer',
          verb: 'STOR',
          outcome: 'aborted',
          cause: 'upload-too-large',
          reply: 552,
        }),
      );
      expect(records).toContainEqual(
        expect.objectContaining({
          audit: 'command-denied',
          verb: 'RETR',
          cause: 'download-quota-used-up',
          detail: 'limits.perSession.filesDown',
          reply: 450,
        }),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
