/**
 * Whatever makes a transfer fail, one line of the audit log explains it: cause, what each side said, bytes, how the data ended.
 */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder, type AuditLine } from '../support/audit-lines.ts';
import { ftpsHouse } from '../support/ftps-backend.ts';
import { USER } from '../support/scripted-client.ts';
import { type House, type HouseOptions, withGateway } from '../support/test-gateway.ts';

let folder: AuditFolder;
beforeEach(() => {
  folder = new AuditFolder();
});
afterEach(() => folder.remove());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The one line of the audit log about a transfer after `play`; nothing else may tell of it. */
async function audited(options: HouseOptions, play: (house: House) => Promise<void>): Promise<AuditLine> {
  let line: AuditLine = {};
  const audit = { file: folder.file, hash: 'sha256', ...options.audit };
  await withGateway({ legacy: { files: { '/a': 'abc' } }, ...options, audit }, async (house) => {
    await play(house);
    line = await folder.one('transfer');
    expect(folder.of('command-denied')).toEqual([]);
  });
  return line;
}

async function uploading(house: House, bytes: string) {
  const client = await house.loggedIn();
  const data = await client.openData();
  await client.command('STOR b', 150);
  await data.startTls({ session: client.session });
  await data.write(bytes);
  await house.backend.until(() => house.backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
  return { client, data };
}

describe('one line explains', () => {
  it('an upload that its client cut in the middle: no close_notify', async () => {
    const line = await audited({}, async (house) => {
      house.backend.on('ABOR', (session) => session.reply(226, 'Abort done.'));
      const { client, data } = await uploading(house, 'beginning');
      data.endWithoutCloseNotify();
      await client.expect(426);
    });
    expect(line).toMatchObject({
      user: USER,
      backend: 'legacy',
      verb: 'STOR',
      direction: 'upload',
      path: '/b',
      argument: 'b',
      outcome: 'failed',
      cause: 'client-data-truncated',
      reply: 426,
      bytes: 9,
      sha256: sha256('beginning'),
      clientDataEnd: 'fin',
      clientDataProtection: 'private',
      clientDataTls: 'TLSv1.3',
      clientDataResumed: true,
      clientDataPeer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      backendDataPeer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      backendDataProtection: 'clear',
      backendPeer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      tls: 'TLSv1.3',
    });
    expect(line).not.toHaveProperty('backendDataEnd');
    expect(line).not.toHaveProperty('directory');
  });

  it('an upload whose client was reset', async () => {
    const line = await audited({}, async (house) => {
      const { client, data } = await uploading(house, 'beginning');
      data.reset();
      await client.expect(426);
    });
    expect(line).toMatchObject({ outcome: 'failed', cause: 'client-data-reset', clientDataEnd: 'reset', reply: 426 });
  });

  it('a download whose client broke off', async () => {
    const line = await audited({}, async ({ loggedIn, backend }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          while (await leg.write(Buffer.alloc(65_536)));
          session.reply(426, 'Broken.');
        });
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      data.reset();
      await client.expect(426);
    });
    expect(line).toMatchObject({
      cause: 'client-data-reset',
      clientDataEnd: 'broken',
      reply: 426,
      direction: 'download',
    });
  });

  it('ABOR', async () => {
    const line = await audited({}, async (house) => {
      const { client } = await uploading(house, 'beginning');
      client.send('ABOR');
      await client.expect(426);
      await client.expect(225, 226);
    });
    expect(line).toMatchObject({ outcome: 'aborted', cause: 'client-aborted', bytes: 9, reply: 426 });
  });

  it('a client that was lost', async () => {
    const line = await audited({}, async (house) => {
      const { client } = await uploading(house, 'beginning');
      client.reset();
      await house.backend.lastSession.lastData.ending;
    });
    expect(line).toMatchObject({ outcome: 'failed', cause: 'client-control-lost', bytes: 9 });
    expect(line).not.toHaveProperty('reply');
  });

  it.each([
    [550, 'No such file.', 'before the data'],
    [452, 'Disk full.', 'before the data'],
  ])('%i of the backend (%s, %s)', async (code, text) => {
    const line = await audited({}, async ({ loggedIn, backend }) => {
      backend.on('STOR', (session) => session.reply(code, text));
      const client = await loggedIn();
      await client.openData();
      await client.command('STOR b', code);
    });
    expect(line).toMatchObject({
      outcome: 'refused',
      cause: 'backend-refused',
      reply: code,
      backendReply: code,
      bytes: 0,
    });
    expect(line['detail']).toBe(`${code} ${text}`);
    expect(line).not.toHaveProperty('sha256');
  });

  it('452 of the backend behind the data', async () => {
    const line = await audited({}, async (house) => {
      house.backend.on('STOR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          await leg.ending;
          session.reply(452, 'Disk full.');
        });
      });
      const { client, data } = await uploading(house, 'whole');
      data.end();
      await client.expect(452);
    });
    expect(line).toMatchObject({
      outcome: 'failed',
      cause: 'backend-refused',
      reply: 452,
      backendReply: 452,
      bytes: 5,
      clientDataEnd: 'close-notify',
    });
  });

  it('a backend that closed its data connection in the middle', async () => {
    const line = await audited({}, async (house) => {
      house.backend.on('STOR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        session.run(async () => {
          await house.backend.until(() => leg.received.length > 0, 'a byte');
          leg.reset();
        });
      });
      house.backend.on('ABOR', (session) => session.raw('426 Cut.\r\n226 Aborted.\r\n'));
      const { client } = await uploading(house, 'beginning');
      await client.expect(426);
    });
    expect(line).toMatchObject({
      cause: 'backend-data-closed',
      backendDataEnd: 'broken',
      backendReply: 426,
      reply: 426,
      bytes: 9,
    });
  });

  it('a backend that reset a download', async () => {
    const line = await audited({}, async ({ loggedIn, backend }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write('half');
        leg.reset();
        session.reply(226, 'All is well.');
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      await client.expect(426);
    });
    expect(line).toMatchObject({ cause: 'backend-data-reset', backendDataEnd: 'reset', backendReply: 226, reply: 426 });
    expect(line['detail']).toContain('the backend took it for complete');
  });

  it('a backend that was lost', async () => {
    const line = await audited({}, async (house) => {
      const { client } = await uploading(house, 'beginning');
      house.backend.lastSession.destroy();
      await client.expect(421, 426);
    });
    expect(['backend-control-lost', 'backend-data-closed']).toContain(line['cause']);
  });

  it('a backend that said success too early', async () => {
    const line = await audited({}, async (house) => {
      house.backend.on('STOR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await house.backend.until(() => leg.received.length > 0, 'a byte');
        session.reply(226, 'Enough.');
      });
      const { client } = await uploading(house, 'beginning');
      await client.expect(451);
    });
    expect(line).toMatchObject({ cause: 'backend-early-success', reply: 451, detail: '226 Enough.' });
  });

  it('a backend that did not confirm in time', async () => {
    const line = await audited({ timeouts: { finalReply: '200ms' } }, async (house) => {
      house.backend.on('STOR', async (session) => {
        await session.accept();
        session.reply(150, 'Go.');
      });
      const { client, data } = await uploading(house, 'whole');
      data.end();
      await client.expect(451);
    });
    expect(line).toMatchObject({ cause: 'backend-final-reply-timeout', reply: 451, bytes: 5, sha256: sha256('whole') });
    expect(line).not.toHaveProperty('backendReply');
  });

  it('a transfer that stalled', async () => {
    const line = await audited({ timeouts: { dataStall: '200ms' } }, async (house) => {
      const { client } = await uploading(house, 'beginning');
      await client.expect(426);
    });
    expect(line).toMatchObject({ cause: 'data-stalled', bytes: 9, reply: 426 });
  });

  it('a client that made no data connection', async () => {
    const line = await audited({ timeouts: { dataArrival: '200ms' } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.epsv();
      await client.command('STOR b', 425);
      expect(backend.commands).not.toContain('STOR b');
    });
    expect(line).toMatchObject({ cause: 'client-data-timeout', reply: 425, bytes: 0 });
    expect(line).not.toHaveProperty('clientDataPeer');
  });

  it('a backend whose data port cannot be reached', async () => {
    const line = await audited({ timeouts: { backendDataConnect: '300ms' } }, async ({ loggedIn, backend }) => {
      backend.on('EPSV', (session) => session.reply(500, 'Unknown.'));
      backend.on('PASV', (session) => session.reply(425, 'No port is left.'));
      const client = await loggedIn();
      await client.openData();
      await client.command('STOR b', 425);
    });
    expect(line).toMatchObject({ cause: 'backend-data-setup-failed', reply: 425 });
    expect(line['detail']).toContain('No port is left.');
  });

  it('a data connection whose TLS failed', async () => {
    const line = await audited({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      data.raw.write('this is no TLS');
      await client.expect(522);
    });
    expect(line).toMatchObject({ cause: 'client-data-tls-failed', reply: 522 });
    expect(line).toHaveProperty('clientDataPeer');
    expect(line).not.toHaveProperty('clientDataTls');
  });

  it('a data connection that did not resume, where it must', async () => {
    const line = await audited({ policy: { sessionReuse: 'require' } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls().catch(() => {});
      await client.expect(522);
    });
    expect(line).toMatchObject({ cause: 'tls-session-not-resumed', reply: 522 });
  });

  it('an FTPS backend that ended without close_notify', async () => {
    const house = await ftpsHouse({ policy: { downloadEnd: 'strict' }, legacy: { files: { '/a': 'abc' } } });
    const line = await audited(house, async ({ loggedIn, backend }) => {
      backend.on('RETR', async (session) => {
        const leg = await session.accept();
        session.reply(150, 'Go.');
        await leg.write('abc');
        leg.cut();
        session.reply(226, 'Done.');
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      await client.expect(451);
    });
    expect(line).toMatchObject({
      cause: 'backend-data-truncated',
      reply: 451,
      backendReply: 226,
      backendDataEnd: 'fin',
      backendDataProtection: 'private',
      backendDataTls: 'TLSv1.3',
      backendTls: 'TLSv1.3',
      bytes: 3,
      sha256: sha256('abc'),
    });
  });

  it('a restart that was refused', async () => {
    const line = await audited({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('REST 2', 350);
      await client.openData();
      backend.on('REST', (session) => session.reply(501, 'Not now.'));
      await client.command('RETR a', 451);
    });
    expect(line).toMatchObject({ cause: 'restart-refused', restart: 2, reply: 451, detail: '501 Not now.' });
  });
});

