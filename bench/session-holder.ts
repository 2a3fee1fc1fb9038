/**
 * Opens FTPS sessions and holds them, idle, with a download that it does not read, or with an upload that nobody reads. Runs as a process of its own, so that its sockets are
 * not counted; told by lines of JSON what to open, and ends with its input.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls, type TLSSocket } from 'node:tls';

interface Order {
  readonly port: number;
  /** So many more are opened. */
  readonly sessions: number;
  /** The transfer that every session which is idle then begins. */
  readonly transfers: 'none' | 'downloads' | 'uploads';
}

/** So many log in at once. */
const AT_ONCE = 20;
const held: Socket[] = [];
const idle: IdleSession[] = [];

interface IdleSession {
  readonly control: TLSSocket;
  readonly replies: Replies;
}

/** Reads replies of one line each. */
class Replies {
  readonly #lines: AsyncIterator<string>;

  constructor(socket: Socket) {
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  async expect(code: string): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done || !String(value).startsWith(code)) throw new Error(`${code} expected, got ${value}`);
    return String(value);
  }
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk) => resolve(chunk.toString('latin1')));
    socket.once('close', () => reject(new Error('closed')));
  });
}

function secure(socket: Socket): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const wrapped = connectTls({ socket, rejectUnauthorized: false }, () => resolve(wrapped));
    wrapped.once('error', reject);
  });
}

async function logIn(port: number): Promise<void> {
  const raw = connect(port, '127.0.0.1');
  await firstLine(raw);
  raw.write('AUTH TLS\r\n');
  await firstLine(raw);
  raw.removeAllListeners('close');
  const control = await secure(raw);
  const replies = new Replies(control);
  for (const [line, code] of [
    ['USER alice', '331'],
    ['PASS secret', '230'],
    ['PBSZ 0', '200'],
    ['PROT P', '200'],
  ] as const) {
    control.write(`${line}\r\n`);
    await replies.expect(code);
  }
  idle.push({ control, replies });
}

const BLOCK = Buffer.alloc(65_536, 1);

/** Starts a download and reads nothing of it, or an upload and sends as much as the gateway takes. */
async function stall({ control, replies }: IdleSession, transfers: 'downloads' | 'uploads'): Promise<void> {
  control.write('EPSV\r\n');
  const port = Number(/\|(\d+)\|/.exec(await replies.expect('229'))?.[1]);
  const raw = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => raw.once('connect', () => resolve()));
  control.write(transfers === 'downloads' ? 'RETR endless\r\n' : 'STOR endless\r\n');
  await replies.expect('150');
  const data = await secure(raw);
  data.pause();
  if (transfers === 'uploads') pour(data);
  held.push(control, data);
}

/** Sends until nobody takes any more. */
function pour(socket: Socket): void {
  const go = () => {
    while (socket.write(BLOCK)) {}
  };
  socket.on('drain', go);
  go();
}

async function open({ port, sessions, transfers }: Order): Promise<void> {
  let left = sessions;
  const worker = async () => {
    while (left-- > 0) await logIn(port);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, sessions) }, worker));
  if (transfers !== 'none') for (const session of idle.splice(0)) await stall(session, transfers);
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await open(JSON.parse(line) as Order).then(
    () => ({}),
    (error: Error) => ({ error: error.message }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();
