/**
 * Access rules in real sessions: what is denied never reaches the backend, in whatever words it is said.
 */
import { posix } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder } from '../support/audit-lines.ts';
import type { BackendSession } from '../support/backend-session.ts';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { withGateway } from '../support/test-gateway.ts';

/** A backend with folders: it resolves as POSIX servers do. `/link` is a link to `/deny/real`. */
function withFolders(backend: ScriptedBackend): void {
  const enter = (session: BackendSession, path: string) => {
    const target = posix.resolve(session.facts.get('cwd') ?? '/', path).replace(/^\/link(?=\/|$)/, '/deny/real');
    session.facts.set('cwd', target);
    session.reply(250, 'Directory changed.');
  };
  backend.on('CWD', (session, { argument }) => enter(session, argument));
  backend.on('CDUP', (session) => enter(session, '..'));
  for (const verb of ['DELE', 'RMD', 'SIZE', 'MFMT', 'STAT', 'MLST'])
    backend.on(verb, (session) => session.reply(250, 'Done.'));
  backend.on('MDTM', (session) => session.reply(213, '20260101000000'));
  backend.on('MKD', (session) => session.reply(257, '"x" created.'));
  backend.on('RNFR', (session) => session.reply(350, 'Go on.'));
  backend.on('RNTO', (session) => session.reply(250, 'Renamed.'));
}

/** The answer to a line, whatever it is. */
async function said(client: ScriptedClient, line: string): Promise<number> {
  client.send(line);
  return (await client.reply()).code;
}

/** Commands with paths that the backend has heard: all but what every session says. */
function heard(backend: ScriptedBackend): string[] {
  const usual = /^(?:USER|PASS|TYPE|PWD|EPSV|PASV|QUIT|FEAT|NOOP|OPTS)(?: |$)/;
  return backend.commands.filter((line) => !usual.test(line));
}

const CLOSED = { rules: [{ name: 'closed', match: { paths: '/deny/**' } }] };

let folder: AuditFolder;
beforeEach(() => {
  folder = new AuditFolder();
});
afterEach(() => folder.remove());

describe('a verb that a rule denies', () => {
  it('T135: is refused with 550, counted by rule, logged and audited; the backend hears nothing', async () => {
    const access = {
      rules: [
        { name: 'no-changes', match: { commands: ['delete', 'directories'] }, reply: 'Ask the operator.' },
        { name: 'watched', match: { commands: 'SIZE' }, effect: 'report' },
      ],
    };
    await withGateway({ access, audit: { file: folder.file } }, async ({ loggedIn, backend, metrics, logs }) => {
      withFolders(backend);
      const client = await loggedIn();
      for (const line of ['DELE x', 'MKD x', 'XMKD x', 'RMD x', 'XRMD x']) {
        expect((await client.command(line, 550)).text).toBe('Ask the operator.');
      }
      await client.command('SITE EXEC rm', 550);
      await client.command('SIZE x', 250);
      expect(heard(backend)).toEqual(['SIZE x']);
      const text = await metrics.render();
      expect(text).toMatch(/policy_denials_total\{rule="no-changes",mode="enforce"\} 5/);
      expect(text).toMatch(/policy_denials_total\{rule="site",mode="enforce"\} 1/);
      expect(text).toMatch(/policy_denials_total\{rule="watched",mode="report"\} 1/);
      await logs.until({
        event: 'policy-denied',
        rule: 'no-changes',
        verb: 'DELE',
        cause: 'access-denied',
        path: '/x',
      });
    });
    expect(folder.of('command-denied')[0]).toMatchObject({
      ...{ verb: 'DELE', rule: 'no-changes', cause: 'access-denied', reply: 550, path: '/x' },
    });
    expect(folder.of('policy-report')).toMatchObject([{ verb: 'SIZE', rule: 'watched' }]);
  });

  it('is asked by nobody for a folder where no rule has paths', async () => {
    await withGateway(
      { access: { rules: [{ name: 'no', match: { commands: 'delete' } }] } },
      async ({ loggedIn, backend }) => {
        const client = await loggedIn();
        await client.command('CWD /x', 250);
        await client.command('DELE ../a', 550);
        await client.command('SIZE ../a', 550, 213);
        expect(backend.verbs).not.toContain('PWD');
        expect(backend.commands).toContain('SIZE ../a');
      },
    );
  });

  it('a name for something new is refused with 553', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn }) => {
      const client = await loggedIn();
      for (const line of ['STOR deny/x', 'APPE deny/x']) await client.command(line, 553);
      await client.command('MKD deny/x', 550);
    });
  });
});

