/**
 * The audit log of sessions that go well: every kind of record, checked against the printed schema; the folder of the backend;
 * hashes; xferlog; and nothing in it that must not be.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder, linesOf } from '../support/audit-lines.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { CLEAR_ALLOWED, withGateway } from '../support/test-gateway.ts';

let folder: AuditFolder;
beforeEach(() => {
  folder = new AuditFolder();
});
afterEach(() => folder.remove());

describe('a session', () => {
  it('has records of its beginning, login, transfers and end, between those of the log', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, audit: { file: folder.file } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('TYPE I', 200);
      await client.download('RETR a');
      await client.upload('STOR b', 'twelve bytes');
      await client.download('LIST -la');
      await client.command('QUIT', 221);
      await folder.one('session-ended');
    });
    const records = folder.records();
    expect(records.map(({ audit }) => audit)).toEqual([
      'log-opened',
      'session-begun',
      'login',
      'transfer',
      'transfer',
      'transfer',
      'session-ended',
      'log-closed',
    ]);
    expect(new Set(records.slice(1, -1).map(({ session }) => session)).size).toBe(1);
    const [, begun, login, download, upload, list, ended] = records;
    expect(begun).toMatchObject({
      listener: 'explicit',
      mode: 'explicit',
      client: expect.stringMatching(/^127\.0\.0\.1:/),
    });
    expect(login).toMatchObject({ user: USER, backend: 'legacy', outcome: 'accepted', reply: 230, tls: 'TLSv1.3' });
    expect(download).toMatchObject({
      verb: 'RETR',
      path: '/a',
      outcome: 'completed',
      bytes: 3,
      reply: 226,
      backendReply: 226,
    });
    expect(download).toMatchObject({
      type: 'image',
      backendDataEnd: 'unproven',
      clientDataResumed: expect.any(Boolean),
    });
    expect(upload).toMatchObject({ verb: 'STOR', path: '/b', bytes: 12, clientDataEnd: 'close-notify' });
    expect(list).toMatchObject({ verb: 'LIST', path: '/', argument: '-la', direction: 'list' });
    for (const line of [download, upload, list]) expect(line).not.toHaveProperty('sha256');
    expect(ended).toMatchObject({ outcome: 'client-quit', transfers: 3, bytesUploaded: 12, user: USER });
  });

  it('a refused login, and rules that are only reported, have records', async () => {
    const policy = { requireTls: 'report', requireProtP: 'report' };
    const options = { policy, legacy: { files: { '/a': 'abc' } }, audit: { file: folder.file } };
    await withGateway(options, async ({ greeted }) => {
      const client = await greeted();
      await client.command('USER eve', 331);
      await client.command('PASS guess-1234567', 530);
      await client.login();
      await client.download('RETR a', { clear: true });
    });
    expect(folder.of('login')).toMatchObject([
      { user: 'eve', outcome: 'refused', reply: 530 },
      { user: USER, outcome: 'accepted' },
    ]);
    expect(folder.of('policy-report').map(({ rule, verb }) => [rule, verb])).toEqual([
      ['requireTls', 'USER'],
      ['requireTls', 'PASS'],
      ['requireTls', 'USER'],
      ['requireTls', 'PASS'],
      ['requireProtP', 'RETR'],
    ]);
    expect(readFileSync(folder.file, 'utf8')).not.toContain('guess-1234567');
  });

  it('a client that is turned away at the door has one record', async () => {
    await withGateway(
      { limits: { sessionsPerAddress: 1 }, audit: { file: folder.file } },
      async ({ greeted, connect }) => {
        await greeted();
        const other = await connect();
        await other.expect(421);
        expect(await folder.one('session-ended')).toMatchObject({ outcome: 'too-many-sessions-per-address' });
      },
    );
  });

  it('a transfer that the gateway cuts when it stops has its record before the log is closed', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ loggedIn, backend, gateway }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await data.write('beginning');
      await backend.until(() => backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
      await gateway.stop();
    });
    expect(folder.of('transfer')).toMatchObject([{ cause: 'shutting-down', outcome: 'failed', bytes: 9 }]);
    expect(folder.records().at(-1)).toMatchObject({ audit: 'log-closed' });
  });
});

describe('the folder of the backend', () => {
  it('is asked for after the login and after each change, and only then', async () => {
    await withGateway({ legacy: { files: { '/in/a': 'abc' } }, audit: { file: folder.file } }, async (house) => {
      const client = await house.loggedIn();
      await client.command('CWD /in', 250);
      await client.download('RETR a');
      await client.download('NLST -1 ../out//x');
      await client.command('CDUP', 250);
      await client.upload('STOR deep/../c', 'c');
      expect(house.backend.commands.filter((line) => /^(PWD|CWD|CDUP)/.test(line))).toEqual([
        'PWD',
        'CWD /in',
        'PWD',
        'CDUP',
        'PWD',
      ]);
    });
    expect(folder.of('transfer').map(({ path, argument }) => [path, argument])).toEqual([
      ['/in/a', 'a'],
      ['/in/../out/x', '-1 ../out//x'],
      ['/deep/../c', 'deep/../c'],
    ]);
  });

  it('is unknown where a link may lead elsewhere, and where a name begins with ~', async () => {
    const audit = { file: folder.file, xferlog: folder.xferlog };
    await withGateway({ legacy: { files: { '/link/../a': 'abc' } }, audit }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('CWD /link', 250);
      await client.download('RETR ../a');
      await client.upload('STOR ~ann/b', 'b');
      await client.command('RETR ../a', 425);
    });
    const climbs = { path: '/link/../a', argument: '../a', directory: 'unknown' };
    expect(folder.of('transfer')).toMatchObject([climbs, { path: '~ann/b', directory: 'unknown' }]);
    expect(folder.of('command-denied')).toMatchObject([climbs]);
    const words = linesOf(readFileSync(folder.xferlog, 'utf8')).map((line) => line.replace(/ {2}/, ' ').split(' '));
    expect(words.map((line) => line[8])).toEqual(['/link/../a', '~ann/b']);
  });

  it('is waited for before a command is refused that was sent behind the change', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ backend, loggedIn }) => {
      const client = await loggedIn();
      backend.on('PWD', (session) => {
        setTimeout(() => session.reply(257, '"/in" is the current directory.'), 200);
      });
      client.send('CWD /in');
      client.send('RETR a');
      await client.expect(250);
      await client.expect(425);
      expect(await folder.one('command-denied')).toMatchObject({ path: '/in/a', argument: 'a' });
    });
  });

  it('is not asked for where nothing is audited', async () => {
    await withGateway({ legacy: { files: { '/in/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      await client.download('RETR a');
      expect(backend.commands).not.toContain('PWD');
    });
  });

  it('does not part REST from its transfer', async () => {
    await withGateway({ legacy: { files: { '/in/a': 'abcdef' } }, audit: { file: folder.file } }, async (house) => {
      const client = await house.loggedIn();
      await client.openData();
      await client.command('CWD /in', 250);
      const data = await client.openData();
      await client.command('REST 3', 350);
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('def');
      await client.expect(226);
      expect(house.backend.commands.filter((line) => line.startsWith('REST'))).toEqual(['REST 3']);
      expect(await folder.one('transfer')).toMatchObject({ path: '/in/a', restart: 3, bytes: 3 });
    });
  });

  it('is unknown where the backend refuses PWD: the path is as sent', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } }, audit: { file: folder.file } }, async (house) => {
      house.backend.on('PWD', (session) => session.reply(502, 'Not here.'));
      const client = await house.loggedIn();
      await client.download('RETR a');
      await client.download('RETR /a');
    });
    const [relative, absolute] = folder.of('transfer');
    expect(relative).toMatchObject({ path: 'a', directory: 'unknown' });
    expect(absolute).toMatchObject({ path: '/a' });
    expect(absolute).not.toHaveProperty('directory');
  });

  it('is learned from an answer to the client', async () => {
    await withGateway(
      { legacy: { files: { '/a': 'abc' } }, audit: { file: folder.file } },
      async ({ backend, loggedIn }) => {
        let asked = 0;
        backend.on('PWD', (session) => {
          asked += 1;
          if (asked === 1) session.reply(502, 'Not now.');
          else session.reply(257, '"/my ""own"" folder" is the current directory.');
        });
        const client = await loggedIn();
        await client.command('PWD', 257);
        await client.openData();
        await client.command('RETR x', 550);
        expect(await folder.one('transfer')).toMatchObject({ path: '/my "own" folder/x' });
      },
    );
  });
});

describe('audit.hash: sha256', () => {
  it('is that of the bytes as they were relayed, up and down', async () => {
    const bytes = randomBytes(3_000_000);
    const audit = { file: folder.file, hash: 'sha256' };
    await withGateway({ legacy: { files: { '/a': bytes, '/empty': '' } }, audit }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.download('RETR a');
      await client.upload('STOR b', bytes);
      await client.download('RETR empty');
      expect(backend.files.get('/b')?.equals(bytes)).toBe(true);
    });
    const of = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
    expect(folder.of('transfer').map(({ sha256 }) => sha256)).toEqual([of(bytes), of(bytes), of(Buffer.alloc(0))]);
  });
});

describe('xferlog', () => {
  it('has a line for each file, in the places where other programs look', async () => {
    const options = { ...CLEAR_ALLOWED, legacy: { files: { '/my file': 'abc' } }, audit: { xferlog: folder.xferlog } };
    await withGateway(options, async (house) => {
      const client = await house.greeted();
      await client.login();
      await client.command('TYPE I', 200);
      await client.download('RETR my file', { clear: true });
      await client.download('LIST', { clear: true });
      await client.openData();
      await client.command('RETR missing', 550);
      await client.command('TYPE A', 200);
      const data = await client.openData();
      await client.command('STOR cut', 150);
      data.startClear();
      await data.write('half');
      await house.backend.until(() => house.backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
      data.reset();
      await client.expect(426);
    });
    const words = linesOf(readFileSync(folder.xferlog, 'utf8')).map((line) => line.replace(/ {2}/, ' ').split(' '));
    expect(words.map((line) => line.length)).toEqual([18, 18]);
    const [day = '', month = '', date = '', clock = '', year = ''] = words[0] ?? [];
    const told = Date.parse(`${day} ${month} ${date} ${clock} ${year}`);
    expect(Math.abs(Date.now() - told)).toBeLessThan(60_000);
    expect(words.map((line) => line.slice(6))).toEqual([
      ['127.0.0.1', '3', '/my_file', 'b', '_', 'o', 'r', USER, 'ftp', '0', '*', 'c'],
      ['127.0.0.1', '4', '/cut', 'a', '_', 'i', 'r', USER, 'ftp', '0', '*', 'i'],
    ]);
  });
});

describe('what must not be in it', () => {
  it('no secret, and nothing that forges a line or steers a terminal', async () => {
    const evil = 'a\x1b[31m\xe2\x80\xae\x07"}%0d%0a{"audit":"login"}\xc2\x85\x7f \xff';
    const secret = 'S3cret-0123456789';
    const audit = { file: folder.file, xferlog: folder.xferlog };
    await withGateway({ audit }, async ({ encrypted, loggedIn }) => {
      const client = await encrypted();
      await client.command(`USER ${evil}`, 331);
      await client.command(`PASS ${secret}`, 530);
      const inside = await loggedIn();
      await inside.upload(`STOR ${evil}`, 'x');
      await inside.command(`STOR ${evil}`, 425);
      await inside.command(`ACCT ${secret}`, 230, 503);
    });
    const text = readFileSync(folder.file, 'utf8') + readFileSync(folder.xferlog, 'utf8');
    expect(text).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(PASSWORD);
    const forged = folder.of('login').map(({ user }) => String(user));
    expect(forged).toEqual([expect.stringMatching(/^a\\x1b\[31m\\u202e\\x07"}%0d%0a/), USER]);
    expect(linesOf(readFileSync(folder.xferlog, 'utf8'))).toHaveLength(1);
    expect(readFileSync(folder.xferlog, 'utf8')).toMatch(
      / \/a_\[31m___"}%0d%0a\{"audit":"login"\}____ b _ i r| a _ i r /,
    );
  });

  it('no line is longer than a pipe takes in one piece', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command(`RETR ${'\\'.repeat(7000)}`, 425);
      await client.command(`RETR /${'\xf0\x9f\x98\x80'.repeat(1500)}`, 425);
    });
    expect(folder.of('command-denied')).toHaveLength(2);
    for (const line of linesOf(readFileSync(folder.file, 'utf8'))) expect(Buffer.byteLength(line)).toBeLessThan(4096);
  });
});
