/**
 * Logins, and what is asked around them, on every leg: clients with explicit and implicit TLS 1.2 and 1.3, backends in clear and with either
 * TLS. What the gateway says must not depend on any of it.
 */
import { describe, expect, it } from 'vitest';
import { ftpsHouse } from '../support/ftps-backend.ts';
import type { ClientOptions, ScriptedClient } from '../support/scripted-client.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { type Door, type House, type HouseOptions, only, withGateway } from '../support/test-gateway.ts';

interface Way {
  readonly backend: 'clear' | 'explicit' | 'implicit';
  readonly door: Door;
  readonly version: 'TLSv1.2' | 'TLSv1.3';
}

/** Every pair of these: backend and door, backend and version, door and version. */
const WAYS: readonly Way[] = [
  { backend: 'clear', door: 'explicit', version: 'TLSv1.2' },
  { backend: 'clear', door: 'implicit', version: 'TLSv1.3' },
  { backend: 'explicit', door: 'implicit', version: 'TLSv1.2' },
  { backend: 'explicit', door: 'explicit', version: 'TLSv1.3' },
  { backend: 'implicit', door: 'explicit', version: 'TLSv1.2' },
  { backend: 'implicit', door: 'implicit', version: 'TLSv1.3' },
];
const FEATURES = ['EPSV', 'SIZE', 'MDTM', 'REST STREAM', 'UTF8', 'MLST type*;size*;modify*;'];

/** What a backend with TLS hears beside what the client says. */
const WRAPPING = new Set(['AUTH TLS', 'PBSZ 0', 'PROT P']);

describe.each(WAYS)('backend $backend, client $door $version', ({ backend: security, door, version }) => {
  const tls: ClientOptions = { tls: only(version) };

  /** The house, and ways to enter it by this door. */
  async function enter(
    options: Omit<HouseOptions, 'legacy'>,
    play: (house: House & { come(): Promise<ScriptedClient>; comeIn(): Promise<ScriptedClient> }) => Promise<void>,
  ): Promise<void> {
    const legacy = { features: FEATURES };
    const house =
      security === 'clear'
        ? { ...options, legacy }
        : await ftpsHouse({ ...options, legacy, tls: { security, context: only(version) } });
    await withGateway(house, async (entered) => {
      const come = () => entered.encrypted(door, tls);
      await play({ ...entered, come, comeIn: () => entered.loggedIn(door, tls) });
      for (const { version: spoken } of entered.backend.tls?.handshakes ?? []) expect(spoken).toBe(version);
    });
  }

  /** What the backend was told by or for the client. */
  const heard = (backend: House['backend']) => backend.commands.filter((line) => !WRAPPING.has(line));

  it.each(['421 Too many connections.', '500 Go away.'])('T006: greeting %j: 421 and the end', async (greeting) => {
    await enter({}, async ({ come, backend }) => {
      backend.onConnect((session) => session.raw(`${greeting}\r\n`));
      const client = await come();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await backend.disconnected();
      expect(backend.verbs.filter((verb) => verb !== 'QUIT')).toEqual([]);
    });
  });

  it('T032: a user without a route hears what a wrong password hears, and no backend hears of it', async () => {
    const routes = [{ match: { user: USER }, backends: ['legacy'] }];
    await enter({ routes }, async ({ come, backend }) => {
      backend.answer('PASS', '530 Permission denied.\r\n');
      const known = await come();
      const asked = await known.command(`USER ${USER}`, 331);
      const refused = await known.command('PASS wrong', 530);
      const before = backend.commands.length;
      const unknown = await come();
      expect((await unknown.command('USER nobody', 331)).raw).toBe(asked.raw);
      expect((await unknown.command('PASS wrong', 530)).raw).toBe(refused.raw);
      expect(backend.commands).toHaveLength(before);
    });
  });

  it('T033: USER after login: 503, and the session goes on as who it was', async () => {
    await enter({}, async ({ comeIn, backend }) => {
      const client = await comeIn();
      await client.command('USER mallory', 503);
      await client.command('PASS whatever', 503);
      await client.command('PWD', 257);
      expect(heard(backend)).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`, 'PWD']);
    });
  });

  it('T034: PASS without USER: 503, and no backend is dialled', async () => {
    await enter({}, async ({ come, backend }) => {
      const client = await come();
      await client.command(`PASS ${PASSWORD}`, 503);
      expect(backend.sessions).toHaveLength(0);
      await client.login();
    });
  });

  it.each([
    ['no blanks', '211-Features\r\nSIZE\r\nMDTM\r\n211 End\r\n', true],
    ['tabs', '211-Features\r\n\tSIZE\r\n\tMDTM\r\n211 End\r\n', true],
    ['a code on each line', '211-Features\r\n211-SIZE\r\n211-MDTM\r\n211 End\r\n', true],
    ['500', '500 FEAT not understood\r\n', false],
  ])('T036: a backend whose FEAT has %s', async (_what, raw, known) => {
    await enter({}, async ({ comeIn, backend }) => {
      backend.answer('FEAT', raw);
      const { lines } = await (await comeIn()).command('FEAT', 211);
      const features = lines.slice(1, -1);
      for (const line of features) expect(line).toMatch(/^ [\x21-\x7e]/);
      expect(features).toEqual(expect.arrayContaining([' AUTH TLS', ' PBSZ', ' PROT', ' EPSV']));
      expect(features.includes(' SIZE')).toBe(known);
    });
  });

  it('T037: OPTS UTF8 ON before the login is told to the backend behind it; UTF8 and MLST after it go there, anything else nowhere', async () => {
    await enter({}, async ({ come, backend }) => {
      const client = await come();
      await client.command('OPTS UTF8 ON', 200);
      expect(backend.sessions).toHaveLength(0);
      await client.login();
      await client.protect();
      await client.command('PWD', 257);
      expect(heard(backend)).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`, 'OPTS UTF8 ON', 'PWD']);
      backend.answer('OPTS', '501 Not so.\r\n');
      expect((await client.command('OPTS UTF8 ON', 501)).text).toBe('Not so.');
      expect((await client.command('OPTS MLST type;', 501)).text).toBe('Not so.');
      await client.command('OPTS MODE Z LEVEL 9', 501);
      expect(heard(backend).slice(4)).toEqual(['OPTS UTF8 ON', 'OPTS MLST type;']);
    });
  });

  it('T153: a backend that is slow to greet, to agree to TLS and to log in works, within its time and not behind it', async () => {
    const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    await enter({ timeouts: { backendGreeting: '250ms' } }, async ({ come, backend, logs }) => {
      let delay = 100;
      backend.onConnect(async (session) => {
        await later(delay);
        session.reply(220, 'At last.');
      });
      for (const verb of ['AUTH', 'PASS']) {
        backend.on(verb, async (session, command) => {
          await later(verb === 'AUTH' ? 100 : 300);
          await backend.defaultOf(verb)(session, command);
        });
      }
      await (await come()).login();
      delay = 500;
      const client = await come();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      await logs.until({ event: 'backend-failed', cause: 'backend-greeting-timeout' });
    });
  });
});
