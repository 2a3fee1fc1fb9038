/**
 * Views of a route in one word: clients that change nothing, and drop boxes.
 */
import { describe, expect, it, vi } from 'vitest';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { type House, withGateway } from '../support/test-gateway.ts';

const FILES = { '/a': 'abc' };
const view = (name: 'readOnly' | 'uploadOnly', more = {}) => ({
  routes: [{ backends: ['legacy'], [name]: true }],
  legacy: { files: FILES, features: ['SIZE', 'MDTM', 'MFMT', 'REST STREAM', 'UTF8', 'MLST type*;', 'TVFS'] },
  ...more,
});

async function featuresAndHelp({ loggedIn }: Pick<House, 'loggedIn'>): Promise<{ features: string[]; help: string[] }> {
  const client = await loggedIn();
  const features = (await client.command('FEAT', 211)).lines.slice(1, -1).map((line) => line.trim());
  const help = (await client.command('HELP', 214)).lines.slice(1, -1).flatMap((line) => line.trim().split(' '));
  return { features, help };
}

describe('readOnly', () => {
  it('T136: shows and reads files; every way to change something is refused, and the backend does not hear it', async () => {
    await withGateway(view('readOnly'), async ({ loggedIn, backend, metrics }) => {
      const client = await loggedIn();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect((await client.download('LIST')).toString()).toContain('a');
      await client.command('SIZE a', 213);
      await client.command('MDTM a', 213);
      const before = backend.commands.length;
      for (const line of ['STOR b', 'APPE a', 'STOU', 'RNTO b']) await client.command(line, 553, 503);
      for (const line of ['DELE a', 'RNFR a', 'MKD b', 'RMD b', 'XMKD b', 'XRMD b', 'MFMT 20260101000000 a']) {
        await client.command(line, 550);
      }
      for (const line of [
        'MDTM 20260101000000 a',
        'SITE CHMOD 644 a',
        'SITE UTIME 202601010000 a',
        'SITE CPTO a',
        'SITE EXEC x',
      ]) {
        await client.command(line, 550);
      }
      expect(backend.commands.slice(before)).toEqual([]);
      expect(await metrics.render()).toMatch(/policy_denials_total\{rule="readOnly",mode="enforce"\} 15/);
      expect(backend.verbs).not.toContain('PWD');
    });
  });

  it('FEAT and HELP show no verb that changes something', async () => {
    await withGateway(view('readOnly'), async (house) => {
      const { features, help } = await featuresAndHelp(house);
      expect(features).toEqual(expect.arrayContaining(['SIZE', 'MDTM', 'REST STREAM', 'UTF8', 'MLST type*;', 'TVFS']));
      expect(features).not.toContain('MFMT');
      const changing = ['STOR', 'APPE', 'STOU', 'DELE', 'RNFR', 'RNTO', 'MKD', 'RMD', 'XMKD', 'XRMD', 'MFMT', 'SITE'];
      expect(help.filter((verb) => changing.includes(verb))).toEqual([]);
      expect(help).toEqual(expect.arrayContaining(['RETR', 'LIST', 'MLSD', 'SIZE', 'CWD', 'REST']));
    });
  });
});