const POSIX_TRICKS = [
  ['the folder itself', 'deny'],
  ['a slash at the end', 'deny/'],
  ['two slashes', '//deny'],
  ['a dot', './deny'],
  ['dots in between', '/./deny/./x'],
  ['up and down', 'a/../deny'],
  ['above the root', '../../deny'],
  ['through another folder', '/a/b/../../deny/x'],
  ['a backslash', '\\deny'],
  ['a blank at the end', 'deny '],
  ['overlong dots', '\xc0\xae\xc0\xae/deny'],
  ['an overlong slash', '/a\xc0\xaf..\xc0\xafdeny'],
  ['Telnet commands in the name', 'de\xff\xf1ny'],
  ['a control character', 'deny\t'],
  ['a long way', `${'a/../'.repeat(800)}deny`],
  ['too long a way', `${'a/../'.repeat(1000)}deny`],
] as const;

describe('T137: a denied path', () => {
  it.each(POSIX_TRICKS)('by %s is denied', async (_trick, path) => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      for (const verb of [
        'DELE',
        'SIZE',
        'CWD',
        'RNFR',
        'MLST',
        'STAT',
        'MDTM',
        'MDTM 20260101000000',
        'SITE CHMOD 600',
      ]) {
        await client.command(`${verb} ${path}`, 550, 501);
      }
      expect(heard(backend)).toEqual([]);
    });
  });

  it.each([
    ['another case', 'DENY', { caseInsensitive: true }],
    ['NFD', 'de\u0301ny', {}],
    ['Latin-1', 'latin', {}],
    ['dots at the end, on Windows', 'deny.', { style: 'windows' }],
    ['blanks within, on Windows', 'deny /x', { style: 'windows' }],
    ['a stream, on Windows', 'deny::$DATA', { style: 'windows' }],
    ['a short name, on Windows', 'DENY~1', { style: 'windows' }],
    ['a backslash, on Windows', 'a\\..\\deny', { style: 'windows' }],
    ['a drive, on Windows', 'C:\\deny', { style: 'windows' }],
    ['a wide dot, on Windows', '\uff0e\uff0e/deny', { style: 'windows' }],
    ['anything, on MVS', "'SYS1.DENY'", { style: 'other' }],
  ])('by %s is denied', async (_trick, name, paths) => {
    const access = { rules: [{ name: 'closed', match: { paths: ['/deny/**', '/dény/**'] } }] };
    await withGateway({ access, backend: { paths } }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      const bytes = name === 'latin' ? 'd\xe9ny' : Buffer.from(name).toString('latin1');
      for (const verb of ['DELE', 'CWD', 'SIZE']) await client.command(`${verb} ${bytes}`, 550);
      expect(heard(backend)).toEqual([]);
    });
  });

  it.each([
    ['~', '/in/~'],
    ['~root/deny', '/in/~root/deny'],
    ["'/deny/x'", "/in/'/deny/x'"],
    ['"/deny/x"', '/in/"/deny/x"'],
    ['%2e%2e/deny', '%2e%2e/deny'],
    [' /deny', '/in/ /deny'],
    ['-a', '/in/-a'],
    ['C:/deny', '/in/C:/deny'],
    ['../in/x', '/in/x'],
    ['x', 'x'],
    ['caf\xe9', 'caf\xe9'],
  ])('what looks like one goes to the backend as the file that was judged: %j', async (path, sent) => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      await client.command(`SIZE ${path}`, 250);
      expect(heard(backend).at(-1)).toBe(`SIZE ${sent}`);
    });
  });
});

