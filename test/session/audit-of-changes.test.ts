/**
 * Commands that change something at the backend beside transfers have a record each, with what the backend said to them.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder } from '../support/audit-lines.ts';
import { USER } from '../support/scripted-client.ts';
import { withGateway } from '../support/test-gateway.ts';

let folder: AuditFolder;
beforeEach(() => {
  folder = new AuditFolder();
});
afterEach(() => folder.remove());

describe('a command that changes something at the backend', () => {
  it('has a record with its path and the answer; others have none', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ backend, loggedIn }) => {
      for (const verb of ['DELE', 'MKD', 'XRMD', 'MFMT', 'MDTM', 'SITE', 'SIZE']) {
        backend.on(verb, (session) => session.reply(250, 'Done.'));
      }
      backend.on('RMD', (session) => session.reply(550, 'Not empty.'));
      backend.on('RNFR', (session) => session.reply(350, 'Go on.'));
      backend.on('RNTO', (session) => session.reply(250, 'Done.'));
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      await client.command('DELE a', 250);
      await client.command('MKD ../new', 250);
      await client.command('RMD /full', 550);
      await client.command('XRMD empty', 250);
      await client.command('RNFR old', 350);
      await client.command('RNTO new', 250);
      await client.command('MFMT 20260102030405 new', 250);
      await client.command('MDTM 20260102030405 new', 250);
      await client.command('MDTM new', 250);
      await client.command('SIZE new', 250);
      await client.command('NOOP', 200, 250);
    });
    const records = folder.of('command');
    expect(records.map(({ verb, path, argument, backendReply }) => [verb, path, argument, backendReply])).toEqual([
      ['DELE', '/in/a', 'a', 250],
      ['MKD', '/in/../new', '../new', 250],
      ['RMD', '/full', undefined, 550],
      ['XRMD', '/in/empty', 'empty', 250],
      ['RNFR', '/in/old', 'old', 350],
      ['RNTO', '/in/new', 'new', 250],
      ['MFMT', '/in/new', '20260102030405 new', 250],
      ['MDTM', '/in/new', '20260102030405 new', 250],
    ]);
    expect(records.map(({ directory }) => directory)).toEqual([undefined, 'unknown', ...Array(6).fill(undefined)]);
    expect(records[0]).toMatchObject({
      user: USER,
      backend: 'legacy',
      client: expect.stringMatching(/^127\.0\.0\.1:/),
      tls: 'TLSv1.3',
      backendPeer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
  });

  it('SITE is told whole where it is about files, and without what may be a password elsewhere', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ backend, loggedIn }) => {
      backend.on('SITE', (session) => session.reply(200, 'Done.'));
      const client = await loggedIn();
      for (const argument of ['chmod 600 a b', 'PSWD old-secret new-secret', 'HELP', 'CHMODX secret']) {
        await client.command(`SITE ${argument}`, 200);
      }
    });
    expect(folder.of('command').map(({ argument }) => argument)).toEqual([
      'chmod 600 a b',
      'PSWD ****',
      'HELP',
      'CHMODX ****',
    ]);
  });

  it('that the backend did not answer has a record without backendReply', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ backend, loggedIn }) => {
      backend.on('DELE', (session) => session.destroy());
      const client = await loggedIn();
      client.send('DELE a');
      const record = await folder.one('command');
      expect(record).toMatchObject({ verb: 'DELE', path: '/a', user: USER });
      expect(record).not.toHaveProperty('backendReply');
    });
  });
});
