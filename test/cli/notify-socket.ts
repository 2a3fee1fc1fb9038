/**
 * The end of sd_notify(3) at which systemd listens: a datagram socket of the UNIX family, held by Python because Node has none.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

const RECEIVER = `import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(receiver.recv(4096).decode(), flush=True)
`;

/** Version of systemd's program; undefined where it, or Python, is missing. */
export const SYSTEMD_NOTIFY: string | undefined = found();

/** What was received. */
export interface NotifySocket {
  /** For the program that shall tell. */
  readonly environment: { readonly NOTIFY_SOCKET: string };
  readonly text: string;
  until(pattern: RegExp): Promise<void>;
  close(): Promise<void>;
}

/** Opens a socket. */
export async function notifications(): Promise<NotifySocket> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const path = join(folder, 'notify');
  const child: ChildProcess = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const until = (pattern: RegExp) => expect.poll(() => text, { interval: 10, timeout: 10_000 }).toMatch(pattern);
  await until(/^bound\n/);
  const ended = once(child, 'close');
  return {
    environment: { NOTIFY_SOCKET: path },
    get text() {
      return text;
    },
    until,
    async close() {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function found(): string | undefined {
  const [systemd, python] = ['systemd-notify', 'python3'].map((program) => spawnSync(program, ['--version']));
  return systemd?.status === 0 && python?.status === 0 ? systemd.stdout.toString().split('\n')[0] : undefined;
}
