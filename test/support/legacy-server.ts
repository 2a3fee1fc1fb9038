/**
 * The default behaviour of the scripted backend: a well-behaved FTP server over files in memory, in the manner of
 * old servers: it accepts the data connection before it says 150. Knows nothing of sockets beyond its session.
 */
import type { BackendSession, CommandHandler } from './backend-session.ts';
import { PASSWORD } from './scripted-client.ts';

/** An upload as the server saw it. `complete` only when the data ended by FIN and nobody said ABOR. */
export interface Upload {
  readonly name: string;
  readonly bytes: Buffer;
  readonly complete: boolean;
}

/** What the server keeps. */
export interface LegacyState {
  readonly files: Map<string, Buffer>;
  readonly uploads: Upload[];
  readonly features: readonly string[];
}

const PATH = (session: BackendSession, name: string): string =>
  name.startsWith('/') ? name : `${session.facts.get('cwd') ?? '/'}/${name}`.replace(/^\/+/, '/');

/** Handlers by verb. Unknown verbs answer 500. */
export function legacyHandlers(state: LegacyState): ReadonlyMap<string, CommandHandler> {
  const say =
    (code: number, text: string): CommandHandler =>
    (session) =>
      session.reply(code, text);
  return new Map<string, CommandHandler>([
    ...sessionHandlers(),
    ...fileHandlers(state),
    ...transferHandlers(state),
    [
      'FEAT',
      (session) => session.raw(`211-Features:\r\n${state.features.map((f) => ` ${f}\r\n`).join('')}211 End\r\n`),
    ],
    ['SYST', say(215, 'UNIX Type: L8')],
    ['NOOP', say(200, 'NOOP ok.')],
    ['OPTS', say(200, 'OPTS ok.')],
    ['CLNT', say(200, 'Noted.')],
    ['HELP', say(214, 'Help ok.')],
    ['STAT', say(211, 'All is well.')],
    ['SITE', say(200, 'SITE ok.')],
    ['ALLO', say(202, 'ALLO not needed.')],
    ['MODE', (session, { argument }) => session.reply(argument.toUpperCase() === 'S' ? 200 : 504, 'MODE.')],
    ['STRU', (session, { argument }) => session.reply(argument.toUpperCase() === 'F' ? 200 : 504, 'STRU.')],
    ['TYPE', (session, { argument }) => session.reply(/^(A|I|L 8)/i.test(argument) ? 200 : 504, `TYPE ${argument}.`)],
    ['', say(500, 'Empty.')],
  ]);
}

function sessionHandlers(): [string, CommandHandler][] {
  return [
    [
      'USER',
      (session, { argument }) => {
        session.facts.set('user', argument);
        session.reply(331, 'Please specify the password.');
      },
    ],
    [
      'PASS',
      (session, { argument }) => {
        const right = argument === PASSWORD && session.facts.has('user');
        session.reply(right ? 230 : 530, right ? 'Login successful.' : 'Login incorrect.');
      },
    ],
    ['ACCT', (session) => session.reply(230, 'Account accepted.')],
    [
      'AUTH',
      (session) => {
        if (!session.hasTls) return session.reply(500, 'Unknown.');
        session.reply(234, 'Begin TLS.');
        session.secure();
      },
    ],
    ['PBSZ', (session) => session.reply(session.hasTls ? 200 : 500, 'PBSZ=0.')],
    [
      'PROT',
      (session, { argument }) => {
        if (!session.hasTls) return session.reply(500, 'Unknown.');
        session.facts.set('protection', argument);
        session.reply(200, 'Protected.');
      },
    ],
    [
      'QUIT',
      (session) => {
        session.reply(221, 'Goodbye.');
        session.end();
      },
    ],
  ];
}

function fileHandlers({ files }: LegacyState): [string, CommandHandler][] {
  const withFile =
    (answer: (session: BackendSession, name: string, file: Buffer) => void): CommandHandler =>
    (session, { argument }) => {
      const name = PATH(session, argument);
      const file = files.get(name);
      if (file) answer(session, name, file);
      else session.reply(550, 'No such file.');
    };
  const ofFile = withFile((session, name) => session.raw(`250-Listing\r\n type=file; ${name}\r\n250 End\r\n`));
  return [
    ['PWD', (session) => session.reply(257, `"${session.facts.get('cwd') ?? '/'}" is the current directory.`)],
    [
      'CWD',
      (session, { argument }) => {
        session.facts.set('cwd', PATH(session, argument));
        session.reply(250, 'Directory changed.');
      },
    ],
    [
      'CDUP',
      (session) => {
        session.facts.set('cwd', '/');
        session.reply(250, 'Directory changed.');
      },
    ],
    ['MKD', (session, { argument }) => session.reply(257, `"${PATH(session, argument)}" created.`)],
    ['RMD', (session) => session.reply(250, 'Directory removed.')],
    ['SIZE', withFile((session, _name, file) => session.reply(213, String(file.length)))],
    ['MDTM', withFile((session) => session.reply(213, '20240102030405'))],
    [
      'MLST',
      (session, command) => {
        if (command.argument === '') return session.raw('250-Listing\r\n type=cdir; .\r\n250 End\r\n');
        return ofFile(session, command);
      },
    ],
    [
      'DELE',
      withFile((session, name) => {
        files.delete(name);
        session.reply(250, 'Deleted.');
      }),
    ],
    [
      'RNFR',
      withFile((session, name) => {
        session.facts.set('rename', name);
        session.reply(350, 'Ready for RNTO.');
      }),
    ],
    [
      'RNTO',
      (session, { argument }) => {
        const from = session.facts.get('rename');
        const file = files.get(from ?? '');
        session.facts.delete('rename');
        if (from === undefined || !file) return session.reply(503, 'RNFR first.');
        files.delete(from);
        files.set(PATH(session, argument), file);
        session.reply(250, 'Renamed.');
      },
    ],
  ];
}

