/**
 * The commands of the demo backend that move bytes: what each sends or stores once its data connection stands.
 * Knows nothing of how that connection is made, nor of the control connection. Files are never translated (TYPE A is as TYPE I).
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { type BackendState, entriesOf, openFile, pathOf, requireDirectory } from './backend-state.ts';
import { type Entry, factsOf, listLine } from './listing.ts';

/** A transfer that may begin: its file is open, or its listing is ready. */
export interface PreparedTransfer {
  /** Text of the 150 reply. */
  readonly announcement: string;
  /** Moves the bytes; rejects when the data connection or the file fails, or `signal` is aborted. Ends the socket. */
  run(socket: Socket, signal: AbortSignal): Promise<void>;
  /** Releases the file, whether it ran or not. */
  close(): Promise<void>;
}

/** Makes a transfer ready. An error it rejects with is one of the file system. */
export type TransferCommand = (state: BackendState, argument: string) => Promise<PreparedTransfer>;

/** Commands by verb. */
export const TRANSFER_COMMANDS: Readonly<Record<string, TransferCommand>> = {
  RETR: async (state, argument) =>
    download(await openFile(state, pathOf(state, argument), constants.O_RDONLY), state.restart),
  STOR: (state, argument) => {
    const start = state.restart;
    return store(state, pathOf(state, argument), start === 0 ? constants.O_TRUNC : 0, { start });
  },
  APPE: (state, argument) => store(state, pathOf(state, argument), constants.O_APPEND),
  STOU: (state) => {
    const name = `upload-${randomBytes(6).toString('hex')}`;
    // RFC 1123 §4.1.2.9: the name is told in the preliminary reply, in this form.
    return store(state, pathOf(state, name), constants.O_EXCL, { announcement: `FILE: ${name}` });
  },
  // Clients pass options of `ls` on: "LIST -la directory".
  LIST: (state, argument) => listing(state, withoutOptions(argument), (entry) => listLine(entry)),
  NLST: (state, argument) => listing(state, withoutOptions(argument), ({ name }) => name),
  MLSD: async (state, argument) => {
    await requireDirectory(state, pathOf(state, argument));
    return listing(state, argument, (entry) => `${factsOf(entry, state.facts)} ${entry.name}`);
  },
};

function withoutOptions(argument: string): string {
  return argument.replace(/^-\w+( |$)/, '');
}

function download(file: FileHandle, start: number): PreparedTransfer {
  return {
    announcement: 'Sending the file.',
    run(socket, signal) {
      socket.resume();
      return pipeline(file.createReadStream({ start, highWaterMark: 262_144 }), socket, { signal });
    },
    close: () => file.close(),
  };
}

async function store(
  state: BackendState,
  path: string,
  flags: number,
  options: { readonly start?: number; readonly announcement?: string } = {},
): Promise<PreparedTransfer> {
  const { start, announcement = 'Ready for the file.' } = options;
  const file = await openFile(state, path, constants.O_WRONLY | constants.O_CREAT | flags);
  return {
    announcement,
    async run(socket, signal) {
      const position = start === undefined ? {} : { start };
      // Plain FTP: the end of the data is the end of the connection, and nothing else.
      await pipeline(socket, file.createWriteStream(position), { signal });
      socket.end();
    },
    close: () => file.close(),
  };
}

async function listing(
  state: BackendState,
  argument: string,
  line: (entry: Entry) => string,
): Promise<PreparedTransfer> {
  const entries = await entriesOf(state, pathOf(state, argument));
  const text = entries.map((entry) => `${line(entry)}\r\n`).join('');
  return {
    announcement: 'Sending the listing.',
    run(socket, signal) {
      socket.resume();
      return pipeline([Buffer.from(text, 'latin1')], socket, { signal });
    },
    close: async () => {},
  };
}