describe('uploadOnly', () => {
  it('takes new files and folders, and nothing else: no reading back, no replacing, no deleting', async () => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      await client.command('MKD new', 257);
      await client.upload('STOR b', 'xyz');
      expect(backend.files.get('/in/b')?.toString()).toBe('xyz');
      await client.upload('STOU', 'once');
      const before = backend.commands.length;
      for (const line of ['APPE b']) await client.command(line, 553);
      for (const line of [
        'RETR b',
        'SIZE b',
        'MDTM b',
        'MLST b',
        'STAT b',
        'DELE b',
        'RNFR b',
        'RMD new',
        'XRMD new',
        'MFMT 20260101000000 b',
        'SITE CHMOD 777 b',
      ]) {
        await client.command(line, 550);
      }
      expect(backend.commands.slice(before)).toEqual([]);
    });
  });

  it('a listing has nothing in it, whatever it is of; the backend is not asked', async () => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend, metrics }) => {
      const client = await loggedIn();
      for (const line of ['LIST', 'NLST', 'MLSD', 'LIST -la /in', 'NLST *', 'MLSD /nowhere']) {
        expect((await client.download(line)).length).toBe(0);
      }
      expect(backend.verbs.filter((verb) => ['LIST', 'NLST', 'MLSD'].includes(verb))).toEqual([]);
      await client.command('LIST', 425);
      expect(await metrics.render()).toMatch(/policy_denials_total\{rule="uploadOnly",mode="enforce"\} 6/);
      await client.upload('STOR c', 'after');
      expect(backend.files.get('/c')?.toString()).toBe('after');
    });
  });

  it('a listing needs PROT P like any other', async () => {
    await withGateway(view('uploadOnly'), async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      await client.epsv();
      await client.command('LIST', 521);
    });
  });

  it('a listing whose client does not come is answered with 425, and the session goes on', async () => {
    await withGateway(view('uploadOnly', { timeouts: { dataArrival: '200ms' } }), async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.epsv();
      await client.command('LIST', 425);
      await client.command('PWD', 257);
      expect((await client.download('LIST')).length).toBe(0);
    });
  });

  it.each([
    ['before its data connection', async (client: ScriptedClient) => void (await client.epsv())],
    ['before its handshake', async (client: ScriptedClient) => void (await client.openData())],
  ])('a client that leaves %s of a listing leaves nothing behind', async (_when, begin) => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      await begin(client);
      client.send('LIST');
      client.send('NOOP');
      client.reset();
      await vi.waitFor(() => expect(gateway.activeSessions).toBe(0), 3000);
    });
  });

  it('a name that begins like a time is asked for, and no time is set', async () => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.upload('STOR 20260101000000 a', 'xyz');
      expect(backend.commands.filter((line) => line.startsWith('MDTM'))).toEqual(['MDTM ./20260101000000 a']);
    });
  });

  it.each([
    ['ABOR', async (client: ScriptedClient) => client.expect(226, 225)],
    ['QUIT', async (client: ScriptedClient) => client.expect(221)],
  ])('a listing ends at once when the client gives it up by %s', async (line, after) => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, gateway }) => {
      const client = await loggedIn();
      await client.epsv();
      client.send('LIST');
      if (line === 'ABOR') {
        client.send(line);
        await client.expect(426);
        await after(client);
        expect((await client.download('LIST')).length).toBe(0);
        return;
      }
      client.send(line);
      client.end();
      await vi.waitFor(() => expect(gateway.activeSessions).toBe(0), 3000);
    });
  });

  it('a file that is there is not replaced, also where REST came before', async () => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      await client.epsv();
      await client.command('STOR a', 553);
      await client.command('REST 1', 350);
      await client.command('STOR a', 553);
      expect(backend.files.get('/a')?.toString()).toBe('abc');
      expect(backend.verbs).not.toContain('STOR');
      await logs.until({ event: 'policy-denied', rule: 'uploadOnly', cause: 'file-exists' });
    });
  });

  it.each([
    '500 What?',
    '451 Try later.',
    '530 No.',
  ])('a backend that says %s when it is asked gets nothing', async (answer) => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend, logs }) => {
      for (const verb of ['MDTM', 'SIZE', 'MLST']) backend.answer(verb, `${answer}\r\n`);
      const client = await loggedIn();
      await client.epsv();
      await client.command('STOR new', 553);
      expect(backend.verbs).not.toContain('STOR');
      await logs.until({ event: 'policy-denied', cause: 'existence-unknown' });
    });
  });

  const FORBIDDEN = '550 Permission denied.';
  const EMPTY = '213-Status follows:\r\n213 End of status.';
  const LISTED = '213-Status follows:\r\n-rw------- 1 ftp ftp 3 Jan 02 03:04 a\r\n213 End of status.';

  it.each([
    ['MDTM, and SIZE tells of it', { MDTM: FORBIDDEN, MLST: '500 What?' }, 'STOR a', 'file-exists'],
    ['MDTM, and MLST tells of it', { MDTM: FORBIDDEN }, 'STOR a', 'file-exists'],
    [
      'all but STAT, which lists it',
      { MDTM: FORBIDDEN, SIZE: FORBIDDEN, MLST: FORBIDDEN, STAT: LISTED },
      'STOR a',
      'file-exists',
    ],
    [
      'everything',
      { MDTM: FORBIDDEN, SIZE: FORBIDDEN, MLST: FORBIDDEN, STAT: FORBIDDEN },
      'STOR a',
      'existence-unknown',
    ],
    [
      'all but STAT, and the name is a pattern',
      { MDTM: FORBIDDEN, SIZE: FORBIDDEN, MLST: FORBIDDEN, STAT: EMPTY },
      'STOR [a]',
      'existence-unknown',
    ],
    [
      'all but STAT, which leaves such names out',
      { MDTM: FORBIDDEN, SIZE: FORBIDDEN, MLST: FORBIDDEN, STAT: EMPTY },
      'STOR in/.a',
      'existence-unknown',
    ],
  ])('a file that is there is not replaced where the backend forbids %s', async (_what, answers, line, cause) => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend, logs }) => {
      for (const [verb, answer] of Object.entries(answers)) backend.answer(verb, `${answer}\r\n`);
      const client = await loggedIn();
      await client.epsv();
      await client.command(line, 553);
      expect(backend.verbs).not.toContain('STOR');
      await logs.until({ event: 'policy-denied', cause });
    });
  });

  it('asks only by MDTM as soon as that has told of a file; and by STAT where there is nothing else', async () => {
    await withGateway(view('uploadOnly'), async ({ loggedIn, backend }) => {
      for (const verb of ['SIZE', 'MLST']) backend.answer(verb, '500 What?\r\n');
      backend.answer('STAT', `${EMPTY}\r\n`);
      const client = await loggedIn();
      const asked = () => backend.commands.filter((line) => /^(?:MDTM|SIZE|MLST|STAT)/.test(line));
      await client.upload('STOR b', 'xyz');
      expect(asked()).toEqual(['MDTM b', 'MLST', 'SIZE b', 'STAT b']);
      await client.epsv();
      await client.command('STOR a', 553);
      await client.upload('STOR c', 'xyz');
      expect(asked().slice(4)).toEqual(['MDTM a', 'MDTM c']);
    });
  });

  it('FEAT and HELP show only what is left', async () => {
    await withGateway(view('uploadOnly'), async (house) => {
      const { features, help } = await featuresAndHelp(house);
      for (const gone of ['SIZE', 'MDTM', 'MFMT', 'REST STREAM', 'MLST type*;']) expect(features).not.toContain(gone);
      expect(features).toEqual(expect.arrayContaining(['UTF8', 'EPSV']));
      for (const gone of ['RETR', 'APPE', 'DELE', 'RNFR', 'RMD', 'SIZE', 'MLST', 'SITE'])
        expect(help).not.toContain(gone);
      expect(help).toEqual(expect.arrayContaining(['STOR', 'STOU', 'MKD', 'CWD', 'LIST', 'NLST', 'MLSD', 'STAT']));
    });
  });

  it('rules can take more away, and give nothing back', async () => {
    const access = {
      rules: [
        { name: 'all', match: { commands: ['read', 'delete'] }, effect: 'allow' },
        { name: 'no-folders', match: { commands: 'MKD' } },
      ],
    };
    await withGateway(view('uploadOnly', { access }), async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('DELE a', 550);
      await client.command('MKD b', 550);
    });
  });
});