function transferHandlers(state: LegacyState): [string, CommandHandler][] {
  const listing: CommandHandler = (session, command) => {
    const names = [...state.files.keys()].map((name) => name.slice(1));
    const long = (name: string): string =>
      `-rw-r--r-- 1 ftp ftp ${state.files.get(`/${name}`)?.length} Jan 02 03:04 ${name}`;
    const lines = command.verb === 'LIST' ? names.map(long) : names;
    return send(session, Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'), 'Here comes the listing.');
  };
  const receive: CommandHandler = async (session, { verb, argument }) => {
    const name = verb === 'STOU' ? '/unique.1' : PATH(session, argument);
    const before = verb === 'APPE' ? (state.files.get(name) ?? Buffer.alloc(0)) : Buffer.alloc(0);
    const data = await session.accept();
    session.reply(150, verb === 'STOU' ? 'FILE: unique.1' : 'Ok to send data.');
    session.facts.delete('aborted');
    session.run(async () => {
      const ending = await data.ending;
      const complete = ending === 'fin' && !session.facts.has('aborted');
      const bytes = Buffer.concat([before, data.received]);
      state.uploads.push({ name, bytes: data.received, complete });
      data.socket.destroy();
      if (session.facts.has('aborted')) return;
      if (complete) state.files.set(name, bytes);
      session.reply(complete ? 226 : 426, complete ? 'Transfer complete.' : 'Failure reading network stream.');
    });
  };
  return [
    ['EPSV', async (session) => session.reply(229, `Entering Extended Passive Mode (|||${await session.listen()}|)`)],
    [
      'PASV',
      async (session) => {
        const port = await session.listen();
        const numbers = `${session.address.replaceAll('.', ',')},${port >> 8},${port & 255}`;
        session.reply(227, `Entering Passive Mode (${numbers}).`);
      },
    ],
    [
      'PORT',
      (session, { argument }) => {
        const numbers = argument.split(',').map(Number);
        const [high = 0, low = 0] = numbers.slice(4);
        session.aim(numbers.slice(0, 4).join('.'), high * 256 + low);
        session.reply(200, 'PORT command successful.');
      },
    ],
    [
      'EPRT',
      (session, { argument }) => {
        const [, , host = '', port] = argument.split('|');
        session.aim(host, Number(port));
        session.reply(200, 'EPRT command successful.');
      },
    ],
    [
      'REST',
      (session, { argument }) => {
        session.facts.set('rest', argument);
        session.reply(350, `Restart position accepted (${argument}).`);
      },
    ],
    [
      'RETR',
      (session, { argument }) => {
        const file = state.files.get(PATH(session, argument));
        const rest = Number(session.facts.get('rest') ?? 0);
        session.facts.delete('rest');
        if (!file) return session.reply(550, 'Failed to open file.');
        return send(session, file.subarray(rest), `Opening data connection for ${argument} (${file.length} bytes).`);
      },
    ],
    ['LIST', listing],
    ['NLST', listing],
    ['MLSD', listing],
    ['STOR', receive],
    ['APPE', receive],
    ['STOU', receive],
    ['ABOR', abort],
  ];
}

async function send(session: BackendSession, bytes: Buffer, text: string): Promise<void> {
  const data = await session.accept();
  session.reply(150, text);
  session.facts.delete('aborted');
  session.run(async () => {
    const sent = bytes.length === 0 || (await data.write(bytes));
    data.end();
    const whole = sent && (await data.ending) === 'fin';
    data.socket.destroy();
    if (session.facts.has('aborted')) return;
    session.reply(whole ? 226 : 426, whole ? 'Transfer complete.' : 'Failure writing network stream.');
  });
}

/** ABOR as most servers do it: 426 for the transfer, 226 for ABOR; 225 when nothing was running. */
function abort(session: BackendSession): void {
  session.unlisten();
  if (!session.transfer) {
    session.reply(225, 'No transfer to abort.');
    return;
  }
  session.facts.set('aborted', 'yes');
  session.lastData.socket.destroy();
  session.reply(426, 'Transfer aborted.');
  session.reply(226, 'Abort successful.');
}
