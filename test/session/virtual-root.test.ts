/**
 * A client that sees one folder of its backend as `/`: what the backend is told, and that the client learns of nothing else, whatever it
 * says and whatever the backend answers.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/session/command-table.ts';
import { AuditFolder } from '../support/audit-lines.ts';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { makeItTell, ROOT, SECRETS, TELLS } from '../support/telling-backend.ts';
import { type House, type HouseOptions, withGateway } from '../support/test-gateway.ts';

const ROUTED: HouseOptions = { routes: [{ backends: ['legacy'], root: ROOT }] };

/** A house whose backend tells of everything, and a client that is logged in. */
function rooted(
  play: (client: ScriptedClient, house: House) => Promise<void>,
  options: HouseOptions = ROUTED,
): Promise<void> {
  return withGateway(options, async (house) => {
    makeItTell(house.backend);
    const client = await house.loggedIn();
    house.backend.sessions[0]?.commands.splice(0);
    await play(client, house);
    expect(received(client), 'what the client was told').not.toMatch(SECRETS);
  });
}

/** All that the gateway has said on the control connection. */
function received(client: ScriptedClient): string {
  return client.transcript
    .split('\n')
    .filter((line) => line.startsWith('<') || line.startsWith('(unread)'))
    .join('\n');
}

/** What servers take apart at blanks: as they would for `ls`, or as words of SITE. */
const TAKEN_APART = /^(?:LIST|NLST|STAT|SITE [A-Z]+)(?: |$)/;
/** What tells no place. */
const WITHOUT_PATH =
  /^(?:(?:EPSV|PWD|LIST|NLST|MLSD|STOU|NOOP|SYST|FEAT|ABOR)$|(?:LIST|NLST|STAT) -[A-Za-z\d]+$|(?:TYPE|ALLO|CLNT|OPTS|REST|SITE UMASK) )/;

/** Paths that the backend was told must be below the root, also where it takes them for several. */
function expectInside(commands: readonly string[]): void {
  for (const line of commands) {
    if (WITHOUT_PATH.test(line)) continue;
    const [verb] = TAKEN_APART.exec(line) ?? [];
    if (verb === undefined) expectBelowRoot(line.slice(line.indexOf('/')), line);
    else for (const word of line.slice(verb.length).split(/\s/)) expectWordInside(word, line);
  }
}

function expectBelowRoot(path: string, line: string): void {
  expect(path, line).toMatch(/^\/partners\/acme(?:\/|$)/);
  expect(path.split('/'), line).not.toContain('..');
}