describe('the current folder', () => {
  it('T138: is what the backend says: behind a link relative names are judged where it has led', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend, logs }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('CWD link', 250);
      await client.command('DELE x', 550);
      await client.command('DELE ../x', 550);
      await client.command('CDUP', 550);
      await client.command('CWD /', 250);
      await client.command('DELE x', 250);
      expect(heard(backend)).toEqual(['CWD link', 'CWD /', 'DELE x']);
      expect(backend.verbs.filter((verb) => verb === 'PWD')).toHaveLength(3);
      await logs.until({ event: 'policy-denied', rule: 'closed', path: '/deny/real/x' });
    });
  });

  it('CDUP goes to the folder that was judged', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('CWD /a/b', 250);
      await client.command('CDUP', 250);
      await client.command('XCUP', 250);
      expect(heard(backend)).toEqual(['CWD /a/b', 'CWD /a', 'CWD /']);
    });
  });

  it.each([
    ['quotes that are doubled', '257 "/a ""b"""', '/a "b"'],
    ['single quotes', "257 '/in' is current", undefined],
    ['no quotes', '257 /in', undefined],
    ['quotes that do not end', '257 "/in', undefined],
    ['no path', '257 "SYS1."', undefined],
    ['a refusal', '550 Who knows.', undefined],
  ])('T141: told with %s: relative names are judged, or denied where it is unknown', async (_form, answer, path) => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend, logs }) => {
      withFolders(backend);
      backend.answer('PWD', `${answer}\r\n`);
      const client = await loggedIn();
      if (path !== undefined) {
        await client.command('DELE ../deny/x', 550);
        await client.command('DELE ../x', 250);
        expect(heard(backend)).toEqual(['DELE /x']);
        return;
      }
      await client.command('DELE x', 550);
      await client.command('LIST', 550);
      await client.command('DELE /x', 250);
      expect(heard(backend)).toEqual(['DELE /x']);
      await logs.until({ event: 'policy-denied', cause: 'path-unclear', detail: 'directory-unknown', verb: 'DELE' });
    });
  });
});

describe('a rename', () => {
  it('T139: is judged in both halves; behind a refusal RNFR counts no more', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('RNFR /deny/x', 550);
      await client.command('RNTO /x', 503);
      await client.command('RNFR /x', 350);
      await client.command('RNTO /deny/x', 553);
      await client.command('RNTO /y', 503);
      await client.command('RNFR /', 350);
      await client.command('RNTO /y', 553);
      await client.command('RNFR x', 350);
      await client.command('RNTO y', 250);
      // One that names nothing is what ProFTPD waits for; it renames nothing.
      expect(heard(backend)).toEqual(['RNFR /x', 'RNTO', 'RNFR /', 'RNTO', 'RNFR x', 'RNTO y']);
    });
  });

  it.each([
    550, 501,
  ])('goes on only from what the backend has accepted last: behind an RNFR that failed with %i no RNTO reaches it', async (code) => {
    const access = { rules: [{ name: 'closed', match: { paths: '/a/secret/**' } }] };
    await withGateway({ access }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      backend.on('RNFR', (session, { argument }) =>
        argument === '/nowhere' ? session.reply(code, 'No.') : session.reply(350, 'Go on.'),
      );
      const client = await loggedIn();
      await client.command('RNFR /a', 350);
      await client.command('RNFR /nowhere', code);
      await client.command('RNTO /b', 503);
      await client.command('RNFR /x', 350);
      await client.command('RNTO /y', 250);
      await client.command('RNTO /z', 503);
      expect(heard(backend)).toEqual(['RNFR /a', 'RNFR /nowhere', 'RNFR /x', 'RNTO /y']);
    });
  });
});

