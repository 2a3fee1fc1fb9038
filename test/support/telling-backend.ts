/**
 * Makes a scripted backend tell of its whole tree wherever it can: in every text, in listings, in facts, in its farewell. Its tree is
 * fixed: a partner's folder among others, and links out of it.
 */
import type { BackendSession, CommandHandler } from './backend-session.ts';
import type { ScriptedBackend } from './scripted-backend.ts';
import { PASSWORD } from './scripted-client.ts';

/** The partner's folder. */
export const ROOT = '/partners/acme';
/** What nobody who is confined to that folder may read anywhere. */
export const SECRETS = /partners|rival|acme|upstairs/i;
/** In every text of the backend. */
export const TELLS = '/partners/acme/x and /partners/rival/plan.pdf, upstairs "/partners" (/partners/rival)';

const FOLDERS: ReadonlyMap<string, string> = new Map([
  ['/', '/'],
  ['/partners', '/partners'],
  [ROOT, ROOT],
  [`${ROOT}/sub`, `${ROOT}/sub`],
  [`${ROOT}/sub/deep`, `${ROOT}/sub/deep`],
  [`${ROOT}/a "b" c`, `${ROOT}/a "b" c`],
  [`${ROOT}/in`, `${ROOT}/sub`],
  [`${ROOT}/out`, '/partners/rival'],
  [`${ROOT}/up`, '/partners'],
  ['/partners/rival', '/partners/rival'],
]);

const LONG = [
  'total 24',
  'drwxr-xr-x   4 ftp ftp 4096 Jan 02 03:04 .',
  'drwxr-xr-x   9 upstairs ftp 4096 Jan 02 03:04 ..',
  '-rw-r--r--   1 ftp ftp    6 Jan 02 03:04 a.txt',
  'lrwxrwxrwx   1 ftp ftp   15 Jan 02  2020 out -> /partners/rival',
  'lrwxrwxrwx   1 ftp ftp    8 Jan 02  2020 up -> ../../partners',
  'lrwxrwxrwx   1 ftp ftp    3 Jan 02  2020 in -> sub',
  '-rw-r--r--   1 ftp ftp    6 Jan 02 03:04 /partners/rival/plan.pdf',
  '',
  '/partners/rival:',
  '/partners/acme/sub:',
  'ls: /partners/rival: Permission denied',
];
const FACTS = [
  'type=cdir;perm=el; /partners/acme',
  'type=pdir;x.name=upstairs; /partners',
  'type=file;size=6;x.home=/partners/rival; a.txt',
  'type=OS.unix=slink:/partners/rival;size=8; out',
  'type=dir; /partners/rival',
];
const NAMES = ['a.txt', 'sub', '/partners/acme/b.txt', '/partners/rival/plan.pdf', 'ls: /partners: no'];

/** Where a path of a command is: what the backend makes of it, links followed. */
function placeOf(session: BackendSession, argument: string): string | undefined {
  const from = argument.startsWith('/') ? argument : `${session.facts.get('cwd') ?? '/'}/${argument}`;
  return FOLDERS.get(from);
}

/** Replaces every answer of the backend. Known verbs succeed, others fail, and all of them tell. */
export function makeItTell(backend: ScriptedBackend): void {
  backend.onConnect((session) => session.raw(`220-Welcome to ${TELLS}\r\n220 ${TELLS}\r\n`));
  const say =
    (code: number, text = TELLS): CommandHandler =>
    (session) =>
      session.reply(code, text);
  const listing =
    (lines: readonly string[]): CommandHandler =>
    async (session) => {
      const data = await session.accept();
      session.reply(150, `Here is ${TELLS}`);
      session.run(async () => {
        await data.write(Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'));
        data.end();
        await data.ending;
        data.socket.destroy();
        session.raw(`226-Options for ${TELLS}\r\n226 ${TELLS}\r\n`);
      });
    };
  const upload: CommandHandler = async (session, { verb }) => {
    const data = await session.accept();
    session.reply(150, verb === 'STOU' ? 'FILE: /partners/acme/unique.1' : TELLS);
    session.run(async () => {
      await data.ending;
      data.socket.destroy();
      session.raw(`226-${TELLS}\r\n226 ${TELLS}\r\n`);
    });
  };
  const replies: Record<string, CommandHandler> = {
    USER: say(331),
    PASS: (session, { argument }) =>
      session.raw(`${argument === PASSWORD ? 230 : 530}-${TELLS}\r\n${argument === PASSWORD ? 230 : 530} ${TELLS}\r\n`),
    CWD: (session, { argument }) => {
      const place = placeOf(session, argument);
      if (place === undefined) return session.reply(550, `${argument}: ${TELLS}`);
      session.facts.set('cwd', place);
      session.raw(`250-${TELLS}\r\n250 ${place} ${TELLS}\r\n`);
    },
    PWD: (session) =>
      session.reply(257, `"${(session.facts.get('cwd') ?? '/').replaceAll('"', '""')}" is where you are.`),
    FEAT: (session) =>
      session.raw(
        `211-${TELLS}\r\n EPSV\r\n MLST type*;size*;rival*;x.upstairs;\r\n SIZE ${TELLS}\r\n MDTM\r\n REST STREAM\r\n UTF8 rival\r\n211 End\r\n`,
      ),
    SYST: say(215, `UNIX Type: L8 at ${TELLS}`),
    SIZE: say(213, `6 ${TELLS}`),
    MDTM: say(213, `20240102030405 ${TELLS}`),
    MFMT: say(213, `Modify=20240102030405; ${ROOT}/a.txt`),
    MLST: (session, { argument }) =>
      session.raw(`250-${TELLS}\r\n type=file;size=6;x.home=/partners/rival; ${argument}\r\n250 ${TELLS}\r\n`),
    STAT: (session) => session.raw(`213-${TELLS}\r\n${LONG.map((line) => ` ${line}\r\n`).join('')}213 ${TELLS}\r\n`),
    MKD: (session, { argument }) => session.reply(257, `"${argument}" ${TELLS}`),
    RNFR: say(350),
    REST: say(350),
    LIST: listing(LONG),
    MLSD: listing(FACTS),
    NLST: listing(NAMES),
    RETR: async (session) => {
      const data = await session.accept();
      session.reply(150, `Opening ${TELLS} (6 bytes).`);
      session.run(async () => {
        await data.write(Buffer.from('hello\n'));
        data.end();
        await data.ending;
        data.socket.destroy();
        session.reply(226, TELLS);
      });
    },
    STOR: upload,
    APPE: upload,
    STOU: upload,
  };
  for (const verb of ['XPWD', 'XCWD', 'XMKD']) replies[verb] = replies[verb.slice(1)] ?? say(500);
  for (const verb of [
    'RMD',
    'XRMD',
    'DELE',
    'RNTO',
    'NOOP',
    'OPTS',
    'CLNT',
    'SITE',
    'TYPE',
    'ALLO',
    'HELP',
    'CDUP',
    'XCUP',
    'ACCT',
  ])
    replies[verb] = say(200);
  for (const [verb, handler] of Object.entries(replies)) backend.on(verb, handler);
}
