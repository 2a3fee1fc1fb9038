/**
 * What handing a data connection on to another replica costs: two gateways as replicas of each other, a client whose control connection is with one
 * and whose data connections go to the other. Prints CPU seconds for each GiB of both; docs/scaling.md has the figures. Run with
 * `npm run build && node bench/hand-over.ts`.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { freePorts } from '../test/interop/free-ports.ts';
import { writeCertificates } from './certificates.ts';
import { JsonProcess, numberIn } from './json-process.ts';
import { cpuOfTree } from './process-tree.ts';

const MAIN = join(import.meta.dirname, '../dist/cli/main.js');
const GIBIBYTE = 2 ** 30;
const ADDRESSES = ['127.0.0.1', '127.0.0.2'] as const;

const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
const { cert, key } = await writeCertificates(folder);
const backend = new JsonProcess(process.execPath, [join(import.meta.dirname, 'stub-backend.ts')]);
const backendPort = numberIn(await backend.next(), 'port');
const first = await freePorts(8);
const peers = ADDRESSES.map((_, index) => `127.0.0.1:${first + index}`);
const gateways = await Promise.all(ADDRESSES.map((address, index) => start(address, index)));

try {
  for (const [name, address] of [
    ['its own replica', ADDRESSES[0]],
    ['another replica', ADDRESSES[1]],
  ] as const) {
    const before = await Promise.all(gateways.map(({ pid }) => cpuOfTree(pid ?? 0)));
    await download(address, GIBIBYTE);
    const after = await Promise.all(gateways.map(({ pid }) => cpuOfTree(pid ?? 0)));
    const used = after.map((cpu, index) => (cpu - (before[index] ?? 0)).toFixed(2));
    process.stdout.write(
      `download through ${name}: ${used[0]} s of the owner, ${used[1]} s of the other, for each GiB\n`,
    );
  }
} finally {
  for (const gateway of gateways) gateway.kill('SIGKILL');
  await backend.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Starts one replica; resolves when it and the other one know each other. */
async function start(address: string, index: number) {
  const file = join(folder, `${index}.yaml`);
  await writeFile(
    file,
    `listeners: [{ name: public, address: ${address}, port: ${first + 2 + index} }]
tls: { certificates: [{ cert: ${cert}, key: ${key} }] }
data: { passive: { ports: ${first + 4}-${first + 7} } }
backends: [{ name: legacy, host: 127.0.0.1, port: ${backendPort} }]
replication:
  index: ${index}
  count: 2
  peers: [${peers.join(', ')}]
  listen: { address: 127.0.0.1, port: ${first + index} }
  key: "0123456789abcdef0123456789abcdef"
admin: { port: 0 }
log: { level: info }
`,
  );
  const gateway = spawn(process.execPath, [MAIN, 'serve', '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: gateway.stdout })) {
    if (line.includes('"replica-up"')) {
      gateway.stdout.resume();
      return gateway;
    }
  }
  throw new Error('the gateway has ended');
}

/** Downloads so many bytes with a session at the first replica, over a data connection to that address. */
async function download(address: string, bytes: number): Promise<void> {
  const raw = connect(first + 2, ADDRESSES[0]);
  await line(raw);
  raw.write('AUTH TLS\r\n');
  await line(raw);
  const control = await secure(raw);
  const replies = createInterface({ input: control })[Symbol.asyncIterator]();
  const say = async (command: string) => {
    control.write(`${command}\r\n`);
    return String((await replies.next()).value);
  };
  for (const command of ['USER alice', 'PASS secret', 'PBSZ 0', 'PROT P']) await say(command);
  const port = Number(/\|(\d+)\|/.exec(await say('EPSV'))?.[1]);
  const plain = connect(port, address);
  await new Promise<void>((resolve) => plain.once('connect', () => resolve()));
  if (!(await say('RETR endless')).startsWith('150')) throw new Error('no download');
  const data = await secure(plain);
  let left = bytes;
  for await (const chunk of data) {
    left -= (chunk as Buffer).length;
    if (left <= 0) break;
  }
  data.destroy();
  control.destroy();
}

function line(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('data', () => resolve()));
}

function secure(socket: Socket): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const wrapped = connectTls({ socket, rejectUnauthorized: false }, () => resolve(wrapped));
    wrapped.once('error', reject);
  });
}
