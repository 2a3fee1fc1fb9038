/**
 * CCC (RFC 2228 §3, RFC 4217 §6): the control connection goes back to clear text. Who may, what becomes of the session, and
 * what log, metrics and side port say of it. The boundary itself is tested in `clear-command-channel-boundary.test.ts`.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder } from '../support/audit-lines.ts';
import { ClearingClient, withClearing } from '../support/clearing-client.ts';
import { USER } from '../support/scripted-client.ts';
import { withSidePort } from '../support/side-port.ts';
import { only, withGateway } from '../support/test-gateway.ts';

const WAYS = (['explicit', 'implicit'] as const).flatMap((mode) =>
  (['TLSv1.2', 'TLSv1.3'] as const).map((version) => [mode, version] as const),
);

describe.each(WAYS)('CCC on an %s listener with %s', (mode, version) => {
  it('goes on in clear; data connections keep TLS, and resume that of before', async () => {
    await withClearing({ legacy: { files: { '/a': 'abc' } } }, async ({ clearing, backend }) => {
      const client = await clearing(mode, only(version));
      await client.cleared();
      await client.command('NOOP', 200);
      expect(await client.download('RETR a', only(version))).toEqual({ text: 'abc', resumed: true });
      await client.upload('STOR b', 'def', only(version));
      expect(backend.files.get('/b')?.toString()).toBe('def');
      expect(backend.verbs).not.toContain('CCC');
    });
  });
});

describe('who may', () => {
  it('T018: nobody, unless the policy allows it: 534, and the connection stays encrypted', async () => {
    await withClearing({ policy: { ccc: 'deny' } }, async ({ clearing, logs }) => {
      const client = await clearing();
      await client.command('CCC', 534);
      await client.command('NOOP', 200);
      expect(logs.text).not.toContain('control-cleared');
    });
  });

  it('is said by each listener for itself', async () => {
    await withClearing(
      { policy: { ccc: 'deny' }, listeners: { implicit: { policy: { ccc: 'allow' } } } },
      async (house) => {
        await (await house.clearing('explicit')).command('CCC', 534);
        await (await house.clearing('implicit')).cleared();
      },
    );
  });

  it('nobody in clear: 533', async () => {
    await withGateway({ policy: { ccc: 'allow', requireTls: 'off' } }, async ({ greeted }) => {
      const client = await greeted();
      await client.command('CCC', 533);
      await client.login();
      await client.command('CCC', 533);
    });
  });

  it('nobody before the login is through: 534, and the password stays encrypted', async () => {
    await withGateway({ policy: { ccc: 'allow' } }, async ({ encrypted }) => {
      const client = await encrypted();
      await client.command('PROT P', 200);
      await client.command('CCC', 534);
      await client.command(`USER ${USER}`, 331);
      await client.command('CCC', 534);
      await client.command('PASS wrong', 530);
      await client.command('CCC', 534);
      await client.login();
      await client.expectNothingMore();
    });
  });

  it('nobody without PROT P, also where that is not demanded: 534', async () => {
    await withGateway({ policy: { ccc: 'allow', requireProtP: 'off' } }, async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      await client.command('CCC', 534);
      await client.protect();
      await client.command('PROT C', 200);
      await client.command('CCC', 534);
    });
  });

  it('nobody twice: 533', async () => {
    await withClearing({}, async ({ clearing }) => {
      const client = await clearing();
      await client.cleared();
      await client.command('CCC', 533);
      await client.command('NOOP', 200);
    });
  });

  it('FEAT and HELP show it while it would be accepted, and then only', async () => {
    await withClearing({}, async ({ clearing, encrypted, greeted }) => {
      const shows = async (client: { command(line: string, code: number): Promise<{ raw: string }> }) => {
        const answers = [await client.command('FEAT', 211), await client.command('HELP', 214)];
        return answers.map(({ raw }) => /^ .*\bCCC\b/m.test(raw));
      };
      expect(await shows(await greeted())).toEqual([false, false]);
      expect(await shows(await encrypted())).toEqual([false, false]);
      const client = await clearing();
      expect(await shows(client)).toEqual([true, true]);
      await client.cleared();
      expect(await shows(client)).toEqual([false, false]);
    });
  });
});

describe('after CCC', () => {
  it('no name and no password is taken in clear, and none reaches the backend', async () => {
    await withClearing({}, async ({ clearing, backend }) => {
      const client = await clearing();
      await client.cleared();
      const before = backend.commands.length;
      await client.command('USER bob', 503);
      await client.command('PASS in-clear', 503);
      await client.command('ACCT in-clear', 503);
      await client.command('HOST elsewhere', 503);
      await client.command('REIN', 502);
      expect(backend.commands.slice(before)).toEqual([]);
    });
  });

  it('what was agreed about TLS stays: PBSZ and PROT are 503, a new AUTH is 534', async () => {
    await withClearing(
      { legacy: { files: { '/a': 'abc' } }, policy: { requireProtP: 'off' } },
      async ({ clearing }) => {
        const client = await clearing();
        await client.cleared();
        for (const line of ['PBSZ 0', 'PROT C', 'PROT P', 'MIC x', 'CONF x', 'ENC x', 'ADAT x'])
          await client.command(line, 503);
        await client.command('AUTH TLS', 534);
        expect((await client.download('RETR a')).text).toBe('abc');
      },
    );
  });

  it('a data connection in clear is refused', async () => {
    await withClearing(
      { legacy: { files: { '/a': 'abc' } }, policy: { requireProtP: 'off' } },
      async ({ clearing }) => {
        const client = await clearing();
        await client.cleared();
        const data = await client.openData();
        data.startClear();
        client.send('STOR b');
        await client.expect(150);
        await data.write('in clear');
        await client.expect(522, 425, 426);
      },
    );
  });

  it('whoever gives orders in place of the client gets at no file under sessionReuse require', async () => {
    const policy = { sessionReuse: 'require' };
    await withClearing({ legacy: { files: { '/a': 'abc' } }, policy }, async ({ clearing }) => {
      const client = await clearing();
      await client.cleared();
      expect(await client.download('RETR a')).toEqual({ text: 'abc', resumed: true });
      const stranger = await client.openData();
      client.send('RETR a');
      await client.expect(150);
      await stranger.startTls();
      await client.expect(522);
      expect(stranger.receivedBytes).toBe(0);
    });
  });

  it.each([
    'endWithoutCloseNotify',
    'reset',
  ] as const)('an upload that is cut is 426, not complete (%s)', async (cut) => {
    await withClearing({}, async ({ clearing, backend }) => {
      const client = await clearing();
      await client.cleared();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls(client.resuming);
      await data.write('the beginning');
      await backend.until(() => backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
      data[cut]();
      await client.expect(426);
      expect(backend.files.has('/b')).toBe(false);
      await client.upload('STOR b', 'whole');
      expect(backend.files.get('/b')?.toString()).toBe('whole');
    });
  });

  it('ABOR in clear stops a transfer', async () => {
    const large = Buffer.alloc(8 * 2 ** 20, 'x');
    await withClearing({ legacy: { files: { '/large': large } } }, async ({ clearing }) => {
      const client = await clearing();
      await client.cleared();
      const data = await client.openData();
      await client.command('RETR large', 150);
      await data.startTls(client.resuming);
      data.pause();
      client.send('ABOR');
      await client.expect(426);
      await client.expect(225, 226);
      await client.command('NOOP', 200);
    });
  });

  it('a download before it in the same segment is finished first', async () => {
    await withClearing({ legacy: { files: { '/a': 'abc' } } }, async ({ clearing }) => {
      const client = await clearing();
      const data = await client.openData();
      client.send('RETR a\r\nCCC');
      await client.expect(150);
      await data.startTls(client.resuming);
      expect((await data.readToEnd()).ending).toBe('close_notify');
      await client.expect(226);
      await client.expect(200);
      await client.gatewaysGoodbye();
      client.leave();
      client.raw.write(await client.goodbye());
      await client.command('NOOP', 200);
    });
  });

  it('the time for the next command goes on: 421 in clear', async () => {
    await withClearing({ timeouts: { controlIdle: '500ms' } }, async ({ clearing, logs }) => {
      const client = await clearing();
      await client.cleared();
      await client.expect(421);
      await client.expectClosed();
      await logs.until({ event: 'session-ended', outcome: 'control-idle', cleared: true });
    });
  });

  it('draining is told in clear, also to a client that has not said a word since', async () => {
    await withClearing({}, async ({ clearing, gateway, logs }) => {
      const clients = [await clearing(), await clearing()];
      for (const client of clients) await client.ccc();
      const cleared = () => logs.lines.filter(({ event }) => event === 'control-cleared');
      await expect.poll(cleared, { interval: 5 }).toHaveLength(2);
      clients[0]?.raw.write(await clients[0].goodbye());
      const drained = gateway.drain(60_000);
      for (const client of clients) {
        await client.expect(421);
        client.raw.end();
        await client.expectClosed();
      }
      await drained;
    });
  });

  it('draining between the reply and the end of TLS is told inside TLS, and nothing is cleared', async () => {
    await withClearing({}, async ({ clearing, gateway, logs }) => {
      const client = await clearing();
      await client.command('CCC', 200);
      const drained = gateway.drain(60_000);
      await client.expect(421);
      await client.expectClosed();
      await drained;
      expect(logs.text).not.toContain('control-cleared');
    });
  });

  it('QUIT ends as ever', async () => {
    await withClearing({}, async ({ clearing, logs }) => {
      const client = await clearing();
      await client.cleared();
      await client.command('QUIT', 221);
      await client.expectClosed();
      await logs.until({ event: 'session-ended', outcome: 'client-quit', tls: 'TLSv1.3', cleared: true });
    });
  });

  it('over an FTPS backend the link keeps its TLS', async () => {
    const legacy = { files: { '/a': 'abc' }, tls: { security: 'explicit' } } as const;
    const backendTls = { tls: 'explicit', verify: false };
    await withClearing({ legacy, backend: backendTls }, async ({ clearing, backend, logs }) => {
      const client = await clearing();
      await client.cleared();
      expect((await client.download('RETR a')).text).toBe('abc');
      expect(backend.verbs).not.toContain('CCC');
      const line = await logs.until({ event: 'transfer' });
      expect(line).toMatchObject({ backendDataProtection: 'private', clientDataProtection: 'private' });
    });
  });
});

describe('who looks', () => {
  let folder: AuditFolder;
  beforeEach(() => {
    folder = new AuditFolder();
  });
  afterEach(() => folder.remove());

  it('sees it in log, metrics, audit log, session list and STAT', async () => {
    await withClearing({ audit: { file: folder.file } }, async ({ clearing, gateway, logs, metrics }) => {
      const client = await clearing();
      expect([...gateway.sessions].map((session) => session.snapshot().cleared)).toEqual([false]);
      await client.cleared();
      expect((await client.command('STAT', 211)).raw).toContain('Control connection: clear since CCC');
      const [session] = [...gateway.sessions];
      expect(session?.snapshot()).toMatchObject({ cleared: true, tls: { version: 'TLSv1.3' } });
      const line = await logs.until({ event: 'control-cleared' });
      expect(line).toMatchObject({ user: USER, backend: 'legacy', tls: 'TLSv1.3', cleared: true });
      expect(await metrics.render()).toContain('sallyport_cleared_sessions_total{listener="explicit"} 1');
      await client.upload('STOR b', 'def');
      await client.command('QUIT', 221);
      await folder.one('session-ended');
    });
    const of = (kind: string) => folder.records().filter(({ audit }) => audit === kind);
    expect(of('control-cleared')).toMatchObject([{ user: USER, backend: 'legacy', tls: 'TLSv1.3', cleared: true }]);
    expect(of('login')[0]).not.toHaveProperty('cleared');
    expect(of('transfer')).toMatchObject([{ cleared: true, clientDataProtection: 'private' }]);
  });

  it('sees it on the side port and its page', async () => {
    await withClearing({}, async (house) => {
      await withSidePort(house, {}, async (sidePort) => {
        const client = await house.clearing();
        const mark = 'title="CCC: the control connection is in clear"';
        expect(await (await sidePort.ask('/')).text()).not.toContain(mark);
        await client.cleared();
        await client.command('NOOP', 200);
        expect(await (await sidePort.ask('/')).text()).toContain(mark);
        expect(await (await sidePort.ask('/sessions')).json()).toMatchObject({ sessions: [{ cleared: true }] });
      });
    });
  });

  it('a client that never says CCC leaves no trace of it', async () => {
    await withClearing({}, async ({ clearing, logs }) => {
      const client = await clearing();
      await client.command('QUIT', 221);
      expect(await logs.until({ event: 'session-ended' })).not.toHaveProperty('cleared');
    });
  });
});

it('with CCC allowed, sessions that stay encrypted end and break off as ever', async () => {
  await withGateway({ policy: { ccc: 'allow' } }, async ({ loggedIn, connect, doors, gateway, logs }) => {
    const polite = await loggedIn();
    await polite.command('QUIT', 221);
    await polite.expectClosed();
    (await loggedIn('implicit')).end();
    (await loggedIn()).reset();
    (await loggedIn()).socket.end();
    (await loggedIn()).socket.write('\x17\x03\x03\x00\x40damaged'.padEnd(69, 'x'));
    (await loggedIn()).socket.write('in clear');
    const halfway = await connect();
    await halfway.expect(220);
    halfway.write('AUTH TLS\r\n');
    await halfway.expect(234);
    halfway.write('no handshake');
    await (await ClearingClient.greeted(doors.explicit)).destroy();
    await expect.poll(() => gateway.activeSessions, { timeout: 3000, interval: 5 }).toBe(0);
    expect(logs.text).not.toContain('"event":"fault"');
  });
});

it.each([
  'TLSv1.2',
  'TLSv1.3',
] as const)('with CCC allowed, a flood of commands is answered one by one (%s)', async (version) => {
  await withGateway({ policy: { ccc: 'allow' } }, async ({ loggedIn, backend }) => {
    const client = await loggedIn('explicit', { tls: only(version) });
    const count = 3000;
    for (let sent = 0; sent < count; sent += 500) client.write('SYST\r\n'.repeat(500));
    for (let answered = 0; answered < count; answered += 1) await client.expect(215);
    await client.expectNothingMore();
    expect(backend.verbs.filter((verb) => verb === 'SYST')).toHaveLength(count);
  });
});