describe('a transfer that could not begin has a line command-denied', () => {
  async function denied(options: HouseOptions, play: (house: House) => Promise<void>): Promise<AuditLine> {
    let line: AuditLine = {};
    await withGateway({ ...options, audit: { file: folder.file } }, async (house) => {
      await play(house);
      line = await folder.one('command-denied');
      expect(folder.of('transfer')).toEqual([]);
      expect(house.backend.commands.filter((command) => /^(STOR|RETR)/.test(command))).toEqual([]);
    });
    return line;
  }

  it('in clear, where PROT P is demanded', async () => {
    const line = await denied({}, async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      await client.command('CWD /in', 250);
      await client.openData();
      await client.command('STOR x', 521);
    });
    expect(line).toMatchObject({
      rule: 'requireProtP',
      cause: 'protection-required',
      verb: 'STOR',
      path: '/in/x',
      reply: 521,
      user: USER,
      backend: 'legacy',
    });
  });

  it('without PASV', async () => {
    const line = await denied({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('RETR a', 425);
    });
    expect(line).toMatchObject({ verb: 'RETR', path: '/a', cause: 'no-data-setup', reply: 425 });
  });

  it('in active mode, where that is denied', async () => {
    const line = await denied({ data: { active: 'deny' } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('PORT 127,0,0,1,200,10', 502);
    });
    expect(line).toMatchObject({ verb: 'PORT', cause: 'active-mode-denied', reply: 502 });
  });

  it('with a target that is not the client (bounce attack)', async () => {
    const line = await denied({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('PORT 192,0,2,1,200,10', 504);
    });
    expect(line).toMatchObject({ verb: 'PORT', cause: 'active-target-refused', reply: 504 });
    expect(line['detail']).toContain('192.0.2.1:51210');
  });

  it('USER in clear, where TLS is demanded: without the name', async () => {
    const line = await denied({}, async ({ greeted }) => {
      const client = await greeted();
      await client.command(`USER ${USER}`, 530);
    });
    expect(line).toMatchObject({ rule: 'requireTls', cause: 'tls-required', verb: 'USER', reply: 530 });
    expect(line).not.toHaveProperty('argument');
  });
});
