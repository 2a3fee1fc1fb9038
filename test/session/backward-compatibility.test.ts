/**
 * Backward compatibility: clear-text FTP in full where policy allows it, and the oddities of old servers.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackendSession } from '../support/backend-session.ts';
import { digest } from '../support/digest.ts';
import { CLEAR_ALLOWED, FAMILIES, withGateway } from '../support/test-gateway.ts';

describe.each(FAMILIES)('plain FTP over %s, policy off', (family, { explicit }) => {
  it('a whole session in clear: login, list, down, up, rename, delete, directories, quit', async () => {
    const bytes = randomBytes(200_000);
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': bytes } } }, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      await client.login();
      expect((await client.command('SYST', 215)).text).toBe('UNIX Type: L8');
      await client.command('TYPE I', 200);
      expect((await client.download('LIST', { clear: true })).toString()).toContain(' a\r\n');
      expect((await client.download('NLST', { clear: true })).toString()).toBe('a\r\n');
      expect(digest(await client.download('RETR a', { clear: true }))).toBe(digest(bytes));
      await client.upload('STOR b', bytes, { clear: true });
      expect(digest(backend.files.get('/b'))).toBe(digest(bytes));
      await client.command('RNFR b', 350);
      await client.command('RNTO c', 250);
      await client.command('DELE c', 250);
      await client.command('MKD d', 257);
      await client.command('CWD d', 250);
      await client.command('CDUP', 250);
      await client.command('RMD d', 250);
      await client.command('QUIT', 221);
      await client.expectClosed();
      expect([...backend.files.keys()]).toEqual(['/a']);
    });
  });

  it('requireTls off alone: clear login, and PROT P after AUTH still works on the same listener', async () => {
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': 'abc' } } }, async ({ greeted, loggedIn }) => {
      const clear = await greeted(explicit);
      await clear.login();
      expect((await clear.download('RETR a', { clear: true })).toString()).toBe('abc');
      const secure = await loggedIn(explicit);
      expect((await secure.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('PASV in clear', async () => {
    if (family === 'IPv6') return;
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': 'abc' } } }, async ({ greeted }) => {
      const client = await greeted(explicit);
      await client.login();
      const { port } = await client.pasv();
      const data = (await client.openData({ port })).startClear();
      await client.command('RETR a', 150);
      expect(await data.readToEnd()).toEqual({ bytes: Buffer.from('abc'), ending: 'fin' });
      await client.expect(226);
    });
  });

  it('PROT C after AUTH: control encrypted, data in clear', async () => {
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': 'abc' } } }, async ({ encrypted }) => {
      const client = await encrypted(explicit);
      await client.login();
      expect((await client.download('RETR a', { clear: true })).toString()).toBe('abc');
      await client.command('PROT P', 200);
      await client.command('PROT C', 200);
      expect((await client.download('RETR a', { clear: true })).toString()).toBe('abc');
    });
  });

  it('policy report: a clear session works in full, and each command that would be refused is logged', async () => {
    const policy = { requireTls: 'report', requireProtP: 'report' };
    await withGateway({ policy, legacy: { files: { '/a': 'abc' } } }, async ({ greeted, logs }) => {
      const client = await greeted(explicit);
      await client.login();
      expect((await client.download('RETR a', { clear: true })).toString()).toBe('abc');
      await logs.until({ event: 'policy-denied', rule: 'requireTls', mode: 'report', verb: 'USER' });
      await logs.until({ event: 'policy-denied', rule: 'requireProtP', mode: 'report', verb: 'RETR' });
    });
  });
});

describe('backends without EPSV (T065)', () => {
  it.each([500, 501, 502, 504, 522])('%i to EPSV: PASV is used, and remembered for the backend', async (code) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.answer('EPSV', `${code} No EPSV here.\r\n`);
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      const other = await loggedIn();
      expect((await other.download('RETR a')).toString()).toBe('abc');
      expect(backend.verbs.filter((verb) => verb === 'EPSV')).toHaveLength(1);
      expect(backend.verbs.filter((verb) => verb === 'PASV')).toHaveLength(3);
    });
  });

  it('a backend that hangs up at EPSV: 421, and the next session works by PASV', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on('EPSV', (session) => session.destroy());
      const client = await loggedIn();
      client.send('EPSV');
      const reply = await client.expect(229, 421);
      if (reply.code === 229) await client.expect(421);
      await client.expectClosed();
      expect((await (await loggedIn()).download('RETR a')).toString()).toBe('abc');
    });
  });

  it.each([
    ['never', ''],
    ['late, with a refusal,', '500 no\r\n'],
  ])('a backend that answers EPSV %s: PASV is used after a while, and remembered', async (_when, late) => {
    const options = { timeouts: { finalReply: '300ms' }, legacy: { files: { '/a': 'abc' } } };
    await withGateway(options, async ({ loggedIn, backend }) => {
      backend.on('EPSV', () => {});
      backend.on('PASV', (session, command) => {
        if (session.commands.at(-2) === 'EPSV') session.raw(late);
        return session.byDefault(command);
      });
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.command('PWD', 257);
      expect(backend.verbs.filter((verb) => verb === 'EPSV')).toHaveLength(1);
    });
  });

  it('neither EPSV nor PASV: 425, and the session goes on', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('EPSV', '500 no\r\n').answer('PASV', '502 no\r\n');
      const client = await loggedIn();
      await client.openData();
      await client.command('RETR a', 425);
      expect(backend.verbs).not.toContain('RETR');
      await client.command('PWD', 257);
    });
  });

  it.each([
    ['epsv', 'EPSV', 'PASV'],
    ['pasv', 'PASV', 'EPSV'],
  ] as const)('dataMode %s: only %s is sent', async (dataMode, used, unused) => {
    await withGateway({ backend: { dataMode }, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(backend.verbs).toContain(used);
      expect(backend.verbs).not.toContain(unused);
    });
  });
});

type Answer = (port: number) => string;
const hostPort = (host: string, port: number): string => `${host},${port >> 8},${port & 255}`;

/** Answers a verb with a text made from the port of a real listener. */
function answering(text: Answer) {
  return async (session: BackendSession): Promise<void> => session.raw(`${text(await session.listen())}\r\n`);
}