describe('MDTM that a server may take for a time to be set', () => {
  const FORMS = ['20010101', '1aaaaaaa', '1234567890123x', '20010101000000.x', '12345678901234'];

  it.each(FORMS)('%s is denied where times are kept, and where the path is; else it is a question', async (time) => {
    const access = {
      rules: [
        { name: 'closed', match: { paths: '/deny/**' } },
        { name: 'kept', match: { commands: 'attributes', paths: '/kept/**' } },
      ],
    };
    await withGateway({ access }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('CWD /in', 250);
      for (const path of ['/deny/x', '../kept/x', '../deny/x']) {
        const code = await said(client, `MDTM ${time} ${path}`);
        const last = heard(backend).at(-1) ?? '';
        // Refused, or in words that begin with no digit.
        expect([path, code === 550 || /^MDTM \//.test(last)]).toEqual([path, true]);
      }
      expect(heard(backend).filter((line) => /^MDTM \d/.test(line))).toEqual([]);
    });
  });

  it.each([
    ...FORMS,
    '2',
    '2024-report.pdf',
    '2024 report.pdf',
  ])('%s never reaches the backend of a route that is readOnly', async (time) => {
    await withGateway({ routes: [{ backends: ['legacy'], readOnly: true }] }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await said(client, `MDTM ${time} x`);
      await said(client, `MDTM ${time}`);
      for (const line of heard(backend)) expect(line).toBe(`MDTM ./${line.slice(7)}`);
    });
  });

  it('with a root a file is asked for under its whole name', async () => {
    const routes = [{ backends: ['legacy'], root: '/partners/acme' }];
    await withGateway({ routes }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('MDTM 20240101 report.pdf', 213);
      expect(backend.commands.at(-1)).toBe('MDTM /partners/acme/20240101 report.pdf');
    });
  });

  it('is judged as the question that others take it for, too', async () => {
    const access = { rules: [{ name: 'no-questions', match: { commands: 'read' } }] };
    await withGateway({ access }, async ({ loggedIn }) => {
      await (await loggedIn()).command('MDTM 20260101000000 x', 550);
    });
  });
});

describe('STOU with a path', () => {
  const access = {
    rules: [
      { name: 'open', match: { commands: 'write', paths: ['/open/**', '/one'] }, effect: 'allow' },
      { name: 'kept', match: { commands: 'write' } },
    ],
  };

  it.each([
    ['/open', '/open/in/x', 150],
    ['/open', 'in/x', 150],
    // Servers that do not heed the path write where they are.
    ['/a', '/open/x', 553],
    ['/open', '/a/x', 553],
    // Others make a name beside it.
    ['/open', '/one', 553],
  ])('in %s, %s: is let through only where each reading of it is (%i)', async (folder, path, code) => {
    await withGateway({ access }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command(`CWD ${folder}`, 250);
      if (code === 150) await client.upload(`STOU ${path}`, 'x');
      else await client.command(`STOU ${path}`, code);
      expect(backend.verbs.includes('STOU')).toBe(code === 150);
    });
  });
});

describe('patterns that cost more than they are worth', () => {
  it.each([
    ['nine stars', 'LIST a*b*c*d*e*f*g*h*i*'],
    ['a long pattern', `LIST /in/${'z?'.repeat(130)}`],
    ['4 KiB of both', `LIST /in/${'?*'.repeat(2000)}`],
    ['many words', `LIST /in/${'a '.repeat(40)}b`],
  ])('are refused: %s', async (_what, line) => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      await (await loggedIn()).command(line, 550);
      expect(heard(backend)).toEqual([]);
    });
  });
});

