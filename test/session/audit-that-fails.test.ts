/**
 * An audit log that cannot be written: nothing is lost without a word, and with `onFailure: refuse` no transfer starts unrecorded.
 */
import { symlinkSync, unlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder } from '../support/audit-lines.ts';
import { withGateway } from '../support/test-gateway.ts';

let folder: AuditFolder;
beforeEach(() => {
  folder = new AuditFolder();
});
afterEach(() => folder.remove());

/** Every write fails with ENOSPC from now on; the file must not be there, or have been renamed. */
const fillDisk = () => symlinkSync('/dev/full', folder.file);
const freeDisk = () => unlinkSync(folder.file);

describe('on a full disk, audit.onFailure: refuse', () => {
  it('refuses transfers with 451; the backend hears nothing, and /readyz says why', async () => {
    fillDisk();
    const audit = { file: folder.file, onFailure: 'refuse' };
    await withGateway({ legacy: { files: { '/a': 'abc' } }, audit }, async (house) => {
      const { gateway, metrics, logs, backend } = house;
      const reason = 'the audit log cannot be written, transfers are refused: ENOSPC: no space left on device, write';
      expect(gateway.readiness()).toEqual({ ready: false, reasons: [reason] });
      const client = await house.loggedIn();
      await client.openData();
      const answer = await client.command('RETR a', 451);
      expect(answer.text).toBe('This transfer cannot be recorded, try again later.');
      await client.openData();
      await client.command('STOR b', 451);
      expect(backend.commands.filter((line) => /^(RETR|STOR)/.test(line))).toEqual([]);
      expect(await logs.until({ event: 'transfer', verb: 'RETR' })).toMatchObject({
        cause: 'audit-unavailable',
        reply: 451,
      });
      expect(logs.lines.filter(({ event }) => event === 'audit-failing')).toMatchObject([
        { log: 'audit', file: folder.file, detail: expect.stringContaining('ENOSPC') },
      ]);
      expect(await metrics.render()).toMatch(/^sallyport_audit_writable\{log="audit"\} 0$/m);
      freeDisk();
      gateway.audit.reopen();
      expect(gateway.readiness()).toEqual({ ready: true, reasons: [] });
      expect(await metrics.render()).toMatch(/^sallyport_audit_writable\{log="audit"\} 1$/m);
      await client.download('RETR a');
    });
    expect(folder.records().map(({ audit, cause }) => (cause === undefined ? audit : `${audit}: ${cause}`))).toEqual([
      'log-opened',
      'log-opened',
      'session-begun',
      'login',
      'transfer: audit-unavailable',
      'transfer: audit-unavailable',
      'transfer-begun',
      'transfer',
      'session-ended',
      'log-closed',
    ]);
  });

  it('finishes a transfer that runs when the disk fills, and keeps its record', async () => {
    const audit = { file: folder.file, onFailure: 'refuse' };
    await withGateway({ audit }, async ({ loggedIn, gateway, backend, metrics, logs }) => {
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('STOR b', 150);
      await data.startTls({ session: client.session });
      await data.write('first ');
      freeDisk();
      fillDisk();
      gateway.audit.reopen();
      data.end('second');
      await client.expect(226);
      expect(backend.files.get('/b')?.toString()).toBe('first second');
      expect(await metrics.render()).toMatch(/^sallyport_audit_records_waiting\{log="audit"\} 1$/m);
      await client.openData();
      await client.command('STOR c', 451);
      freeDisk();
      gateway.audit.reopen();
      expect(await logs.until({ event: 'audit-recovered' })).toMatchObject({ records: 2, lost: 0 });
      expect(await metrics.render()).toMatch(/^sallyport_audit_records_total\{log="audit",outcome="delayed"\} 2$/m);
    });
    expect(folder.of('transfer').map(({ path, outcome, bytes }) => [path, outcome, bytes])).toEqual([
      ['/b', 'completed', 12],
      ['/c', 'failed', 0],
    ]);
  });

  it('records a beginning before the backend hears of the command', async () => {
    await withGateway({ audit: { file: folder.file, onFailure: 'refuse' } }, async ({ loggedIn, backend }) => {
      let recorded: readonly unknown[] = [];
      backend.on('STOR', (session, command) => {
        recorded = folder.of('transfer-begun').map(({ verb, path }) => [verb, path]);
        return session.byDefault(command);
      });
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      await client.upload('STOR b', 'x');
      expect(recorded).toEqual([['STOR', '/in/b']]);
    });
  });
});

describe('on a full disk, audit.onFailure: continue', () => {
  it('transfers go on, and their records wait', async () => {
    fillDisk();
    await withGateway({ legacy: { files: { '/a': 'abc' } }, audit: { file: folder.file } }, async (house) => {
      const client = await house.loggedIn();
      await client.download('RETR a');
      expect(house.gateway.readiness().ready).toBe(true);
      freeDisk();
      house.gateway.audit.reopen();
    });
    expect(folder.of('transfer')).toMatchObject([{ path: '/a', outcome: 'completed' }]);
    expect(folder.of('transfer-begun')).toEqual([]);
  });

  it('what cannot be written until the end is told as lost', async () => {
    fillDisk();
    await withGateway({ audit: { file: folder.file } }, async ({ loggedIn, gateway, logs, metrics }) => {
      await loggedIn();
      await gateway.stop();
      // Opened, begun, login, ended.
      expect(await logs.until({ event: 'audit-records-lost' })).toMatchObject({ log: 'audit', lost: 4 });
      expect(await metrics.render()).toMatch(/^sallyport_audit_records_total\{log="audit",outcome="lost"\} 4$/m);
    });
  });
});

describe('a file that cannot be opened', () => {
  it('the gateway does not start', async () => {
    const file = `${folder.path}/none/audit.log`;
    await expect(withGateway({ audit: { file } }, async () => {})).rejects.toThrow(/ENOENT.*none\/audit\.log/);
  });

  it('another configuration is not put in force, and the old file goes on', async () => {
    await withGateway({ audit: { file: folder.file } }, async ({ gateway, config, greeted }) => {
      const audit = { ...config.audit, file: folder.xferlog, xferlog: `${folder.path}/none/xferlog` };
      await expect(gateway.prepare({ ...config, audit })).rejects.toThrow(/ENOENT/);
      await greeted();
      await folder.one('session-begun');
    });
  });

  it('another configuration that can be used goes over to its own file', async () => {
    const second = `${folder.path}/second.log`;
    await withGateway({ audit: { file: folder.file } }, async ({ gateway, config, greeted }) => {
      (await gateway.prepare({ ...config, audit: { ...config.audit, file: second } })).commit();
      await greeted();
      await expect
        .poll(() => folder.records(second).map(({ audit }) => audit))
        .toEqual(['log-opened', 'session-begun']);
      expect(folder.records().map(({ audit }) => audit)).toEqual(['log-opened', 'log-closed']);
    });
  });
});
