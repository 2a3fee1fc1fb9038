/**
 * Several backends: a login is lost only when all of them fail, each is tried once before any twice, and none hears a password
 * twice.
 */
import { describe, expect, it } from 'vitest';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { withBackends } from '../support/several-backends.ts';

const TWO = { others: { second: {} } } as const;

/** Names of the backends that heard a line that begins so. */
function heard(all: Readonly<Record<string, { readonly commands: readonly string[] }>>, start: string): string[] {
  return Object.entries(all).flatMap(([name, { commands }]) =>
    commands.filter((line) => line.startsWith(start)).map(() => name),
  );
}

describe('failover before the client was answered', () => {
  it('the next backend takes the login when one refuses the connection', async () => {
    await withBackends(TWO, async ({ encrypted, all, backend, logs }) => {
      await backend.refuse();
      for (let login = 0; login < 4; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS')).toEqual(['second', 'second', 'second', 'second']);
      await logs.until({ event: 'backend-failed', backend: 'legacy', cause: 'backend-unreachable' });
    });
  });

  it.each([
    '421 Too many connections.',
    '530 Not you.',
  ])('the next backend takes the login when one greets with %s', async (greeting) => {
    await withBackends(TWO, async ({ encrypted, all, backend, logs }) => {
      backend.onConnect((session) => session.raw(`${greeting}\r\n`));
      for (let login = 0; login < 2; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS')).toEqual(['second', 'second']);
      await logs.until({ event: 'backend-failed', backend: 'legacy', cause: 'backend-refused-service' });
    });
  });

  it('421 at the greeting, USER or PASS does not eject a backend', async () => {
    await withBackends({ others: { second: {} }, backend: { health: { failures: 1 } } }, async (house) => {
      const { encrypted, backend, all, logs } = house;
      backend.onConnect((session) => session.raw('421 Too many connections.\r\n'));
      for (let login = 0; login < 2; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS')).toEqual(['second', 'second']);
      expect(logs.text).not.toContain('"availability":"down"');
    });
  });

  it.each(['USER', 'PASS'])('the next backend is told USER and PASS when one answers %s with 421', async (verb) => {
    await withBackends(TWO, async ({ encrypted, all, backend }) => {
      backend.answer(verb, '421 Too many users.\r\n');
      for (let login = 0; login < 2; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS').filter((name) => name === 'second')).toEqual(['second', 'second']);
    });
  });

  it.each(['USER', 'PASS'])('the next backend is told USER and PASS when one dies at %s', async (verb) => {
    await withBackends(TWO, async ({ encrypted, all, backend }) => {
      backend.on(verb, (session) => session.destroy());
      for (let login = 0; login < 2; login += 1) await (await encrypted()).login();
      const passwords = heard(all, 'PASS');
      expect(passwords.filter((name) => name === 'second')).toEqual(['second', 'second']);
      expect(passwords.filter((name) => name === 'legacy').length).toBeLessThanOrEqual(2);
    });
  });

  it('a backend that dies between USER and PASS is replaced, and hears no password', async () => {
    await withBackends(TWO, async ({ encrypted, all }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      const [first = ''] = heard(all, 'USER');
      all[first]?.lastSession.destroy();
      await all[first]?.disconnected();
      await client.command(`PASS ${PASSWORD}`, 230);
      expect(heard(all, 'PASS')).toEqual([first === 'legacy' ? 'second' : 'legacy']);
    });
  });

  it('no backend hears a password twice, and each is tried once before any twice', async () => {
    await withBackends({ others: { second: {}, third: {} } }, async ({ encrypted, all, logs }) => {
      for (const backend of Object.values(all)) backend.on('PASS', (session) => session.destroy());
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 421);
      await client.expectClosed();
      expect(heard(all, 'PASS').toSorted()).toEqual(['legacy', 'second', 'third']);
      await logs.until({ event: 'session-ended', outcome: 'no-backend-available' });
    });
  });

  it.each(['greeting', 'USER', 'PASS'])('a backend that hangs at its %s leaves time for another one', async (where) => {
    await withBackends({ ...TWO, timeouts: { login: '3s' } }, async ({ encrypted, all, backend }) => {
      if (where === 'greeting') backend.onConnect(() => {});
      else backend.on(where, () => {});
      for (let login = 0; login < 2; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS').filter((name) => name === 'second')).toHaveLength(2);
    });
  });

  it('a wrong password is the answer: no other backend is asked, and none is ejected', async () => {
    const options = { others: { second: { health: { failures: 1 } } }, backend: { health: { failures: 1 } } };
    await withBackends(options, async ({ encrypted, all, logs }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command('PASS wrong', 530);
      expect(heard(all, 'PASS')).toHaveLength(1);
      expect(logs.text).not.toContain('"availability":"down"');
    });
  });

  it('a second login of a session goes on over the same link', async () => {
    await withBackends(TWO, async ({ encrypted, all }) => {
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command('PASS wrong', 530);
      await client.login();
      expect(new Set(heard(all, 'USER')).size).toBe(1);
      expect(Object.values(all).flatMap(({ sessions }) => sessions)).toHaveLength(1);
    });
  });
});

describe('all backends', () => {
  it('down: 421 with a hint, each was tried twice; and back: the next login works', async () => {
    const health = { health: { failures: 1, interval: '100ms' } };
    await withBackends({ others: { second: health }, backend: health }, async (house) => {
      const { encrypted, all, logs, gateway } = house;
      for (const backend of Object.values(all)) backend.onConnect((session) => session.destroy());
      const client = await encrypted();
      const { text } = await client.command(`USER ${USER}`, 421);
      expect(text).toContain('try again in a minute');
      await client.expectClosed();
      const { detail } = await logs.until({ event: 'session-ended', outcome: 'no-backend-available' });
      const tried = String(detail)
        .split(', ')
        .map((each) => each.split(':', 1)[0]);
      expect([tried.slice(0, 2).toSorted(), tried.slice(2).toSorted()]).toEqual([
        ['legacy', 'second'],
        ['legacy', 'second'],
      ]);
      await expect
        .poll(() => gateway.readiness())
        .toEqual({
          ready: false,
          reasons: ['backend legacy is down', 'backend second is down'],
        });
      for (const backend of Object.values(all)) backend.onConnect((session) => session.reply(220, 'Back.'));
      await expect.poll(() => gateway.readiness().ready).toBe(true);
      await (await encrypted()).login();
    });
  });

  it('are not all needed: the gateway is ready while one can be used, and metrics tell which', async () => {
    const health = { health: { failures: 1 } };
    await withBackends(
      { others: { second: health }, backend: health },
      async ({ encrypted, backend, gateway, metrics }) => {
        await backend.refuse();
        await (await encrypted()).login();
        await (await encrypted()).login();
        expect(gateway.readiness()).toEqual({ ready: true, reasons: [] });
        const text = await metrics.render();
        expect(text).toContain('sallyport_backend_up{backend="legacy"} 0');
        expect(text).toContain('sallyport_backend_up{backend="second"} 1');
        expect(text).toContain('sallyport_backend_ejections_total{backend="legacy"} 1');
        expect(text).toContain('sallyport_backend_ejections_total{backend="second"} 0');
        expect(text).toContain('sallyport_backend_sessions_active{backend="second"} 2');
      },
    );
  });
});

describe('a flapping backend', () => {
  it('loses no login, whichever connections it refuses', async () => {
    const health = { health: { failures: 2, interval: '50ms' } };
    await withBackends({ others: { second: health }, backend: health }, async ({ encrypted, backend }) => {
      let turn = 0;
      backend.onConnect((session) => {
        turn += 1;
        if (turn % 3 === 0) session.reply(220, 'For once.');
        else session.destroy();
      });
      for (let login = 0; login < 30; login += 1) {
        const client = await encrypted();
        await client.login();
        client.destroy();
      }
    });
  });

  it('is ejected after as many failures as configured, and is tried no more by sessions while others can be used', async () => {
    const health = { health: { failures: 3, interval: '1h' } };
    await withBackends({ others: { second: health }, backend: health }, async ({ encrypted, backend, logs }) => {
      let attempts = 0;
      backend.onConnect((session) => {
        attempts += 1;
        session.destroy();
      });
      for (let login = 0; login < 12; login += 1) await (await encrypted()).login();
      expect(attempts).toBe(3);
      await logs.until({ event: 'backend-availability', backend: 'legacy', availability: 'down' });
    });
  });
});

describe('a client that is late in its own login', () => {
  it('does not get backends ejected that cannot answer in what it leaves them', async () => {
    const health = { health: { failures: 1, interval: '1h' } };
    const timeouts = { login: '1500ms' };
    await withBackends({ others: { second: health }, backend: health, timeouts }, async ({ encrypted, all, logs }) => {
      for (const backend of Object.values(all)) {
        backend.onConnect((session) => void setTimeout(() => session.reply(220, 'Slow.'), 400));
      }
      const client = await encrypted();
      // It waits on purpose: that is what this client does.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      expect(logs.text).not.toContain('"availability":"down"');
      expect(logs.text).toContain('backend-greeting-timeout');
      await (await encrypted()).login();
    });
  });
});

describe('maxSessions', () => {
  it('a full backend gives way to the others; when all are full the client is told to come back', async () => {
    const bounded = { maxSessions: 1 };
    await withBackends({ others: { second: bounded }, backend: bounded }, async ({ encrypted, all }) => {
      const first = await encrypted();
      await first.login();
      const second = await encrypted();
      await second.login();
      expect(heard(all, 'PASS').toSorted()).toEqual(['legacy', 'second']);
      const third = await encrypted();
      await third.command(`USER ${USER}`, 421);
      await first.command('QUIT', 221);
      await expect
        .poll(async () => {
          const client = await encrypted();
          client.send(`USER ${USER}`);
          return (await client.reply()).code;
        })
        .toBe(331);
    });
  });
});

describe('the balance of a route', () => {
  const THREE = { others: { second: {}, third: {} } } as const;
  const routes = (balance: string) => [{ backends: ['legacy', 'second', 'third'], balance }];

  it('round-robin spreads sessions evenly', async () => {
    await withBackends({ ...THREE, routes: routes('round-robin') }, async ({ encrypted, all }) => {
      for (let login = 0; login < 6; login += 1) await (await encrypted()).login();
      expect(heard(all, 'PASS').toSorted()).toEqual(['legacy', 'legacy', 'second', 'second', 'third', 'third']);
    });
  });

  it('least-sessions fills up where sessions have left', async () => {
    await withBackends({ ...THREE, routes: routes('least-sessions') }, async ({ encrypted, all }) => {
      const clients = [];
      for (let login = 0; login < 3; login += 1) {
        const client = await encrypted();
        await client.login();
        clients.push(client);
      }
      await clients[1]?.command('QUIT', 221);
      const left = (): readonly ScriptedBackend[] =>
        Object.values(all).filter(({ lastSession }) => lastSession.closed !== undefined);
      await expect.poll(() => left().length).toBe(1);
      const [gone] = left();
      await (await encrypted()).login();
      expect(gone?.sessions).toHaveLength(2);
    });
  });

  it('client-address leads the same address to the same backend', async () => {
    await withBackends({ ...THREE, routes: routes('client-address') }, async ({ encrypted, all }) => {
      for (let login = 0; login < 4; login += 1) await (await encrypted()).login();
      expect(new Set(heard(all, 'PASS')).size).toBe(1);
    });
  });
});