describe('T140: listings and questions', () => {
  it('are judged by what they would show', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await client.command('CWD /a', 250);
      const lines = [
        ...[
          'LIST -la ../deny',
          'LIST -a -l ../deny',
          'LIST ../d*',
          'LIST ../[d]eny',
          'LIST ../{deny,x}',
          'LIST -R /',
          'LIST */../../deny',
        ],
        ...[
          'LIST --recursive /',
          'NLST ../?eny/*',
          'NLST -R ..',
          'MLSD ../deny',
          'MLST ../deny',
          'STAT /deny',
          'STAT -a ../deny',
        ],
        ...[
          'SIZE ../deny/x',
          'MDTM ../deny/x',
          'MDTM 20260101000000 ../deny/x',
          'MFMT 20260101000000 ../deny/x',
          'MFMT ../deny/x',
        ],
        ...[
          'SITE CHMOD 777 ../deny/x',
          'SITE chmod 777 ../deny/x',
          'SITE UTIME 202601010000 ../deny/x',
          'SITE CPFR ..',
          'SITE CPTO ../deny/x',
        ],
        ...['SITE MKDIR ../deny/x', 'SITE SYMLINK x y', 'SITE CHMOD x', 'SITE  CHMOD 777 x'],
        ...['LIST /a /deny', 'NLST x ../deny/y', 'STAT /a -R', 'SITE CHMOD 777 /deny x', 'SITE CHMOD 777 x ../deny'],
        'SITE UTIME ../deny/x 20260101000000 20260101000000 20260101000000 UTC',
      ];
      for (const line of lines) expect([line, await said(client, line)]).toEqual([line, 550]);
      expect(heard(backend)).toEqual(['CWD /a']);
    });
  });

  it('go to the backend with the path that was judged', async () => {
    await withGateway({ access: CLOSED, legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.download('LIST -a -l ..');
      await client.download('LIST');
      await client.download('LIST -la');
      await client.download('LIST -la sub');
      await client.download('NLST *.txt');
      await client.command('SITE CHMOD 644 ./x', 200);
      await client.command('SITE UTIME ./x 20260101000000 20260101000000 20260101000000 UTC', 200);
      expect(heard(backend)).toEqual([
        'LIST -al /',
        'LIST',
        'LIST -la',
        'LIST -la sub',
        'NLST *.txt',
        'SITE CHMOD 644 /x',
        'SITE UTIME /x 20260101000000 20260101000000 20260101000000 UTC',
      ]);
    });
  });
});

it('T142: verbs that lead to other servers stay refused', async () => {
  await withGateway({ access: CLOSED }, async ({ loggedIn, backend }) => {
    const client = await loggedIn();
    for (const line of ['SSCN ON', 'CPSV', 'PRET RETR x']) await client.command(line, 502);
    await client.command('EPRT |1|192.0.2.7|2000|', 501, 504);
    expect(heard(backend)).toEqual([]);
  });
});

describe('no argument reaches the backend that means what a rule denies', () => {
  const PIECE = fc.constantFrom(
    '/',
    '//',
    '..',
    '.',
    'deny',
    'DENY',
    'link',
    'a',
    'x',
    '\\',
    ' ',
    '*',
    '~',
    '-l ',
    '\xc3\xa9',
    '\xc0\xae',
    "'",
    '"',
    '[d]',
    '?eny',
  );
  const VERB = fc.constantFrom(
    'DELE',
    'SIZE',
    'CWD',
    'MKD',
    'RNFR',
    'MLST',
    'STAT',
    'MFMT 20260101000000',
    'MDTM',
    'SITE CHMOD 644',
    'CDUP',
  );
  const LINE = fc
    .tuple(VERB, fc.array(PIECE, { minLength: 1, maxLength: 6 }))
    .map(([verb, pieces]) => (verb === 'CDUP' ? verb : `${verb} ${pieces.join('')}`));

  it('in whatever order and words', async () => {
    const access = { rules: [{ name: 'closed', match: { paths: ['/deny/**', '/a/x/**'] } }] };
    await withGateway({ access, limits: { unknownCommands: 1000 } }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      await fc.assert(
        fc.asyncProperty(fc.array(LINE, { minLength: 1, maxLength: 8 }), async (lines) => {
          await client.command('CWD /', 250);
          const before = backend.commands.length;
          for (const line of lines) await said(client, line);
          // As a POSIX server reads it, links aside; those are looked at when the backend says where it is.
          let cwd = '/';
          for (const line of backend.commands.slice(before)) {
            const [verb = '', ...words] = line.split(' ');
            if (verb === 'PWD') continue;
            const argument = words.slice(verb === 'MFMT' ? 1 : verb === 'SITE' ? 2 : 0).join(' ');
            // Some servers take words for several names there.
            const readings = verb === 'SITE' || verb === 'STAT' ? [argument, ...argument.split(' ')] : [argument];
            const paths = readings.map((reading) => posix.resolve(cwd, reading.replace(/^-l /, '')));
            const closed = paths.filter((path) => /^\/(?:deny|a\/x)(?:\/|$)/.test(path));
            expect({ line, cwd, closed }).toEqual({ line, cwd, closed: [] });
            if (verb === 'CWD') cwd = (paths[0] ?? '/').replace(/^\/link(?=\/|$)/, '/deny/real');
          }
        }),
        { numRuns: 150 },
      );
    });
  });
});

