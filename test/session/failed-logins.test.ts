/** Failed logins: refusals that are held back, and addresses that are turned away. */
import { expect, it } from 'vitest';
import { PASSWORD, type ScriptedClient, USER } from '../support/scripted-client.ts';
import { withGateway } from '../support/test-gateway.ts';

const BAN = { failures: 2, within: '1m', for: '1m' };
const QUICK = { first: '1ms', most: '1ms' };
const GUESSER = { localAddress: '127.0.0.7' };

async function fail(client: ScriptedClient, ...codes: readonly number[]): Promise<void> {
  await client.command(`USER ${USER}`, 331);
  await client.command('PASS wrong', ...codes);
}

it('bans an address after too many failed logins, in whatever sessions, and lets others in', () =>
  withGateway(
    { limits: { ban: BAN, loginDelay: QUICK } },
    async ({ encrypted, connect, loggedIn, logs, metrics, backend }) => {
      const first = await encrypted('explicit', GUESSER);
      await fail(first, 530);
      const second = await encrypted('implicit', GUESSER);
      await fail(second, 530);
      await second.expect(421);
      await second.expectClosed();
      await logs.until({ event: 'address-banned' });
      await logs.until({ event: 'session-ended', outcome: 'address-banned' });
      const sessions = backend.sessions.length;
      const turnedAway = await connect('explicit', GUESSER);
      expect((await turnedAway.expect(421)).text).toContain('failed logins');
      await turnedAway.expectClosed();
      await expect(connect('implicit', GUESSER)).rejects.toThrow();
      expect(backend.sessions).toHaveLength(sessions);
      await loggedIn('explicit');
      // A session that was there before goes no further.
      await first.command(`USER ${USER}`, 421);
      await first.expectClosed();
      const text = await metrics.render();
      expect(text).toContain('sallyport_bans_total 1');
      expect(text).toContain('sallyport_sessions_total{listener="explicit",outcome="address-banned"} 2');
      expect(text).toContain('sallyport_sessions_total{listener="implicit",outcome="address-banned"} 2');
      expect(text).not.toContain('127.0.0.7');
    },
  ));

it('answers no more password in sessions that were there before the ban, not even the right one', () =>
  withGateway({ limits: { ban: BAN, loginDelay: QUICK } }, async ({ encrypted, loggedIn, logs, backend }) => {
    const inside = await loggedIn('explicit', GUESSER);
    const waiting = await encrypted('implicit', GUESSER);
    await waiting.command(`USER ${USER}`, 331);
    for (const door of ['explicit', 'implicit'] as const) await fail(await encrypted(door, GUESSER), 530);
    await logs.until({ event: 'address-banned' });
    const heard = backend.verbs.filter((verb) => verb === 'PASS').length;
    const refused = await waiting.command(`PASS ${PASSWORD}`, 421);
    expect(refused.text).toContain('failed logins');
    await waiting.expectClosed();
    await logs.until({ event: 'session-ended', outcome: 'address-banned', commands: 2 });
    expect(backend.verbs.filter((verb) => verb === 'PASS')).toHaveLength(heard);
    // Who has logged in before stays.
    await inside.command('PWD', 257);
  }));

it('ends a session that names users again and again and never says a password', () =>
  withGateway({ limits: { failedLogins: 3 } }, async ({ encrypted, logs, backend }) => {
    const client = await encrypted();
    for (const name of ['a', 'b', 'a']) await client.command(`USER ${name}`, 331);
    await client.command('USER c', 421);
    await client.expectClosed();
    await logs.until({ event: 'session-ended', outcome: 'too-many-failed-logins' });
    expect(backend.commands.filter((line) => line.startsWith('USER'))).toEqual(['USER a', 'USER b', 'USER a']);
  }));

it('does not take a new try behind a wrong password for a name that was given up', () =>
  withGateway({ limits: { failedLogins: 4, loginDelay: QUICK } }, async ({ encrypted }) => {
    const client = await encrypted();
    for (let count = 0; count < 3; count++) await fail(client, 530);
    for (let count = 0; count < 3; count++) await client.command('USER somebody', 331);
    await client.login();
  }));

it('lets a banned address in again when its time is over', () =>
  withGateway(
    { limits: { ban: { ...BAN, for: '300ms' }, loginDelay: QUICK } },
    async ({ encrypted, connect, loggedIn }) => {
      const client = await encrypted('explicit', GUESSER);
      await fail(client, 530);
      await fail(client, 530);
      await client.expect(421);
      await (await connect('explicit', GUESSER)).expect(421);
      await expect
        .poll(async () => (await (await connect('explicit', GUESSER)).reply()).code, { timeout: 4000 })
        .toBe(220);
      await loggedIn('explicit', GUESSER);
    },
  ));

it('never bans an address of limits.ban.except', () =>
  withGateway(
    { limits: { ban: { ...BAN, except: ['127.0.0.0/29'] }, loginDelay: QUICK } },
    async ({ encrypted, loggedIn, logs }) => {
      for (let count = 0; count < 3; count++) await fail(await encrypted('explicit', GUESSER), 530);
      await loggedIn('explicit', GUESSER);
      expect(logs.text).not.toContain('address-banned');
    },
  ));

it('bans nobody unless told to', () =>
  withGateway({ limits: { loginDelay: QUICK } }, async ({ encrypted, loggedIn }) => {
    for (let count = 0; count < 6; count++) await fail(await encrypted('explicit', GUESSER), 530);
    await loggedIn('explicit', GUESSER);
  }));

it('holds the refusal back, but neither the right password nor other sessions', () =>
  withGateway({ limits: { loginDelay: { first: '400ms', most: '400ms' } } }, async ({ encrypted, loggedIn }) => {
    const client = await encrypted('explicit', GUESSER);
    await fail(client, 530);
    await client.command(`USER ${USER}`, 331);
    const begun = performance.now();
    client.send('PASS wrong');
    const refused = client.expect(530).then(() => performance.now() - begun);
    const other = await loggedIn('explicit', GUESSER);
    await other.command('NOOP', 200);
    expect(performance.now() - begun).toBeLessThan(350);
    expect(await refused).toBeGreaterThanOrEqual(390);
    await client.command(`USER ${USER}`, 331);
    const again = performance.now();
    await client.command(`PASS ${PASSWORD}`, 230);
    expect(performance.now() - again).toBeLessThan(350);
  }));

it('lets go of a client that leaves while its refusal is held back', () =>
  withGateway({ limits: { loginDelay: { first: '1h', most: '1h' } } }, async ({ encrypted, logs }) => {
    const client = await encrypted();
    await fail(client, 530);
    await client.command(`USER ${USER}`, 331);
    client.send('PASS wrong');
    await expect.poll(() => logs.lines.filter(({ event }) => event === 'login').length).toBe(2);
    client.reset();
    await logs.until({ event: 'session-ended', outcome: 'client-closed' });
  }));
