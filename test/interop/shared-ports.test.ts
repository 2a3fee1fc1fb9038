/** Many connections from one address over fewer passive ports than they need: they share, told apart by their TLS sessions. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { type Packages, provideDebianPackages } from '../support/debian-packages.ts';
import { runProgram } from '../support/processes.ts';
import type { Backend } from './backends/backend.ts';
import { proftpd } from './backends/proftpd.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { expectSuccess, type Target, type TlsVersion } from './clients/client.ts';
import {
  basicFtpSessions,
  type Errand,
  lftpSessions,
  type ManySessions,
  opensslSessions,
  pythonSessions,
  type Start,
} from './clients/many-sessions.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { describeInterop, fileHash, writeRandomFile } from './test-bed.ts';

const LIMIT = 120_000;
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

await describeInterop('shared passive ports', (bed) => {
  let backend: Backend;
  let gateway: InteropGateway;

  async function start(passivePorts: number): Promise<void> {
    gateway = await startGateway({ backendPort: backend.port, passivePorts });
  }

  /** Local files of 3 KiB, by name. */
  async function writeFiles(folder: string, count: number): Promise<readonly string[]> {
    await mkdir(folder, { recursive: true });
    const names = Array.from({ length: count }, (_, index) => `file-${index}`);
    for (const name of names) await writeRandomFile(join(folder, name), 3000);
    return names;
  }

  async function expectSameFiles(here: string, there: string, names: readonly string[]): Promise<void> {
    expect((await readdir(there)).sort()).toEqual([...names].sort());
    for (const name of names) expect(await readFile(join(there, name))).toEqual(await readFile(join(here, name)));
  }

  /** Lets so many sessions begin at the same time, when all of them are there. */
  async function allAtOnce(file: string, count: number, work: (begin: Start) => Promise<void>[]): Promise<void> {
    const { promise: given, resolve: give } = Promise.withResolvers<void>();
    const working = work({ file, given });
    const active = () => gateway.metric('sallyport_sessions_active');
    const allIn = vi.waitFor(async () => expect(await active()).toBe(count), { timeout: LIMIT / 2, interval: 20 });
    try {
      await Promise.race([allIn, Promise.all(working)]);
    } finally {
      await writeFile(file, '');
      give();
      await Promise.allSettled(working);
    }
    await Promise.all(working);
  }

  beforeEach(async () => {
    backend = await proftpd.start(bed.packages);
  });

  afterEach(async () => {
    await gateway?.expectQuiet();
    await gateway?.stop();
    await backend?.stop();
  });

  describe.each(VERSIONS)('%s', (version) => {
    it(
      'lftp mirror with ten connections at once goes both ways over one port',
      async () => {
        await start(1);
        const here = join(bed.folder, `mirror-${version}`);
        const back = join(bed.folder, `mirror-back-${version}`);
        const names = await writeFiles(here, 60);
        const script = [
          ...settings(gateway.target('explicit', version)),
          `mirror --reverse --parallel=10 ${here} up`,
          `mirror --parallel=10 up ${back}`,
          'exit 0',
        ].join('\n');
        const env = bed.packages.environment('/nonexistent');
        const options = { env, input: `${script}\n`, limit: LIMIT };
        expectSuccess('lftp', await runProgram(bed.packages.path('usr/bin/lftp'), ['--norc'], options));
        await expectSameFiles(here, join(backend.home, 'up'), names);
        await expectSameFiles(here, back, names);
        expect(await gateway.metric('sallyport_transfers_total', { outcome: 'failed' })).toBe(0);
      },
      LIMIT,
    );

    it(
      'a hundred sessions of four programs at once each get their own files over one port, all resuming',
      async () => {
        const openssl = await provideOpenssl();
        // ProFTPD would need a process for each session.
        await backend.stop();
        backend = await pyftpdlib.start(bed.packages);
        await start(1);
        onTestFailed(() => gateway.showLog());
        const programs: readonly (readonly [string, ManySessions])[] = [
          ['python', pythonSessions(bed.packages)],
          ['lftp', lftpSessions(bed.packages)],
          ['basic-ftp', basicFtpSessions],
          ['openssl', opensslSessions(openssl)],
        ];
        const folder = join(bed.folder, `hundred-${version}`);
        const work = await Promise.all(
          programs.map(async ([name, sessions]) => ({
            sessions,
            errands: await errandsOf(join(folder, name), name, 25),
          })),
        );
        await allAtOnce(join(folder, 'start'), 100, (begin) =>
          work.map(({ sessions, errands }) => sessions(gateway.target('explicit', version), errands, begin)),
        );
        for (const { local, remote, back } of work.flatMap(({ errands }) => errands)) {
          const hash = await fileHash(local);
          expect(await fileHash(join(backend.home, remote)), remote).toBe(hash);
          expect(await fileHash(back), `${remote} as downloaded`).toBe(hash);
        }
        const handshakes = (resumed: string) =>
          gateway.metric('sallyport_tls_handshakes_total', { side: 'client', channel: 'data', resumed });
        expect([await handshakes('true'), await handshakes('false')]).toEqual([200, 0]);
        expect(await gateway.metric('sallyport_transfers_total', { outcome: 'completed' })).toBe(200);
        expect(await gateway.metric('sallyport_transfers_total')).toBe(200);
      },
      LIMIT,
    );
  });

  it(
    'curl --parallel fetches 500 files over two ports',
    async () => {
      await start(2);
      const here = join(bed.folder, 'parallel');
      const names = await writeFiles(backend.home, 500);
      await mkdir(here);
      const { host, port, authority, user, password } = gateway.target('explicit', 'TLSv1.2');
      const words = ['--silent', '--show-error', '--fail', '--parallel', '--parallel-max', '10', '--retry', '3'];
      words.push('--ssl-reqd', '--tls-max', '1.2', '--cacert', authority, '--user', `${user}:${password}`);
      for (const name of names) words.push('--output', join(here, name), `ftp://${host}:${port}/${name}`);
      const env = bed.packages.environment('/nonexistent');
      expectSuccess('curl', await runProgram(bed.packages.path('usr/bin/curl'), words, { env, limit: LIMIT }));
      await expectSameFiles(backend.home, here, names);
    },
    LIMIT,
  );
});

