/**
 * Logging and auditing: one line per session start and end, login and transfer, with everything an auditor asks for; no
 * secrets; nothing that a terminal could take for a command.
 */
import { describe, expect, it } from 'vitest';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { CLEAR_ALLOWED, FAMILIES, only, withGateway } from '../support/test-gateway.ts';

/** Every text inside a value, however deep. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

describe.each(FAMILIES)('over %s', (family, { explicit, implicit }) => {
  const peer = family === 'IPv4' ? /^127\.0\.0\.1:\d+$/ : /^\[::1\]:\d+$/;

  it('a session has a line for its start, its login, each transfer and its end, all with its id', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, logs }) => {
      const client = await loggedIn(explicit, { tls: only('TLSv1.3') });
      await client.download('RETR a');
      await client.upload('STOR b', 'twelve bytes');
      await client.download('LIST');
      await client.command('QUIT', 221);
      const end = await logs.until({ event: 'session-ended' });
      const start = await logs.until({ event: 'session-started' });
      expect(start).toMatchObject({ listener: explicit, mode: 'explicit', client: expect.stringMatching(peer) });
      expect(await logs.until({ event: 'login' })).toMatchObject({
        user: USER,
        backend: 'legacy',
        outcome: 'accepted',
        reply: 230,
        tls: 'TLSv1.3',
      });
      const transfers = logs.lines.filter((line) => line.event === 'transfer');
      expect(transfers).toMatchObject([
        { verb: 'RETR', direction: 'download', path: 'a', bytes: 3, outcome: 'completed', reply: 226, user: USER },
        { verb: 'STOR', direction: 'upload', path: 'b', bytes: 12, outcome: 'completed', reply: 226 },
        { verb: 'LIST', direction: 'list', outcome: 'completed', reply: 226 },
      ]);
      for (const transfer of transfers) {
        expect(transfer).toMatchObject({
          backend: 'legacy',
          milliseconds: expect.any(Number),
          clientDataPeer: expect.stringMatching(peer),
          clientDataLocal: expect.stringMatching(peer),
          clientDataProtection: 'private',
          clientDataTls: 'TLSv1.3',
          clientDataCipher: expect.stringMatching(/^TLS_/),
          clientDataResumed: expect.any(Boolean),
          backendDataPeer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
          backendDataProtection: 'clear',
        });
      }
      expect(end).toMatchObject({ outcome: 'client-quit', transfers: 3, failedTransfers: 0, bytesUploaded: 12 });
      const ids = new Set([start, end, ...transfers].map((line) => line.session));
      expect(ids.size).toBe(1);
      expect([...ids][0]).toEqual(expect.any(String));
    });
  });

  it('an implicit session says so', async () => {
    await withGateway({}, async ({ loggedIn, logs }) => {
      await loggedIn(implicit);
      expect(await logs.until({ event: 'session-started' })).toMatchObject({ listener: implicit, mode: 'implicit' });
    });
  });

  it('a session in clear shows as clear', async () => {
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': 'abc' } } }, async ({ greeted, logs }) => {
      const client = await greeted(explicit);
      await client.login();
      await client.download('RETR a', { clear: true });
      expect(await logs.until({ event: 'login' })).not.toHaveProperty('tls');
      const transfer = await logs.until({ event: 'transfer' });
      expect(transfer).toMatchObject({ clientDataProtection: 'clear' });
      expect(transfer).not.toHaveProperty('clientDataTls');
    });
  });

  it('a refused login, a refused transfer and a cut upload say why', async () => {
    await withGateway({}, async ({ loggedIn, encrypted, logs, backend }) => {
      const stranger = await encrypted(explicit);
      await stranger.command('USER eve', 331);
      await stranger.command('PASS guess-1234567', 530);
      expect(await logs.until({ event: 'login' })).toMatchObject({ user: 'eve', outcome: 'refused', reply: 530 });
      const client = await loggedIn(explicit);
      await client.openData();
      await client.command('RETR missing', 550);
      expect(await logs.until({ event: 'transfer', verb: 'RETR' })).toMatchObject({
        outcome: 'refused',
        reply: 550,
        cause: 'backend-refused',
      });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ session: client.session });
      await data.write('cut');
      data.endWithoutCloseNotify();
      await client.expect(426);
      expect(await logs.until({ event: 'transfer', verb: 'STOR' })).toMatchObject({
        bytes: 3,
        reply: 426,
        cause: 'client-data-truncated',
      });
      expect(backend.files.has('/a')).toBe(false);
      expect(logs.text).not.toContain('guess-1234567');
    });
  });
});

describe('a data connection whose TLS fails', () => {
  it.each(['RETR a', 'STOR b'])('both its ends are in the line of the transfer (%s)', async (line) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      const port = await client.epsv();
      const data = await client.openData({ port });
      await client.command(line, 150);
      data.raw.write('this is no TLS');
      await client.expect(522);
      expect(await logs.until({ event: 'transfer' })).toMatchObject({
        cause: 'client-data-tls-failed',
        clientDataPeer: `127.0.0.1:${data.raw.localPort}`,
        clientDataLocal: `127.0.0.1:${port}`,
      });
    });
  });
});

describe('secrets', () => {
  it('no password, account or security data is ever logged, in whatever place a client puts it', async () => {
    const secret = 'S3cret-0123456789';
    await withGateway({}, async ({ greeted, encrypted, loggedIn, backend, logs }) => {
      const clear = await greeted();
      for (const line of [`PASS ${secret}`, `pass ${secret}`, `ACCT ${secret}`, `ADAT ${secret}`, `PASS  ${secret}`]) {
        await clear.command(line, 500, 501, 503, 530);
      }
      await clear.command(`PASS ${secret}\0`, 501);
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${secret}`, 530);
      backend.on('PASS', (session, command) => session.reply(530, `Login incorrect: ${command.argument}`));
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${secret}`, 530);
      backend.on('PASS', (session, command) => session.byDefault(command));
      const inside = await loggedIn();
      await inside.command(`PASS ${secret}`, 503);
      await inside.command('QUIT', 221);
      expect(logs.text).not.toContain(secret);
      expect(logs.text).not.toContain(PASSWORD);
    });
  });
});

describe('a backend that repeats the password in its reply to PASS', () => {
  it.each([
    ['a refusal', (line: string) => `530 No: ${line}\r\n`],
    ['421', (line: string) => `421 Cannot check ${line}\r\n`],
    ['no reply at all', (line: string) => `${line}\r\n`],
    ['a code that does not exist', (line: string) => `999 ${line}\r\n`],
    ['a line without end', (line: string) => `530 ${line} ${'x'.repeat(20_000)}`],
    ['two replies', (line: string) => `530 No: ${line}\r\n530 I said no: ${line}\r\n`],
    ['a farewell behind the refusal', (line: string) => `530 No.\r\n421 Not ${line}\r\n`],
  ])('%s: it does not get into the log', async (_what, answer) => {
    const secret = 'S3cret-9876543210';
    await withGateway({ timeouts: { finalReply: '1s' } }, async ({ encrypted, backend, logs }) => {
      backend.on('PASS', (session, { line }) => session.raw(answer(line)));
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${secret}`, 421, 530);
      client.send('QUIT');
      await logs.until({ event: 'session-ended' });
      expect(backend.commands).toContain(`PASS ${secret}`);
      expect(logs.text).not.toContain(secret);
    });
  });
});

describe('log injection (T059)', () => {
  const EVIL = 'a\x1b[31m\xe2\x80\xae\x07%0d%0a{"level":50}\xc2\x85\x7f';

  it('control and direction characters in user names and paths are escaped', async () => {
    await withGateway({}, async ({ encrypted, loggedIn, logs, backend }) => {
      const client = await encrypted();
      await client.command(`USER ${EVIL}`, 331);
      await client.command('PASS wrong', 530);
      const inside = await loggedIn();
      await inside.openData();
      await inside.command(`RETR ${EVIL}`, 550);
      await inside.command(`${EVIL}`, 500);
      await logs.until({ event: 'transfer' });
      expect(backend.commands).toContain(`RETR ${EVIL}`);
      for (const line of logs.lines) {
        for (const text of texts({ ...line, stack: undefined })) {
          expect(text).not.toMatch(/[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
        }
      }
      const user = String((await logs.until({ event: 'login', outcome: 'refused' })).user);
      expect(user).toMatch(/^a\\x1b\[31m\\u202e\\x07%0d%0a/);
    });
  });

  it('a path of any length makes a log line of bounded length', async () => {
    await withGateway({}, async ({ loggedIn, logs }) => {
      const client = await loggedIn();
      await client.openData();
      await client.command(`RETR ${'x'.repeat(7000)}`, 550);
      const line = await logs.until({ event: 'transfer' });
      expect(JSON.stringify(line).length).toBeLessThan(3000);
    });
  });
});

describe('metrics', () => {
  it('count sessions, logins, commands, transfers, bytes and handshakes', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, metrics, logs }) => {
      const client = await loggedIn();
      await client.download('RETR a');
      await client.upload('STOR b', 'twelve bytes');
      await client.command('XYZZY', 500);
      await client.command('QUIT', 221);
      await logs.until({ event: 'session-ended' });
      const text = await metrics.render();
      for (const expected of [
        /sallyport_sessions_total\{listener="explicit",outcome="client-quit"\} 1/,
        /sallyport_logins_total\{backend="legacy",outcome="accepted"\} 1/,
        /sallyport_commands_total\{verb="RETR"\} 1/,
        /sallyport_commands_total\{verb="other"\} 1/,
        /sallyport_transfers_total\{direction="download",backend="legacy",outcome="completed"\} 1/,
        /sallyport_transfer_bytes_total\{direction="upload",backend="legacy"\} 12/,
        /sallyport_tls_handshakes_total\{side="client",channel="control",version="TLSv1.3",resumed="false"\} 1/,
        /sallyport_sessions_active\{listener="explicit"\} 0/,
      ]) {
        expect(text).toMatch(expected);
      }
      expect(text).not.toContain(USER);
      expect(text).not.toContain('XYZZY');
      expect(text).not.toContain('127.0.0.1');
    });
  });
});
