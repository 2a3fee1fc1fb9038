/**
 * The commands of the demo backend that need no data connection: each takes the state and an argument and returns the reply.
 */
import { lstat, mkdir, rename, rmdir, unlink, utimes } from 'node:fs/promises';
import { featureReply } from '../wire/features.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { type BackendState, entriesOf, entryOf, pathOf, quotedPath, requireDirectory } from './backend-state.ts';
import { FACTS, factsOf, listLine, parseTimeStamp, timeStamp } from './listing.ts';

/** One command. An error it rejects with is one of the file system. */
export interface FileCommand {
  /** May be used before login. */
  readonly anytime?: true;
  /** Answered 501 without an argument. */
  readonly argument?: 'required';
  run(state: BackendState, argument: string): Reply | Promise<Reply>;
}

/** Commands by verb. */
export const FILE_COMMANDS: Readonly<Record<string, FileCommand>> = {
  USER: {
    anytime: true,
    argument: 'required',
    run(state, argument) {
      state.user = argument;
      state.loggedIn = false;
      return reply(331, 'Any password will do.');
    },
  },
  PASS: {
    anytime: true,
    run(state) {
      if (state.user === undefined) return reply(503, 'Send USER first.');
      state.loggedIn = true;
      return reply(230, 'Logged in.');
    },
  },
  SYST: { anytime: true, run: () => reply(215, 'UNIX Type: L8') },
  NOOP: { anytime: true, run: () => reply(200, 'OK.') },
  HELP: { anytime: true, run: () => reply(214, 'This is the backend of the Sallyport demo.') },
  FEAT: { anytime: true, run: (state) => features(state) },
  OPTS: { anytime: true, argument: 'required', run: setOption },
  TYPE: {
    argument: 'required',
    run: (_, type) => (/^(A|A N|I|L 8)$/i.test(type) ? reply(200, 'Type set.') : reply(504, 'Types are A and I.')),
  },
  MODE: { argument: 'required', run: (_, mode) => only('S', mode) },
  STRU: { argument: 'required', run: (_, structure) => only('F', structure) },
  ALLO: { run: () => reply(202, 'Not needed here.') },
  REST: {
    argument: 'required',
    run(state, argument) {
      if (!/^\d{1,15}$/.test(argument)) return reply(501, 'Not a position.');
      state.restart = Number(argument);
      return reply(350, `Restarting at ${state.restart}.`);
    },
  },
  PWD: { run: ({ directory }) => reply(257, `${quotedPath(directory)} is the current directory.`) },
  CWD: { argument: 'required', run: changeDirectory },
  CDUP: { run: (state) => changeDirectory(state, '..') },
  MKD: {
    argument: 'required',
    async run(state, argument) {
      const path = pathOf(state, argument);
      await mkdir(await state.root.locate(path, 'entry'));
      return reply(257, `${quotedPath(path)} created.`);
    },
  },
  RMD: {
    argument: 'required',
    async run(state, argument) {
      const path = pathOf(state, argument);
      if (path === '/') return reply(550, 'Permission denied.');
      await rmdir(await state.root.locate(path, 'entry'));
      return reply(250, 'Directory removed.');
    },
  },
  DELE: {
    argument: 'required',
    async run(state, argument) {
      const location = await state.root.locate(pathOf(state, argument), 'entry');
      if ((await lstat(location)).isDirectory()) return reply(550, 'Not a regular file.');
      await unlink(location);
      return reply(250, 'File deleted.');
    },
  },
  RNFR: {
    argument: 'required',
    async run(state, argument) {
      const path = pathOf(state, argument);
      if (path === '/') return reply(550, 'Permission denied.');
      await lstat(await state.root.locate(path, 'entry'));
      state.renameFrom = path;
      return reply(350, 'Send RNTO.');
    },
  },
  RNTO: { argument: 'required', run: finishRename },
  SIZE: {
    argument: 'required',
    async run(state, argument) {
      const { kind, size } = await entryOf(state, pathOf(state, argument));
      return kind === 'file' ? reply(213, String(size)) : reply(550, 'Not a regular file.');
    },
  },
  MDTM: {
    argument: 'required',
    run: async (state, argument) => reply(213, timeStamp((await entryOf(state, pathOf(state, argument))).modified)),
  },
  MFMT: { argument: 'required', run: setModified },
  MLST: {
    async run(state, argument) {
      const path = pathOf(state, argument);
      const facts = factsOf(await entryOf(state, path), state.facts);
      return reply(250, 'Listing follows.', ` ${facts} ${path}`, 'End.');
    },
  },
  STAT: {
    async run(state, argument) {
      if (argument === '') return reply(211, 'Sallyport demo backend; no transfer is running.');
      const entries = await entriesOf(state, pathOf(state, argument.replace(/^-\w+ ?/, '')));
      return reply(213, 'Status follows.', ...entries.map((entry) => listLine(entry)), 'End.');
    },
  },
};

/** RFC 3659 §7.8: MLST with every fact it knows, a star behind those in use. */
function features({ facts }: BackendState): Reply {
  const parameters = FACTS.map((fact) => `${fact}${facts.has(fact) ? '*' : ''};`).join('');
  const plain = ['EPSV', 'MDTM', 'MFMT', 'SIZE', 'TVFS', 'UTF8'].map((name) => ({ name, parameters: undefined }));
  return featureReply([...plain, { name: 'MLST', parameters }, { name: 'REST', parameters: 'STREAM' }]);
}

function setOption(state: BackendState, argument: string): Reply {
  const [name = '', ...rest] = argument.split(' ');
  const value = rest.join(' ');
  if (/^utf-?8$/i.test(name)) return reply(200, 'Names are bytes.');
  if (!/^mlst$/i.test(name)) return reply(501, 'No such option.');
  const wanted = value.toLowerCase().split(';');
  state.facts = new Set(FACTS.filter((fact) => wanted.includes(fact)));
  return reply(200, `MLST OPTS ${[...state.facts].map((fact) => `${fact};`).join('')}`);
}

function only(supported: string, asked: string): Reply {
  return asked.toUpperCase() === supported ? reply(200, 'OK.') : reply(504, `Only ${supported} is supported.`);
}

async function changeDirectory(state: BackendState, argument: string): Promise<Reply> {
  const path = pathOf(state, argument);
  await requireDirectory(state, path);
  state.directory = path;
  return reply(250, `Directory is now ${path}`);
}

async function finishRename(state: BackendState, argument: string): Promise<Reply> {
  const from = state.renameFrom;
  if (from === undefined) return reply(503, 'Send RNFR first.');
  state.renameFrom = undefined;
  await rename(await state.root.locate(from, 'entry'), await state.root.locate(pathOf(state, argument), 'entry'));
  return reply(250, 'Renamed.');
}

/** MFMT (draft-somers-ftp-mfxx): sets the time of last modification. */
async function setModified(state: BackendState, argument: string): Promise<Reply> {
  const blank = argument.indexOf(' ');
  const date = blank < 0 ? undefined : parseTimeStamp(argument.slice(0, blank));
  if (date === undefined) return reply(501, 'MFMT YYYYMMDDHHMMSS path');
  const path = pathOf(state, argument.slice(blank + 1));
  await utimes(await state.root.locate(path, 'target'), new Date(), date);
  return reply(213, `Modify=${timeStamp(date)}; ${path}`);
}