/** OpenSSL's own program, from a package beside those of the other programs. */
async function provideOpenssl(): Promise<Packages> {
  const folder = join(import.meta.dirname, '.packages', 'openssl');
  const found = await provideDebianPackages({ folder, wanted: ['openssl'], mustLoad: ['usr/bin/openssl'] });
  if (typeof found === 'string') throw new Error(`no openssl: ${found}`);
  return found;
}

/** Local files of 3 KiB for so many sessions, to be uploaded and downloaded. */
async function errandsOf(folder: string, name: string, count: number): Promise<readonly Errand[]> {
  await mkdir(folder, { recursive: true });
  const errands = Array.from({ length: count }, (_, index): Errand => {
    const local = join(folder, `${index}`);
    return { local, remote: `${name}-${index}`, back: `${local}.back` };
  });
  for (const { local } of errands) await writeRandomFile(local, 3000);
  return errands;
}

function settings({ host, port, tls, authority, user, password }: Target): string[] {
  const version = tls === 'TLSv1.2' ? 'TLS1.2' : 'TLS1.3';
  return [
    'set cmd:fail-exit yes',
    'set net:max-retries 1',
    'set net:timeout 20',
    'set net:connection-limit 10',
    'set ftp:ssl-force yes',
    'set ftp:ssl-protect-data yes',
    `set ssl:ca-file ${authority}`,
    `set ssl:priority "NORMAL:-VERS-ALL:+VERS-${version}"`,
    `open -u ${user},${password} ftp://${host}:${port}`,
  ];
}