describe('rules that came with another configuration', () => {
  it('hold for new sessions; those that run keep theirs', async () => {
    await withGateway({ access: CLOSED }, async ({ loggedIn, backend, reload }) => {
      withFolders(backend);
      const before = await loggedIn();
      await reload({ access: { rules: [{ name: 'no-deletes', match: { commands: 'delete' } }] } });
      const after = await loggedIn();
      await before.command('DELE /deny/x', 550);
      await before.command('DELE /x', 250);
      await after.command('DELE /x', 550);
      await after.command('SIZE /deny/x', 250);
    });
  });
});

describe('with a root', () => {
  it('paths are judged as the client sees them', async () => {
    const routes = [{ backends: ['legacy'], root: '/partners/acme' }];
    await withGateway({ access: CLOSED, routes }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      const client = await loggedIn();
      const before = backend.commands.length;
      for (const line of ['DELE /deny/x', 'DELE a/../deny/x', 'CWD deny', 'STAT /deny'])
        await client.command(line, 550);
      expect(backend.commands.slice(before)).toEqual([]);
      await client.command('DELE /x', 250);
      expect(backend.commands).toContain('DELE /partners/acme/x');
    });
  });

  it.each([
    ['with MLST, which is asked in place of RNFR', ['MLST type*;']],
    ['without MLST', ['SIZE']],
  ])('what may be renamed is renamed: a backend %s', async (_which, features) => {
    const routes = [{ backends: ['legacy'], root: '/partners/acme' }];
    await withGateway({ access: CLOSED, routes, legacy: { features } }, async ({ loggedIn, backend }) => {
      withFolders(backend);
      backend.on('RNFR', (session, { argument }) =>
        argument.endsWith('nowhere') ? session.reply(550, 'No.') : session.reply(350, 'Go on.'),
      );
      backend.on('MLST', (session, { argument }) =>
        argument.endsWith('nowhere') ? session.reply(550, 'No.') : session.reply(250, 'Done.'),
      );
      const client = await loggedIn();
      await client.command('RNFR /x', 350);
      await client.command('RNTO /deny/y', 553);
      await client.command('RNFR /x', 350);
      await client.command('RNFR /nowhere', 550);
      await client.command('RNTO /y', 503);
      await client.command('RNFR /x', 350);
      await client.command('RNTO /y', 250);
      expect(backend.commands.slice(-2)).toEqual(['RNFR /partners/acme/x', 'RNTO /partners/acme/y']);
    });
  });
});

describe('FEAT and HELP', () => {
  it('show only what some rule lets through', async () => {
    const access = { default: 'deny', rules: [{ name: 'in', match: { commands: ['STOR', 'list'] }, effect: 'allow' }] };
    const features = ['SIZE', 'MDTM', 'MFMT', 'REST STREAM', 'UTF8', 'MLST type*;'];
    await withGateway({ access, legacy: { features } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      const offered = (await client.command('FEAT', 211)).lines.map((line) => line.trim());
      expect(offered).toEqual(expect.arrayContaining(['UTF8', 'SIZE', 'MDTM', 'MLST type*;', 'EPSV', 'PASV']));
      expect(offered).not.toEqual(expect.arrayContaining(['MFMT']));
      expect(offered).not.toEqual(expect.arrayContaining(['REST STREAM']));
      const help = (await client.command('HELP', 214)).lines.join(' ').split(/\s+/);
      expect(help).toEqual(expect.arrayContaining(['STOR', 'LIST', 'CWD', 'PWD', 'STAT', 'NOOP', 'QUIT']));
      for (const verb of ['RETR', 'APPE', 'DELE', 'MKD', 'XRMD', 'RNFR', 'RNTO', 'MFMT', 'SITE'])
        expect(help).not.toContain(verb);
      await client.command('HELP DELE', 502);
    });
  });
});