describe('odd 227 and 229 of a backend', () => {
  const USABLE_PASV: readonly (readonly [string, Answer])[] = [
    ['T066 no parentheses', (port) => `227 Entering passive mode. ${hostPort('10,0,0,1', port)}`],
    ['T066 an equals sign', (port) => `227 Entering Passive Mode =${hostPort('127,0,0,1', port)}`],
    ['T066 blanks', (port) => `227 ok ( ${hostPort('127, 0, 0, 1', port)} )`],
    ['T067 0.0.0.0', (port) => `227 Entering Passive Mode (${hostPort('0,0,0,0', port)})`],
    ['T067 a foreign address', (port) => `227 Entering Passive Mode (${hostPort('8,8,8,8', port)})`],
    ['T067 a private address', (port) => `227 Entering Passive Mode (${hostPort('192,168,77,1', port)})`],
  ];

  it.each(USABLE_PASV)('%s: the backend is dialled at its own address', async (_what, text) => {
    await withGateway({ backend: { dataMode: 'pasv' }, legacy: { files: { '/a': 'abc' } } }, async (house) => {
      house.backend.on('PASV', answering(text));
      const client = await house.loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      const line = await house.logs.until({ event: 'transfer' });
      expect(line.backendDataPeer).toMatch(/^127\.0\.0\.1:/);
    });
  });

  const USELESS_PASV: readonly (readonly [string, string])[] = [
    ['T067 a number above 255', '227 Entering Passive Mode (127,0,0,256,200,10)'],
    ['T067 five numbers', '227 Entering Passive Mode (127,0,0,1,200)'],
    ['T067 port 0', '227 Entering Passive Mode (127,0,0,1,0,0)'],
    ['T067 a port below 1024', '227 Entering Passive Mode (127,0,0,1,0,22)'],
    ['T067 no numbers', '227 Entering Passive Mode'],
  ];

  it.each(USELESS_PASV)('%s: 425, nothing is forwarded, the session goes on', async (_what, raw) => {
    await withGateway({ backend: { dataMode: 'pasv' } }, async ({ loggedIn, backend, logs }) => {
      backend.answer('PASV', `${raw}\r\n`);
      const client = await loggedIn();
      await client.openData();
      await client.command('RETR a', 425);
      expect(backend.verbs).not.toContain('RETR');
      await logs.until({ event: 'transfer', cause: 'backend-data-setup-failed' });
      await client.command('PWD', 257);
    });
  });

  const USABLE_EPSV: readonly (readonly [string, Answer])[] = [
    ['T068 exclamation marks', (port) => `229 Entering Extended Passive Mode (!!!${port}!)`],
    ['T068 an address inside', (port) => `229 Entering Extended Passive Mode (|1|1.2.3.4|${port}|)`],
    ['T068 a full stop behind', (port) => `229 Entering Extended Passive Mode (|||${port}|).`],
  ];

  it.each(USABLE_EPSV)('%s: works', async (_what, text) => {
    await withGateway({ backend: { dataMode: 'epsv' }, legacy: { files: { '/a': 'abc' } } }, async (house) => {
      house.backend.on('EPSV', answering(text));
      expect((await (await house.loggedIn()).download('RETR a')).toString()).toBe('abc');
    });
  });

  it.each(['(|||0|)', '(|||70000|)', '(|||22|)', '|||', '()'])('T068 229 %s: 425', async (form) => {
    await withGateway({ backend: { dataMode: 'epsv' } }, async ({ loggedIn, backend, logs }) => {
      backend.answer('EPSV', `229 Entering Extended Passive Mode ${form}\r\n`);
      const client = await loggedIn();
      await client.openData();
      await client.command('RETR a', 425);
      await logs.until({ event: 'transfer', cause: 'backend-data-setup-failed' });
      await client.command('PWD', 257);
    });
  });

  it('T079: a data port that refuses the connection: 425, not forwarded, and the next transfer works', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      let refused = false;
      backend.on('EPSV', async (session, command) => {
        if (refused) return session.byDefault(command);
        refused = true;
        const port = await session.listen();
        session.unlisten();
        session.reply(229, `Entering Extended Passive Mode (|||${port}|)`);
      });
      const client = await loggedIn();
      await client.openData();
      await client.command('RETR a', 425);
      expect(backend.verbs).not.toContain('RETR');
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it("the backend's 227 and 229 are never shown to the client", async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on(
        'EPSV',
        answering((port) => `229 legacy words (|||${port}|)`),
      );
      const client = await loggedIn();
      await client.download('RETR a');
      expect(client.transcript).not.toContain('legacy words');
    });
  });
});

describe('old servers', () => {
  it('without FEAT, OPTS, SIZE, MDTM, EPSV: sessions and transfers work', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      for (const verb of ['FEAT', 'OPTS', 'SIZE', 'MDTM', 'EPSV', 'MLSD', 'MLST', 'CLNT']) {
        backend.answer(verb, '500 Command not understood.\r\n');
      }
      const client = await loggedIn();
      await client.command('FEAT', 211);
      await client.command('SIZE a', 500, 502);
      await client.download('LIST');
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'b');
    });
  });

  it('that end lines by LF alone', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.onConnect((session) => session.raw('220-old\n220 ready\n'));
      backend.answer('PWD', '257 "/" here\n');
      const client = await loggedIn();
      await client.command('PWD', 257);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('that cut their replies into single bytes', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on('PWD', async (session) => {
        for (const byte of '257-first\r\n257 "/" here\r\n') {
          session.raw(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const client = await loggedIn();
      expect((await client.command('PWD', 257)).lines).toEqual(['257-first', '257 "/" here']);
    });
  });
});