/** A name in the folder in which the backend is, that folder, or an absolute path; an option behind STAT, a mode behind SITE CHMOD. */
function expectWordInside(word: string, line: string): void {
  if (word.startsWith('/')) return expectBelowRoot(word, line);
  const option = /^STAT -[A-Za-z\d]+ \.$/.test(line) || /^SITE CHMOD [-+=\w,]+ [^ ]+$/.test(line);
  expect(word, line).not.toMatch(option ? /^(?:~|\.\.$)|\// : /^(?:[-~]|\.\.$)|[/*?[{]/);
}

describe('the table of commands', () => {
  /** What a client may say behind any verb. */
  const ARGUMENTS: readonly (string | undefined)[] = [
    ...[
      undefined,
      '',
      'a.txt',
      'sub',
      '/',
      '/sub/deep/x',
      '..',
      '../..',
      '/../../x',
      'sub/../../x',
      './/sub//.',
      'out',
      'out/x',
      'up',
    ],
    ...[
      'in',
      'in/x',
      '~',
      '~root',
      '*',
      '*.txt',
      'o*',
      'sub/*',
      '*/x',
      '[o]ut',
      '{out,up}',
      '-la',
      '-laR',
      '-R',
      '-la ..',
      '-d out',
    ],
    ...[
      'nope',
      'nope/x',
      'a "b" c',
      '"',
      "'/",
      '\xff',
      'd\xe9',
      '\xc0\xae\xc0\xae',
      'a\\..\\b',
      'x::$DATA',
      'x.',
      'x ',
      '%2e%2e',
    ],
    ...[
      'CHMOD 644 a.txt',
      'CHMOD 644 ../x',
      'UTIME 20200101000000 a.txt',
      'UMASK 022',
      'CHGRP x a.txt',
      'SYMLINK / x',
      'CPFR a.txt',
    ],
    ...[
      'EXEC id',
      'HELP',
      'WHO',
      'MKDIR ../x',
      '20200101000000 a.txt',
      '20200101000000 ../../x',
      'UTF8 ON',
      'MLST type;',
      '1',
      'I',
      'A',
    ],
    ...[
      ...[
        'x ..',
        'x ../rival',
        'x ../rival/plan.pdf',
        'x ~root',
        'x /partners/rival',
        'a -R',
        'sub -laR',
        '- ..',
        'a.txt *',
      ],
      ...[
        'x out',
        'out x',
        'CHMOD 644 x ..',
        'CHMOD 644 x out',
        'CHMOD 644 x -R',
        'CHMOD 644 x ~root',
        'CHMOD 644 -R x',
      ],
      ...['CPFR x ..', 'CPTO x ../rival/y', 'MKDIR x ..', 'RMDIR x /partners/rival', 'UTIME 20200101000000 x ..'],
    ],
    'x'.repeat(4000),
  ];
  const TRANSFERS = new Set(['RETR', 'STOR', 'APPE', 'STOU', 'LIST', 'NLST', 'MLSD']);
  const SKIPPED = new Set(['USER', 'PASS', 'ACCT', 'AUTH', 'CCC', 'QUIT', 'PORT', 'EPRT', 'PASV', 'EPSV']);
  const VERBS = [...COMMANDS.values()].filter(({ family, verb }) => family !== 'http' && !SKIPPED.has(verb));

  it.each(VERBS.map(({ verb }) => verb))(
    '%s tells nothing of other places, and asks for nothing outside (T135, T137, T140)',
    { timeout: 60_000 },
    async (verb) => {
      await rooted(async (client, { backend }) => {
        for (const argument of ARGUMENTS) {
          const line = argument === undefined ? verb : `${verb} ${argument}`;
          if (TRANSFERS.has(verb)) await moved(client, line);
          else await client.command(line, ...ANY);
        }
        expectInside(backend.commands);
      });
    },
  );

  const ANY = Array.from({ length: 500 }, (_, index) => 100 + index);

  /** Whatever comes of a transfer; what it brings is looked at as well. */
  async function moved(client: ScriptedClient, line: string): Promise<void> {
    const data = await client.openData();
    const { code } = await client.command(line, ...ANY);
    if (code >= 200) return data.reset();
    await data.startTls({ session: client.session });
    if (/^(?:STOR|APPE|STOU)/.test(line)) data.end();
    else expect((await data.readToEnd()).bytes.toString('latin1'), line).not.toMatch(SECRETS);
    await client.expect(...ANY);
  }

  it('has no verb of which a session with a root does not know what to do: it answers 502 then', async () => {
    await rooted(async (client, { backend }) => {
      for (const { verb, phase, family } of VERBS) {
        if (phase !== 'ready' || family !== 'forward') continue;
        const { code } = await client.command(`${verb} x`, ...ANY);
        expect(code === 502 && verb !== 'SITE', verb).toBe(false);
      }
      expectInside(backend.commands);
    });
  });
});

it('no bytes at all lead a command out of the root, or tell of other places', { timeout: 60_000 }, async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '..',
      '../',
      '/',
      '//',
      '.',
      '~',
      'sub',
      'out',
      'up',
      'in',
      'deep',
      ' ..',
      ' ../rival',
      ' ~root',
      ' -R',
      ' out',
      '*',
      '[',
      '"',
      '\\',
      '-la ',
      ' ',
      '%2f',
    ),
    fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 4 }),
  );
  const argument = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('').replaceAll(/[\r\n]/g, ''));
  const verb = fc.constantFrom(
    'CWD',
    'SIZE',
    'MKD',
    'STAT',
    'MLST',
    'RNFR',
    'RNTO',
    'DELE',
    'RMD',
    'MDTM',
    'PWD',
    'CDUP',
    'MFMT 20200101000000',
    'SITE CHMOD 644',
    'SITE',
  );
  await rooted(async (client, { backend }) => {
    for (const line of fc.sample(fc.tuple(verb, argument), 600).map((words) => words.join(' '))) {
      client.send(line);
      await client.reply();
    }
    expectInside(backend.commands);
  });
});

describe('with rules', () => {
  const access = { rules: [{ name: 'closed', match: { paths: '/sub/deep/**' } }] };

  it('the paths that the client sees are judged, and nothing of them reaches the backend (T137)', async () => {
    await rooted(
      async (client, { backend, logs }) => {
        await client.command('CWD sub', 250);
        for (const line of [
          'SIZE deep/x',
          'DELE ../sub/./deep/x',
          'CWD deep',
          'MKD /../sub//deep/y',
          'SITE CHMOD 644 deep/x',
        ])
          await client.command(line, 550);
        await logs.until({ event: 'policy-denied', rule: 'closed' });
        await client.command('SIZE shallow', 213);
        expect(backend.commands.filter((line) => line.includes('deep'))).toEqual([]);
        expect(backend.commands.at(-1)).toBe('SIZE /partners/acme/sub/shallow');
      },
      { ...ROUTED, access },
    );
  });

  it('a drop box asks about the file that the backend knows, and lists nothing', async () => {
    await rooted(
      async (client, { backend }) => {
        await client.epsv();
        await client.command('STOR sub/a.txt', 553);
        expect(backend.commands.at(-1)).toBe('MDTM /partners/acme/sub/a.txt');
        expect(await client.download('LIST sub')).toHaveLength(0);
        backend.answer('MDTM', '550 no\r\n');
        await client.upload('STOR sub/b.txt', 'x');
        expect(backend.commands.at(-1)).toBe('STOR /partners/acme/sub/b.txt');
      },
      { routes: [{ backends: ['legacy'], root: ROOT, uploadOnly: true }] },
    );
  });
});

