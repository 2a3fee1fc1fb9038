/**
 * Routes: who is led to which backend, with which credentials, and what those are told whom no route is for.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeClientCertificates } from '../support/client-certificates.ts';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { type SeveralBackends, withBackends } from '../support/several-backends.ts';

const OTHERS = { second: {} } as const;

function only(house: SeveralBackends, name: string): void {
  const heard = Object.entries(house.all).filter(([, backend]) => backend.verbs.includes('USER'));
  expect(heard.map(([each]) => each)).toEqual([name]);
}

describe('a route by', () => {
  it('user: the first that matches counts', async () => {
    const routes = [
      { match: { user: ['bob', 'ali*'] }, backends: ['second'] },
      { match: { user: 'alice' }, backends: ['legacy'] },
      { backends: ['legacy'] },
    ];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      await (await house.encrypted()).login();
      only(house, 'second');
      const client = await house.encrypted();
      await client.command('USER Alice', 331);
      expect(house.backend.commands).toEqual(['USER Alice']);
    });
  });

  it('listener', async () => {
    const routes = [{ match: { listener: 'implicit' }, backends: ['second'] }, { backends: ['legacy'] }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      await (await house.encrypted('implicit')).login();
      only(house, 'second');
      await (await house.encrypted('explicit')).login();
      expect(house.backend.verbs).toContain('USER');
    });
  });

  it.each(['explicit', 'implicit'] as const)('servername of the TLS handshake (%s)', async (door) => {
    const routes = [{ match: { servername: '*.plant2.example' }, backends: ['second'] }, { backends: ['legacy'] }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      await (await house.encrypted(door, { tls: { servername: 'FTP.Plant2.example' } })).login();
      only(house, 'second');
      await (await house.encrypted(door, { tls: { servername: 'ftp.plant1.example' } })).login();
      expect(house.backend.verbs).toContain('USER');
    });
  });

  it('network of the client', async () => {
    const routes = [
      { match: { clients: ['10.0.0.0/8', '127.0.0.2'] }, backends: ['second'] },
      { backends: ['legacy'] },
    ];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      await (await house.encrypted('explicit', { localAddress: '127.0.0.2' })).login();
      only(house, 'second');
      await (await house.encrypted('explicit', { localAddress: '127.0.0.3' })).login();
      expect(house.backend.verbs).toContain('USER');
    });
  });

  it('client certificate: subject, alternative name or fingerprint of one that was found valid', async () => {
    const made = await makeClientCertificates();
    try {
      const subject = { match: { clientCertificate: { subject: 'cn=ALICE,*' } }, backends: ['second'] };
      const options = {
        others: OTHERS,
        routes: [subject, { backends: ['legacy'] }],
        tls: { clientCertificates: { mode: 'request', ca: made.ca } },
      };
      await withBackends(options, async (house) => {
        await (await house.encrypted('implicit', { tls: made.clients.alice })).login();
        await (await house.encrypted('explicit', { tls: made.clients.alice })).login();
        only(house, 'second');
        await (await house.encrypted()).login();
        expect(house.backend.verbs).toContain('USER');
      });
    } finally {
      await made.remove();
    }
  });

  it('a second USER of a session may lead elsewhere', async () => {
    const routes = [{ match: { user: 'bob' }, backends: ['second'] }, { backends: ['legacy'] }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted();
      await client.command('USER bob', 331);
      await client.command(`USER ${USER}`, 331);
      await house.all['second']?.disconnected();
      await client.command(`PASS ${PASSWORD}`, 230);
      expect(house.all['second']?.verbs).toEqual(['USER', 'QUIT']);
    });
  });
});

describe('HOST (RFC 7151)', () => {
  const routes = [
    { match: { host: '*.plant2.example' }, backends: ['second'] },
    { match: { host: 'plant1.example' }, backends: ['legacy'] },
  ];

  it('T038: leads to the backend of that host, whatever its case', async () => {
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted();
      await client.command('HOST FTP.Plant2.Example', 220);
      await client.login();
      only(house, 'second');
    });
  });

  it('answers 504 to a host that no route names, and keeps the one before', async () => {
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted();
      await client.command('HOST plant1.example', 220);
      await client.command('HOST other.example', 504);
      await client.login();
      only(house, 'legacy');
    });
  });

  it('is accepted in clear, and forgotten at AUTH', async () => {
    await withBackends({ others: OTHERS, routes: [...routes, { backends: ['legacy'] }] }, async (house) => {
      const client = await house.greeted();
      await client.command('HOST a.plant2.example', 220);
      await client.auth();
      await client.login();
      only(house, 'legacy');
    });
  });

  it('answers 501 to what is no name, and 503 after USER and after login', async () => {
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted();
      await client.command('HOST', 501);
      await client.command('HOST a b', 501);
      await client.command('HOST [::1', 501);
      await client.command('HOST plant1.example', 220);
      await client.command(`USER ${USER}`, 331);
      await client.command('HOST plant1.example', 503);
      await client.command(`PASS ${PASSWORD}`, 230);
      await client.command('HOST plant1.example', 503);
    });
  });

  it('answers 504 where the TLS handshake named another host', async () => {
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted('explicit', { tls: { servername: 'a.plant2.example' } });
      await client.command('HOST plant1.example', 504);
      await client.command('HOST a.plant2.example', 220);
    });
  });
});

describe('rewritten credentials', () => {
  const SECRET = 'n0t-for-cl1ents';
  const accept = (backend: ScriptedBackend, password: string): void => {
    backend.on('PASS', (session, { argument }) =>
      session.reply(argument === password ? 230 : 530, `You said ${argument}.`),
    );
  };

  it("the backend is told the route's, never the client's password; and neither is shown to anybody else", async () => {
    const routes = [{ match: { user: USER }, backends: ['legacy'], credentials: { user: 'svc', password: SECRET } }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      accept(house.backend, SECRET);
      const client = await house.encrypted();
      await client.login();
      expect(house.backend.commands.slice(0, 2)).toEqual(['USER svc', `PASS ${SECRET}`]);
      expect(JSON.stringify(house.backend.commands)).not.toContain(PASSWORD);
      expect(client.transcript).not.toContain(SECRET);
      expect(house.logs.text).not.toContain(SECRET);
      await house.logs.until({ event: 'login', user: USER, backend: 'legacy', outcome: 'accepted' });
    });
  });

  it('a 421 that repeats the password is not shown either', async () => {
    const routes = [{ match: { user: USER }, backends: ['legacy'], credentials: { password: SECRET } }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      house.backend.answer('PASS', `421 ${SECRET}\r\n`);
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 421);
      await client.expectClosed();
      expect(client.transcript).not.toContain(SECRET);
      expect(house.logs.text).not.toContain(SECRET);
    });
  });

  it('the password can come from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
    try {
      const passwordFile = join(folder, 'password');
      await writeFile(passwordFile, `${SECRET}\nsecond line\n`);
      const routes = [{ match: { clients: '127.0.0.0/8' }, backends: ['legacy'], credentials: { passwordFile } }];
      await withBackends({ others: OTHERS, routes }, async (house) => {
        accept(house.backend, SECRET);
        await (await house.encrypted()).login();
        expect(house.logs.text).not.toContain(SECRET);
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a template makes a name of that of the client, byte for byte, whose password goes on', async () => {
    const routes = [{ backends: ['legacy'], userTemplate: '{user}@plänt1' }];
    await withBackends({ others: OTHERS, routes }, async (house) => {
      const client = await house.encrypted();
      await client.login('$&\xe4');
      const suffix = Buffer.from('@plänt1', 'utf8').toString('latin1');
      expect(house.backend.commands.slice(0, 2)).toEqual([`USER $&\xe4${suffix}`, `PASS ${PASSWORD}`]);
    });
  });
});

describe('without a route', () => {
  const routes = [{ match: { user: USER }, backends: ['legacy'] }];
  const slow = (milliseconds: number) => (backend: ScriptedBackend) =>
    backend.on('PASS', (session) => void setTimeout(() => session.reply(530, 'Permission denied.'), milliseconds));

  it('every USER gets the same 331, and every wrong password the same 530; no backend hears of it', async () => {
    await withBackends({ others: OTHERS, routes }, async ({ encrypted, backend, all, logs, metrics }) => {
      slow(20)(backend);
      const known = await encrypted();
      const asked = await known.command(`USER ${USER}`, 331);
      const refused = await known.command('PASS wrong', 530);
      const client = await encrypted();
      const before = backend.commands.length;
      expect((await client.command('USER nobody', 331)).raw).toBe(asked.raw);
      expect((await client.command('PASS wrong', 530)).raw).toBe(refused.raw);
      expect(backend.commands).toHaveLength(before);
      expect(all['second']?.commands).toEqual([]);
      await logs.until({ event: 'login', user: 'nobody', backend: '-', outcome: 'refused', cause: 'no-route' });
      expect(await metrics.render()).toContain('sallyport_logins_total{backend="-",outcome="refused"} 1');
    });
  });

  it('530 comes after about the time that a wrong password takes', async () => {
    await withBackends({ others: OTHERS, routes }, async ({ encrypted, backend }) => {
      slow(150)(backend);
      let address = 10;
      // From an address of its own each: failed logins of one address are held back longer and longer.
      const timeOf = async (user: string): Promise<number> => {
        address += 1;
        const client = await encrypted('explicit', { localAddress: `127.0.0.${address}` });
        await client.command(`USER ${user}`, 331);
        const begun = performance.now();
        await client.command('PASS wrong', 530);
        return performance.now() - begun;
      };
      const known = [await timeOf(USER), await timeOf(USER), await timeOf(USER)];
      const unknown = [await timeOf('nobody'), await timeOf('nobody'), await timeOf('nobody')];
      for (const time of unknown) {
        expect(time).toBeGreaterThan(Math.min(...known) * 0.8);
        expect(time).toBeLessThan(Math.max(...known) * 1.5 + 50);
      }
    });
  });

  it('failed logins end the session as wrong passwords do', async () => {
    await withBackends({ others: OTHERS, routes, limits: { failedLogins: 2 } }, async ({ encrypted, backend }) => {
      slow(1)(backend);
      const known = await encrypted();
      await known.command(`USER ${USER}`, 331);
      await known.command('PASS wrong', 530);
      const client = await encrypted();
      for (const last of [530, 530]) {
        await client.command('USER nobody', 331);
        await client.command('PASS wrong', last);
      }
      await client.expect(421);
      await client.expectClosed();
    });
  });

  it('a session that ends while the answer is held back leaves nothing behind', async () => {
    await withBackends({ others: OTHERS, routes }, async ({ encrypted, gateway }) => {
      const client = await encrypted();
      await client.command('USER nobody', 331);
      client.send('PASS wrong');
      client.destroy();
      await expect.poll(() => gateway.activeSessions).toBe(0);
    });
  });
});

describe('a password of a route that the backend repeats', () => {
  it.each([
    ['wrong', 530],
    ['right', 230],
  ])('in the 421 behind a %s login reaches neither client nor log', async (_what, code) => {
    const routes = [{ backends: ['legacy'], credentials: { user: 'robot', password: 'inner-s3cret' } }];
    await withBackends({ others: {}, routes }, async ({ encrypted, backend, logs }) => {
      const told = Promise.withResolvers<void>();
      backend.on('PASS', async (session) => {
        session.reply(code, 'Heard.');
        await told.promise;
        session.reply(421, 'Bye, inner-s3cret.');
      });
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, code);
      told.resolve();
      expect((await client.expect(421)).text).toContain('Bye, ****.');
      await logs.until({ event: 'session-ended' });
      expect(logs.text).not.toContain('inner-s3cret');
    });
  });
});