describe('a login with a root', () => {
  it('is told in words of the gateway, and goes to the root first', async () => {
    await withGateway(ROUTED, async (house) => {
      makeItTell(house.backend);
      const client = await house.encrypted();
      expect((await client.command(`USER ${USER}`, 331)).text).toBe('Password required.');
      expect((await client.command(`PASS ${PASSWORD}`, 230)).raw).toBe('230 Logged in.\r\n');
      expect(house.backend.commands).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`, `CWD ${ROOT}`, 'PWD']);
      expect((await client.command('PWD', 257)).text).toBe('"/" is the current directory.');
    });
  });

  it('a wrong password is told in words of the gateway', async () => {
    await withGateway(ROUTED, async (house) => {
      makeItTell(house.backend);
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command('PASS wrong', 530);
      expect(received(client)).not.toMatch(SECRETS);
    });
  });

  it.each([
    ['cannot be entered', (house: House) => house.backend.answer('CWD', `550 ${TELLS}\r\n`)],
    ['is not told by PWD', (house: House) => house.backend.answer('PWD', '257 here.\r\n')],
    ['leads to a backend without PWD', (house: House) => house.backend.answer('PWD', '502 no.\r\n')],
  ])('fails closed where the root %s', async (_what, spoil) => {
    await withGateway(ROUTED, async (house) => {
      makeItTell(house.backend);
      spoil(house);
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      const { text } = await client.command(`PASS ${PASSWORD}`, 530);
      expect(text).toBe('Your folder is not available, try again later.');
      await client.expectClosed();
      expect(received(client)).not.toMatch(SECRETS);
      const line = await house.logs.until({ event: 'login', outcome: 'failed' });
      expect(line).toMatchObject({ cause: 'root-unavailable', reply: 530 });
      await house.backend.disconnected();
    });
  });

  it.each(['421 is said at USER', '421 is said later'])('a farewell of the backend is not quoted: %s', async (when) => {
    await withGateway(ROUTED, async (house) => {
      makeItTell(house.backend);
      if (when.endsWith('USER')) house.backend.answer('USER', `421 ${TELLS}\r\n`);
      house.backend.answer('NOOP', `421 ${TELLS}\r\n`);
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331, 421);
      if (!when.endsWith('USER')) {
        await client.command(`PASS ${PASSWORD}`, 230);
        await client.command('NOOP', 421);
      }
      await client.expectClosed();
      expect(received(client)).not.toMatch(SECRETS);
    });
  });
});

describe('the folder of the client', () => {
  it('is known to the gateway, which answers PWD by itself', async () => {
    await rooted(async (client, { backend }) => {
      await client.command('CWD sub', 250);
      await client.command('CWD deep', 250);
      backend.answer('PWD', '500 no\r\n');
      expect((await client.command('PWD', 257)).text).toBe('"/sub/deep" is the current directory.');
      expect((await client.command('XPWD', 257)).text).toBe('"/sub/deep" is the current directory.');
    });
  });

  it('CDUP stays at the root', async () => {
    await rooted(async (client, { backend }) => {
      await client.command('CWD /sub', 250);
      for (const line of ['CDUP', 'CDUP', 'XCUP', 'CWD ..', 'CWD ../../..']) {
        await client.command(line, 250);
        expect((await client.command('PWD', 257)).text, line).toBe('"/" is the current directory.');
      }
      expectInside(backend.commands);
    });
  });

  it('has its quotes doubled (T141)', async () => {
    await rooted(async (client) => {
      await client.command('CWD a "b" c', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/a ""b"" c" is the current directory.');
      expect((await client.command('MKD x"y', 257)).text).toBe('"/a ""b"" c/x""y" created.');
    });
  });

  it('behind a link inside is the real one (T138)', async () => {
    await rooted(async (client, { backend }) => {
      await client.command('CWD in', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/sub" is the current directory.');
      await client.command('SIZE x', 213);
      expect(backend.commands.at(-1)).toBe('SIZE /partners/acme/sub/x');
    });
  });

  it('a link that leads out is undone and refused, and audited', async () => {
    await rooted(async (client, { backend, logs }) => {
      await client.command('CWD sub', 250);
      await client.command('CWD ../out', 550);
      expect(backend.lastSession.facts.get('cwd')).toBe(ROOT);
      expect((await client.command('PWD', 257)).text).toBe('"/sub" is the current directory.');
      await logs.until({ event: 'policy-denied', rule: 'root', verb: 'CWD' });
      for (const line of ['SIZE', 'DELE', 'MKD', 'RNFR', 'STAT', 'MLST', 'MFMT 20200101000000', 'SITE CHMOD 644'])
        await client.command(`${line} /out/x`, 550);
      for (const line of ['STAT /out', 'SITE CHMOD 0 /out', 'SITE CPFR ../out', 'SITE CPTO /up'])
        await client.command(line, 550);
      await client.epsv();
      await client.command('STOU /out', 550);
      for (const line of ['RETR', 'STOR', 'LIST', 'NLST', 'MLSD']) await client.command(`${line} /out/x`, 550);
      expect(backend.verbs.filter((verb) => !['USER', 'PASS', 'CWD', 'PWD', 'EPSV'].includes(verb))).toEqual([]);
    });
  });

  it('of Pure-FTPd, which does not double quotes, is understood', async () => {
    await rooted(async (client, { backend }) => {
      backend.on('PWD', (session) => session.reply(257, `"${session.facts.get('cwd')}" is your current location`));
      await client.command('CWD a "b" c', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/a ""b"" c" is the current directory.');
      await client.command('CWD /out', 550);
    });
  });

  it('that a rename has moved is followed', async () => {
    await rooted(async (client, { backend }) => {
      await client.command('CWD /sub/deep', 250);
      await client.command('RNFR /sub', 350);
      await client.command('RNTO /new', 200);
      expect((await client.command('PWD', 257)).text).toBe('"/new/deep" is the current directory.');
      expectInside(backend.commands);
    });
  });
});

describe('what the backend is told', () => {
  it.each([
    ['SIZE a.txt', 'SIZE /partners/acme/a.txt'],
    ['SIZE ./../..//a.txt', 'SIZE /partners/acme/a.txt'],
    ['SIZE ~', 'SIZE /partners/acme/~'],
    ['DELE -rf', 'DELE /partners/acme/-rf'],
    ['MFMT 20200101000000 sub/x', 'MFMT 20200101000000 /partners/acme/sub/x'],
    ['MDTM 20200101000000 x', 'MDTM 20200101000000 /partners/acme/x'],
    ['SITE CHMOD 644 x y', 'SITE CHMOD 644 x y'],
    [
      'SITE UTIME x 20200101000000 20200101000000 20200101000000 UTC',
      'SITE UTIME /partners/acme/x 20200101000000 20200101000000 20200101000000 UTC',
    ],
    ['SITE CPFR x', 'SITE CPFR /partners/acme/x'],
    ['MLST', 'MLST /partners/acme'],
    ['SITE CHMOD 644 sub/x', 'SITE CHMOD 644 /partners/acme/sub/x'],
    ['SITE CHMOD 644 a "b" c/x', 'SITE CHMOD 644 x'],
    ['STAT sub', 'STAT .'],
    ['STAT a "b" c', 'STAT .'],
    ['STAT -laR sub', 'STAT -la .'],
    ['STAT sub/a.txt', 'STAT a.txt'],
    ['SIZE in/x', 'SIZE /partners/acme/sub/x'],
    ['DELE x ..', 'DELE /partners/acme/x ..'],
  ])('%s becomes %s', async (line, told) => {
    await rooted(async (client, { backend }) => {
      await client.command(line, 200, 213, 250);
      expect(backend.commands.at(-1)).toBe(told);
    });
  });

  it.each([
    'SITE EXEC id',
    'SITE SYMLINK a b',
    'SITE CHGRP x y',
    'SITE HELP',
    'SITE ALIAS',
  ])('%s goes nowhere: 502', async (line) => {
    await rooted(async (client, { backend }) => {
      await client.command(line, 502);
      expect(backend.commands).toEqual([]);
    });
  });

  it.each([
    'SIZE a\\b',
    'SIZE \xc0\xaex',
    'SIZE x ',
    'SITE CHMOD x',
    'STAT *',
    'STAT sub/[a]',
    'MFMT x',
  ])('%s cannot be worked out: 550, and audited', async (line) => {
    await rooted(async (client, { backend, logs }) => {
      await client.command(line, 550);
      expect(backend.commands).toEqual([]);
      await logs.until({ event: 'policy-denied', rule: 'root' });
    });
  });

  it.each([
    ['RNFR', '211-Features\r\n SIZE\r\n211 End\r\n'],
    // quirk: ProFTPD takes nothing but RNTO behind RNFR.
    ['MLST', '211-Features\r\n MLST type*;\r\n211 End\r\n'],
  ])('nothing comes between RNFR and RNTO, whatever is looked at (T139): asked by %s', async (asked, features) => {
    await rooted(async (client, { backend }) => {
      backend.answer('FEAT', features);
      expect((await client.command('RNFR a.txt', 350)).text).toBe('Ready for RNTO.');
      await client.command('RNTO sub/b.txt', 200);
      const { commands } = backend;
      expect(commands.slice(commands.lastIndexOf('CWD /partners/acme/sub') - 1)).toEqual([
        ...[`${asked} /partners/acme/a.txt`, 'CWD /partners/acme/sub', 'PWD', 'CWD /partners/acme', 'PWD'],
        ...['RNFR /partners/acme/a.txt', 'RNTO /partners/acme/sub/b.txt'],
      ]);
    });
  });

  it.each([
    ...[
      'STAT x ..',

      'STAT x ~root',
      'STAT x -R',
      'STAT sub -R',
      'STAT ~root',
      'STAT a b',
      'STAT x out',
    ],
    ...['SITE CHMOD 644 x ..', 'SITE CHMOD 644 x ~root', 'SITE CHMOD 644 x out', 'SITE MKDIR x -p', 'SITE CPFR x ..'],
    ...['SITE RMDIR  x', 'SITE UTIME 20200101000000 x *'],
  ])('%s is taken for several by some servers: it is neither asked nor done, and audited', async (line) => {
    await rooted(async (client, { backend, logs }) => {
      await client.command(line, 550);
      expect(backend.verbs.filter((verb) => verb === 'STAT' || verb === 'SITE')).toEqual([]);
      await logs.until({ event: 'policy-denied', rule: 'root' });
    });
  });

  it('the root itself is not changed', async () => {
    await rooted(async (client, { backend }) => {
      const lines = ['RMD /', 'DELE ..', 'RNFR /', 'MKD /', 'SITE CHMOD 777 /', 'MFMT 20200101000000 .', 'SITE CPTO /'];
      for (const line of lines) await client.command(line, 550);
      await client.epsv();
      for (const line of ['STOR /', 'APPE .', 'STOU /']) await client.command(line, 550);
      expect(backend.verbs.filter((verb) => verb !== 'EPSV')).toEqual([]);
    });
  });

  it('nothing comes between REST and its transfer', async () => {
    await rooted(async (client, { backend }) => {
      const data = await client.openData();
      await client.command('REST 3', 350);
      await client.command('RETR sub/a.txt', 150);
      await data.startTls({ session: client.session });
      await data.readToEnd();
      await client.expect(226);
      const { commands } = backend;
      expect(commands.slice(commands.indexOf('CWD /partners/acme/sub'))).toEqual([
        ...['CWD /partners/acme/sub', 'PWD', 'REST 3', 'RETR /partners/acme/sub/a.txt'],
      ]);
    });
  });

  it('commands that were sent ahead are taken in order', async () => {
    await rooted(async (client, { backend }) => {
      client.write('CWD sub\r\nPWD\r\nSIZE x\r\nCDUP\r\nPWD\r\nSIZE x\r\n');
      const texts: string[] = [];
      for (const code of [250, 257, 213, 250, 257, 213]) texts.push((await client.expect(code)).text);
      expect(texts.filter((text) => text.startsWith('"'))).toEqual([
        '"/sub" is the current directory.',
        '"/" is the current directory.',
      ]);
      expect(backend.commands.filter((line) => line.startsWith('SIZE'))).toEqual([
        'SIZE /partners/acme/sub/x',
        'SIZE /partners/acme/x',
      ]);
    });
  });
});

describe('what another session has put in the place of a folder', () => {
  /** From now on `sub` is a link out. */
  const swap = ({ backend }: House): void => {
    backend.on('CWD', (session, { argument }) => {
      session.facts.set('cwd', argument.startsWith(`${ROOT}/sub`) ? '/partners/rival' : argument);
      session.reply(250, TELLS);
    });
  };

  it.each([
    ...['SIZE sub/x', 'MDTM sub/x', 'MLST sub/x', 'STAT sub', 'STAT sub/x', 'DELE sub/x', 'MKD sub/x', 'RMD sub/x'],
    ...['MFMT 20200101000000 sub/x', 'RNFR sub/x', 'SITE CHMOD 644 sub/x', 'SITE CPFR sub/x', 'CWD sub', 'CWD /sub'],
  ])('is not taken for it: %s', async (line) => {
    await rooted(async (client, house) => {
      await client.command('SIZE sub/x', 213);
      house.backend.lastSession.commands.splice(0);
      swap(house);
      await client.command(line, 550);
      const { backend } = house;
      expect(backend.verbs.filter((verb) => verb !== 'CWD' && verb !== 'PWD')).toEqual([]);
    });
  });

  it.each([
    'RETR sub/x',
    'STOR sub/x',
    'APPE sub/x',
    'STOU sub/x',
    'LIST sub',
    'LIST sub/a.txt',
    'NLST sub/*',
    'MLSD sub',
  ])('is not taken for it in a transfer: %s', async (line) => {
    await rooted(async (client, house) => {
      await client.command('CWD sub', 250);
      await client.command('CWD /', 250);
      house.backend.lastSession.commands.splice(0);
      swap(house);
      await client.epsv();
      await client.command(line, 550);
      expect(house.backend.verbs.filter((verb) => !['CWD', 'PWD', 'EPSV'].includes(verb))).toEqual([]);
    });
  });

  it('is not where a rename takes its file from', async () => {
    await rooted(async (client, house) => {
      await client.command('RNFR sub/x', 350);
      swap(house);
      await client.command('RNTO y', 550);
      expect(house.backend.verbs).not.toContain('RNTO');
    });
  });
});

describe('a link', () => {
  const says =
    (...lines: readonly string[]) =>
    ({ backend }: House) => {
      backend.answer('STAT', `213-Status:\r\n${lines.map((line) => ` ${line}\r\n`).join('')}213 End.\r\n`);
    };
  const facts =
    (type: string) =>
    ({ backend }: House) =>
      backend.answer('MLST', `250-Facts\r\n type=${type};size=8; x\r\n250 End\r\n`);
  const withoutMlst = ({ backend }: House): void => {
    backend.answer('FEAT', '211-Features\r\n SIZE\r\n211 End\r\n');
  };

  it.each([
    ['MLST', 'x', facts('OS.unix=slink:../y')],
    ['MLST without target', 'x', facts('OS.unix=symlink')],
    ['LIST', 'x', says('lrwxrwxrwx   1 0        0              17 Nov 21 20:50 x -> ../y')],
    ['LIST, with a blank in it', 'x y', says('lrwxrwxrwx   1 0        0              17 Nov 21 20:50 x y')],
    [
      'a listing without it, though it has a time',
      'x',
      (house: House) => {
        withoutMlst(house);
        says('-rw-r--r--   1 0        0              17 Nov 21 20:50 y')(house);
      },
    ],
    ['PWD, where it leads to a folder', 'in', withoutMlst],
    ['PWD, where it leads out', 'out', withoutMlst],
  ])('is neither renamed nor copied where that is told by %s', async (_what, name, told) => {
    await rooted(async (client, house) => {
      told(house);
      for (const line of [`RNFR ${name}`, `SITE CPFR ${name}`]) await client.command(line, 550);
      await client.command('RNTO sub/y', 200, 503, 550);
      await house.logs.until({ event: 'policy-denied', rule: 'root', verb: 'RNFR' });
      const { verbs } = house.backend;
      expect(verbs.filter((verb) => verb === 'RNFR' || verb === 'SITE')).toEqual([]);
    });
  });

  it.each([
    ['a file', 'x', says('-rw-r--r--   1 0        0              17 Nov 21 20:50 x')],
    ['a link of another name', 'x', says('lrwxrwxrwx   1 0        0              17 Nov 21 20:50 y -> x')],
    ['a folder', 'sub', withoutMlst],
    [
      'nothing, where STAT is not about files',
      'x',
      (house: House) => {
        withoutMlst(house);
        house.backend.answer('STAT', '211-Status\r\n of the session\r\n211 End\r\n');
      },
    ],
    ['nothing at all', 'x', ({ backend }: House) => backend.answer('STAT', '502 no\r\n')],
  ])('is not what is told to be %s', async (_what, name, told) => {
    await rooted(async (client, house) => {
      told(house);
      await client.command(`RNFR ${name}`, 350);
      await client.command('RNTO y', 200);
      expect(house.backend.commands.slice(-2)).toEqual([`RNFR ${ROOT}/${name}`, `RNTO ${ROOT}/y`]);
    });
  });
});

describe('STOU with a path', () => {
  it.each([
    ['STOU sub/x', '/sub', 'FILE: /sub/chosen'],
    ['STOU sub/deep/', '/sub/deep', 'FILE: /sub/deep/chosen'],
    ['STOU x', '', 'FILE: chosen'],
    ['STOU', '', 'FILE: chosen'],
  ])('%s is said in its folder, without it, and told where it is', async (line, folder, told) => {
    const audit = new AuditFolder();
    try {
      await rooted(
        async (client, { backend }) => {
          backend.on('STOU', async (session) => {
            const data = await session.accept();
            // quirk: Pure-FTPd 1.0.50 has the name in the first of two lines.
            session.raw('150-FILE: chosen\r\n150 Accepted data connection\r\n');
            session.run(async () => {
              await data.ending;
              data.socket.destroy();
              session.reply(226, 'Done.');
            });
          });
          const data = await client.openData();
          expect((await client.command(line, 150)).text).toBe(told);
          await data.startTls({ session: client.session });
          data.end();
          await client.expect(226);
          expect(backend.commands.at(-1)).toBe('STOU');
          expect(backend.lastSession.facts.get('cwd')).toBe(ROOT + folder);
          expect(await audit.one('transfer')).toMatchObject({
            path: `${ROOT}${folder}/chosen`,
            clientPath: `${folder}/chosen`,
          });
        },
        { ...ROUTED, audit: { file: audit.file, hash: 'sha256' } },
      );
    } finally {
      audit.remove();
    }
  });
});

describe('listings', () => {
  const list = async (client: ScriptedClient, line: string): Promise<string[]> =>
    (await client.download(line)).toString('latin1').split('\r\n').slice(0, -1);

  it('are made in their folder, without a path, and tell of nothing else', async () => {
    await rooted(async (client, { backend }) => {
      expect(await list(client, 'LIST -la sub')).toEqual([
        'total 24',
        'drwxr-xr-x   4 ftp ftp 4096 Jan 02 03:04 .',
        '-rw-r--r--   1 ftp ftp    6 Jan 02 03:04 a.txt',
        'lrwxrwxrwx   1 ftp ftp   15 Jan 02  2020 out',
        'lrwxrwxrwx   1 ftp ftp    8 Jan 02  2020 up',
        'lrwxrwxrwx   1 ftp ftp    3 Jan 02  2020 in -> sub',
        '',
        '/sub:',
      ]);
      expect(backend.commands.at(-1)).toBe('LIST -la');
      expect(backend.lastSession.facts.get('cwd')).toBe(`${ROOT}/sub`);
      expect((await client.command('PWD', 257)).text).toBe('"/" is the current directory.');
    });
  });

  it('NLST gives names as they were asked for', async () => {
    await rooted(async (client) => {
      expect(await list(client, 'NLST')).toEqual(['a.txt', 'sub', '/b.txt']);
      expect(await list(client, 'NLST sub')).toEqual(['sub/a.txt', 'sub/sub', '/b.txt']);
      expect(await list(client, 'NLST /sub/')).toEqual(['/sub/a.txt', '/sub/sub', '/b.txt']);
    });
  });

  it('patterns, and names of files, are picked out of their folder', async () => {
    await rooted(async (client, { backend }) => {
      expect(await list(client, 'NLST sub/*.txt')).toEqual(['sub/a.txt', '/b.txt']);
      expect(await list(client, 'NLST sub/a.txt')).toEqual(['sub/a.txt']);
      expect(await list(client, 'LIST -l [a]*')).toEqual(['-rw-r--r--   1 ftp ftp    6 Jan 02 03:04 a.txt']);
      expect(new Set(backend.commands.filter((line) => /^(?:NLST|LIST)/.test(line)))).toEqual(
        new Set(['NLST', 'LIST -l']),
      );
      expectInside(backend.commands);
      await client.epsv();
      await client.command('NLST */x', 550);
    });
  });

  it.each([
    'LIST sub/nothere',
    'LIST nothere',
    'NLST nothere',
    'LIST *.zip',
    'NLST sub/*.zip',
    'MLSD *.zip',
  ])('of what is not there are refused, whatever the backend says: %s', async (line) => {
    await rooted(async (client) => {
      const data = await client.openData();
      await client.command(line, 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes).toHaveLength(0);
      await client.expect(550);
    });
  });

  it('of a folder that cannot be entered do not show it as if it were a file', async () => {
    await rooted(async (client, { backend }) => {
      backend.on('LIST', async (session) => {
        const data = await session.accept();
        session.reply(150, 'Here.');
        session.run(async () => {
          await data.write(Buffer.from('drwx------   4 ftp ftp 4096 Jan 02 03:04 closed\r\n'));
          data.end();
          await data.ending;
          data.socket.destroy();
          session.reply(226, 'Done.');
        });
      });
      const data = await client.openData();
      await client.command('LIST closed', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes).toHaveLength(0);
      await client.expect(550);
      expect(await list(client, 'LIST clos*')).toEqual(['drwx------   4 ftp ftp 4096 Jan 02 03:04 closed']);
    });
  });

  it('of a folder that is not available now are not those of another', async () => {
    await rooted(async (client, { backend }) => {
      backend.on('CWD', (session, { argument }) => session.reply(argument.endsWith('/sub') ? 450 : 250, TELLS));
      await client.epsv();
      for (const line of ['LIST sub', 'NLST sub', 'MLSD sub']) await client.command(line, 450);
      expect(backend.verbs.filter((verb) => /LST|LIST|MLSD/.test(verb))).toEqual([]);
    });
  });

  it('of patterns that would cost too much are refused', async () => {
    await rooted(async (client, { backend }) => {
      await client.epsv();
      for (const line of [`LIST ${'*a'.repeat(9)}`, `NLST ${'a'.repeat(256)}*`, `MLSD sub/${'?'.repeat(257)}`])
        await client.command(line, 550);
      expect(backend.verbs.filter((verb) => /LST|LIST|MLSD/.test(verb))).toEqual([]);
    });
  });

  it('MLSD has neither the folder above nor targets', async () => {
    await rooted(async (client) => {
      expect(await list(client, 'MLSD')).toEqual([
        'type=cdir;perm=el; /',
        'type=file;size=6; a.txt',
        'type=OS.unix=slink:;size=8; out',
      ]);
    });
  });

  it('that end without a line end, or have another one, keep that', async () => {
    await rooted(async (client, { backend }) => {
      backend.on('NLST', async (session) => {
        const data = await session.accept();
        session.reply(150, 'Here.');
        session.run(async () => {
          await data.write(Buffer.from('a\n/partners/rival\nd\xe9\r\nlast', 'latin1'));
          data.end();
          await data.ending;
          data.socket.destroy();
          session.reply(226, 'Done.');
        });
      });
      expect((await client.download('NLST')).toString('latin1')).toBe('a\nd\xe9\r\nlast');
    });
  });

  it('are counted as they were sent', async () => {
    await rooted(async (client, { logs }) => {
      const bytes = await client.download('MLSD');
      expect(await logs.until({ event: 'transfer', verb: 'MLSD' })).toMatchObject({ bytes: bytes.length });
    });
  });

  it('of sessions without a root stay as they are', async () => {
    await withGateway({}, async ({ backend, loggedIn }) => {
      makeItTell(backend);
      const client = await loggedIn();
      expect((await client.download('LIST')).toString()).toContain('out -> /partners/rival');
    });
  });
});

describe('answers that clients need', () => {
  it.each([
    ['SIZE a.txt', '213 6'],
    ['MDTM a.txt', '213 20240102030405'],
    ['MFMT 20240102030405 sub/a.txt', '213 Modify=20240102030405; /sub/a.txt'],
    ['MLST sub/a.txt', '250-Facts:\r\n type=file;size=6; /sub/a.txt\r\n250 End.'],
    ['SYST', '215 UNIX Type: L8'],
    ['OPTS MLST type;', '200 Done.'],
    ['RNFR a.txt', '350 Ready for RNTO.'],
  ])('%s: %j', async (line, told) => {
    await rooted(async (client) => {
      const [code = ''] = told.split(/[ -]/);
      expect((await client.command(line, Number(code))).raw).toBe(`${told}\r\n`);
    });
  });

  it('the size of a download, and the name of STOU', async () => {
    await rooted(async (client) => {
      const download = await client.openData();
      expect((await client.command('RETR a.txt', 150)).text).toBe('Opening data connection (6 bytes).');
      await download.startTls({ session: client.session });
      expect((await download.readToEnd()).bytes.toString()).toBe('hello\n');
      expect((await client.expect(226)).text).toBe('Transfer complete.');
      const data = await client.openData();
      expect((await client.command('STOU', 150)).text).toBe('FILE: unique.1');
      await data.startTls({ session: client.session });
      data.end();
      await client.expect(226);
    });
  });

  it('STAT of a file has that only', async () => {
    await rooted(async (client) => {
      const { raw } = await client.command('STAT sub/a.txt', 213);
      expect(raw).toBe('213-Status:\r\n -rw-r--r--   1 ftp ftp    6 Jan 02 03:04 a.txt\r\n213 End of status.\r\n');
    });
  });

  it('STAT of a folder has its entries only', async () => {
    await rooted(async (client) => {
      const { raw } = await client.command('STAT sub', 213);
      expect(raw.split('\r\n').slice(1, 4)).toEqual([
        ' drwxr-xr-x   4 ftp ftp 4096 Jan 02 03:04 .',
        ' -rw-r--r--   1 ftp ftp    6 Jan 02 03:04 a.txt',
        ' lrwxrwxrwx   1 ftp ftp   15 Jan 02  2020 out',
      ]);
    });
  });

  it('FEAT has features without the words of the backend', async () => {
    await rooted(async (client) => {
      const { raw } = await client.command('FEAT', 211);
      expect(raw.split('\r\n')).toEqual(
        expect.arrayContaining([' MLST type*;size*;', ' SIZE', ' REST STREAM', ' UTF8']),
      );
    });
  });
});

describe('records', () => {
  it('have the path of the backend and that of the client', async () => {
    const folder = new AuditFolder();
    const options = { ...ROUTED, audit: { file: folder.file, xferlog: folder.xferlog, hash: 'sha256' } };
    try {
      await rooted(async (client, { logs }) => {
        await client.command('CWD sub', 250);
        await client.download('RETR deep/../a.txt');
        expect(await folder.one('transfer')).toMatchObject({
          path: `${ROOT}/sub/a.txt`,
          clientPath: '/sub/a.txt',
          argument: 'deep/../a.txt',
          bytes: 6,
        });
        expect(await logs.until({ event: 'transfer' })).toMatchObject({
          path: 'deep/../a.txt',
          backendPath: `${ROOT}/sub/a.txt`,
        });
        await client.command('DELE /a.txt', 200);
        expect(await folder.one('command')).toMatchObject({
          verb: 'DELE',
          path: `${ROOT}/a.txt`,
          clientPath: '/a.txt',
        });
        await client.command('SIZE /out/x', 550);
        expect(await folder.one('command-denied')).toMatchObject({
          ...{ rule: 'root', cause: 'path-outside-root', reply: 550 },
          ...{ path: `${ROOT}/out/x`, clientPath: '/out/x' },
        });
      }, options);
      expect(readFileSync(folder.xferlog, 'utf8')).toContain(` ${ROOT}/sub/a.txt `);
    } finally {
      folder.remove();
    }
  });
});

describe('the root of', () => {
  it('a decision takes the place of that of the route', async () => {
    await withDecidedRoot(`${ROOT}/sub`, async (client, { backend }) => {
      await client.command('CWD deep', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/deep" is the current directory.');
      expect(backend.commands).toContain(`CWD ${ROOT}/sub/deep`);
    });
  });

  it('a decision may be none', async () => {
    await withDecidedRoot(null, async (client) => {
      expect((await client.command('PWD', 257)).text).toContain('"/" is where you are.');
      expect((await client.command('NOOP', 200)).text).toBe(TELLS);
    });
  });

  it('a decision that is no folder lets nobody in', async () => {
    await expect(withDecidedRoot('../acme', async () => {})).rejects.toThrow('expected 230');
  });

  it('a running session stays when the configuration changes', async () => {
    await rooted(async (client, house) => {
      await house.reload({ routes: [{ backends: ['legacy'], root: `${ROOT}/sub` }] });
      await client.command('CWD sub', 250);
      const later = await house.loggedIn();
      await later.command('CWD sub', 550);
      await later.command('CWD deep', 250);
      expect((await client.command('PWD', 257)).text).toBe('"/sub" is the current directory.');
    });
  });
});

async function withDecidedRoot(
  root: string | null,
  play: (client: ScriptedClient, house: House) => Promise<void>,
): Promise<void> {
  const service = createServer((_request, response) => response.end(JSON.stringify({ decision: 'allow', root })));
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  try {
    await withGateway({ ...ROUTED, decisionHook: { url } }, async (house) => {
      makeItTell(house.backend);
      await play(await house.loggedIn(), house);
    });
  } finally {
    service.closeAllConnections();
    service.close();
    await once(service, 'close');
  }
}
