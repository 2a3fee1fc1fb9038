/** The examples of docs/clients.md, run as they stand; and its table of who resumes TLS sessions. */
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, PASSWORD } from '../interop/backends/backend.ts';
import { pyftpdlib } from '../interop/backends/pyftpdlib.ts';
import { describeInterop, fileHash, writeRandomFile } from '../interop/test-bed.ts';
import { testCertificate } from '../support/certificates.ts';
import type { ProgramResult } from '../support/processes.ts';
import { type ClientBench, startClientBench } from './client-bench.ts';
import { type Block, blocksOf, readDocument } from './documents.ts';
import { provideCommonsNet, providePhp } from './packages.ts';
import { Programs } from './programs.ts';

const DOCUMENT = 'docs/clients.md';
const EXAMPLES = blocksOf(DOCUMENT).filter(({ words }) => words[0] === 'run');
const SIZE = 300_000;
/** Gateways, named after the columns of the table. */
const BENCHES = [
  ['gateway offers TLS 1.3', { maxVersion: 'TLSv1.3', sessionReuse: 'prefer' }],
  ['gateway with `tls.maxVersion: TLSv1.2`', { maxVersion: 'TLSv1.2', sessionReuse: 'prefer' }],
  ['under `sessionReuse: require`', { maxVersion: 'TLSv1.3', sessionReuse: 'require' }],
] as const;
const [RELAXED, OLDER, STRICT] = BENCHES.map(([name]) => name) as [string, string, string];
/** What follows for a gateway that demands it, from who resumes with TLS 1.3 and with 1.2. */
const CONSEQUENCES: Readonly<Record<string, string>> = {
  'all all': 'works',
  'some all': 'with TLS 1.2 only',
  'none none': 'refused',
};

/** Which example a row of the table is about. */
const ROWS: Readonly<Record<string, string>> = {
  'curl, several files': 'curl-several.sh',
  lftp: 'lftp.sh',
  wget: 'wget.sh',
  'Python `ftplib`': 'plain.py',
  'Python, with the class below': 'upload.py',
  'basic-ftp': 'upload.mjs',
  PHP: 'upload.php',
  'Commons Net': 'Upload.java',
  'Commons Net, with the class below': 'Reusing.java',
};

const php = await providePhp();
const commonsNet = await provideCommonsNet();

/** How a file is run, by its extension; undefined where this machine cannot. */
const INTERPRETERS: Readonly<Record<string, string | undefined>> = {
  sh: 'sh -e',
  py: 'python3 -B',
  mjs: 'node',
  php: typeof php === 'string' ? undefined : 'php8.2',
  java: typeof commonsNet === 'string' ? undefined : 'java',
};

const interpreterOf = ({ words: [, file = ''] }: Block) => INTERPRETERS[file.split('.').at(-1) ?? ''];

describe('the table of docs/clients.md', () => {
  it('has an example for every row, and no row too many', () => {
    expect(tableRows().map(([name]) => name)).toEqual(Object.keys(ROWS));
    expect(EXAMPLES.map(({ words }) => words[1])).toEqual(expect.arrayContaining(Object.values(ROWS)));
  });

  it('says of a gateway that demands resumption what follows from the other columns', () => {
    const wrong = tableRows().filter(([, newer, older, strict]) => CONSEQUENCES[`${newer} ${older}`] !== strict);
    expect(wrong).toEqual([]);
  });
});

await describeInterop('the examples of docs/clients.md', ({ packages, folder }) => {
  let backend: Backend;
  let programs: Programs;
  let ca: string;
  const benches = new Map<string, ClientBench>();

  beforeAll(async () => {
    ({ ca } = await testCertificate());
    programs = await Programs.in(folder);
    for (const name of ['curl', 'lftp', 'wget', 'python3']) await programs.addPackaged(packages, `usr/bin/${name}`);
    await programs.add('node', process.execPath);
    if (typeof php !== 'string') await addPhp(programs);
    if (typeof commonsNet !== 'string') await addJava(programs, folder, ca);
    backend = await pyftpdlib.start(packages);
    const started = BENCHES.map(async ([name, options]) => {
      benches.set(name, await startClientBench(folder, { backendPort: backend.port, ...options }));
    });
    await Promise.all(started);
  });
  afterAll(async () => {
    for (const bench of benches.values()) await bench.stop();
    await backend?.stop();
  });

  /** Runs an example; resolves with how it ended and the folder that it ran in. */
  async function perform(example: Block, { explicit, implicit }: ClientBench, variables = '') {
    const place = await mkdtemp(join(folder, 'place-'));
    const report = await writeRandomFile(join(place, 'report.csv'), SIZE);
    for (const month of ['january.csv', 'february.csv']) await copyFile(report, join(place, month));
    await copyFile(ca, join(place, 'ca.crt'));
    await symlink(join(import.meta.dirname, '../../node_modules'), join(place, 'node_modules'));
    await rm(join(backend.home, 'incoming'), { recursive: true, force: true });
    await mkdir(join(backend.home, 'incoming'));
    if (example.words[2] === 'download') await copyFile(report, join(backend.home, 'incoming/report.csv'));
    const file = String(example.words[1]);
    await writeFile(join(place, file), adapted(example, { explicit, implicit }));
    const command = file.endsWith('.java')
      ? `java -Dport=${explicit} ${file.replace('.java', '')}`
      : `${interpreterOf(example)} ${file}`;
    return { place, result: await programs.run(variables + command, place) };
  }

  async function expectFiles(example: Block, place: string, result: ProgramResult): Promise<void> {
    expect(result, `${result.output}\n${result.errors}`).toMatchObject({ code: 0 });
    const wanted = await fileHash(join(place, 'report.csv'));
    const [, , only] = example.words;
    if (only === 'several') {
      for (const month of ['january.csv', 'february.csv'])
        expect(await fileHash(join(backend.home, 'incoming', month))).toBe(wanted);
      return;
    }
    expect(await fileHash(join(backend.home, 'incoming/report.csv'))).toBe(wanted);
    expect(await fileHash(join(place, 'again.csv'))).toBe(wanted);
  }

  for (const example of EXAMPLES) {
    const name = String(example.words[1]);
    const row = tableRows().find(([title = '']) => ROWS[title] === name);
    const gateways = [[RELAXED, 1] as const, ...(row === undefined ? [] : [[OLDER, 2] as const])];
    // PHP and Java are not on every machine.
    it.skipIf(interpreterOf(example) === undefined).each(gateways)(
      `${name} moves files, %s`,
      async (gateway, column) => {
        const bench = benches.get(gateway)!;
        const { place, result } = await perform(example, bench);
        await expectFiles(example, place, result);
        const transfers = await bench.newTransfers();
        expect(transfers.map(({ outcome }) => outcome)).toEqual(transfers.map(() => 'completed'));
        expect(transfers.every(({ clientDataProtection }) => clientDataProtection === 'private')).toBe(true);
        if (row !== undefined) expect(resumption(transfers)).toBe(row[column]);
      },
    );
  }

  // Java is not on every machine.
  it.skipIf(INTERPRETERS['java'] === undefined)(
    'an upload by Commons Net that speaks TLS 1.3 only is not told as complete',
    async () => {
      const example = EXAMPLES.find(({ words }) => words[1] === 'Upload.java')!;
      const bench = benches.get(RELAXED)!;
      await bench.newTransfers();
      const { result } = await perform(example, bench, 'JDK_JAVA_OPTIONS=-Djdk.tls.client.protocols=TLSv1.3 ');
      // The kernel of the client resets the connection; whether that is seen before the end of the data is a matter of time.
      const [transfer] = await bench.newTransfers();
      expect(transfer).toMatchObject({ verb: 'STOR', outcome: 'failed', reply: 426, clientDataTls: 'TLSv1.3' });
      expect(['client-data-truncated', 'client-data-reset']).toContain(transfer?.['cause']);
      expect(result.errors).toContain('426 Your data connection');
    },
  );

  it.each(['plain.py', 'curl-several.sh', 'upload.php'])(`%s is refused ${STRICT}`, async (name) => {
    const example = EXAMPLES.find(({ words }) => words[1] === name)!;
    if (interpreterOf(example) === undefined) return;
    const bench = benches.get(STRICT)!;
    await bench.newTransfers();
    const { result } = await perform(example, bench);
    expect(result.code).not.toBe(0);
    expect((await bench.newTransfers()).at(-1)).toMatchObject({ cause: 'tls-session-not-resumed', reply: 522 });
  });
});

describe.each(Object.entries({ PHP: php, 'Commons Net': commonsNet }))('%s', (_, found) => {
  const reason = typeof found === 'string' ? `: SKIPPED, ${found}` : '';
  // What a machine lacks cannot be run on it; the title says why.
  it.skipIf(reason !== '')(`is on this machine${reason}`, () => {
    expect(found).toHaveProperty('versions');
  });
});

/** Cells of the table of who resumes, without its head. */
function tableRows(): readonly (readonly string[])[] {
  const [, table = ''] = /^\| example \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(readDocument(DOCUMENT)) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function resumption(transfers: readonly Readonly<Record<string, unknown>>[]): string {
  const resumed = transfers.filter(({ clientDataResumed }) => clientDataResumed === true).length;
  if (resumed === 0) return 'none';
  return resumed === transfers.length ? 'all' : 'some';
}

/** Debian's PHP finds its extensions by files of configuration in /etc; the unpacked one must be told. */
async function addPhp(programs: Programs): Promise<void> {
  if (typeof php === 'string') return;
  const folders = await readdir(php.path('usr/lib/php'));
  const extensions = php.path(join('usr/lib/php', String(folders.find((name) => /^\d+$/.test(name)))));
  await programs.addPackaged(php, 'usr/bin/php8.2', ['-n', '-d', `extension_dir=${extensions}`, '-d', 'extension=ftp']);
}

/** Java with Commons Net, and with the authority as the document says it is imported. All examples are compiled at once. */
async function addJava(programs: Programs, folder: string, ca: string): Promise<void> {
  if (typeof commonsNet === 'string') return;
  const text = readDocument(DOCUMENT);
  const [, keytool, trust = ''] = /`(keytool .*?)`,\s+then\s+`(-D.*?)`/.exec(text) ?? [];
  const [, opens = ''] = /It\s+needs\s+`(--add-opens .*?)`/.exec(text) ?? [];
  const jar = commonsNet.path('usr/share/java/commons-net.jar');
  await copyFile(ca, join(folder, 'ca.crt'));
  const sources = EXAMPLES.filter(({ language }) => language === 'java');
  for (const example of sources) {
    const ports = { explicit: 'Integer.getInteger("port")', implicit: '0' };
    await writeFile(join(folder, String(example.words[1])), adapted(example, ports));
  }
  const files = sources.map(({ words }) => words[1]).join(' ');
  const made = await programs.run(`${keytool} -noprompt; javac -cp '${jar}' -d classes ${files}`, folder);
  expect(made, made.errors + made.output).toMatchObject({ code: 0 });
  const words = ['-XX:TieredStopAtLevel=1', '-cp', `${jar}:${join(folder, 'classes')}`];
  const store = trust.replace('trust.p12', join(folder, 'trust.p12')).split(' ');
  await programs.add('java', '/usr/bin/java', [...words, ...store, ...opens.split(' ')]);
}

/** The example for a gateway on this machine. */
function adapted({ text }: Block, { explicit, implicit }: Readonly<Record<'explicit' | 'implicit', unknown>>): string {
  return text
    .replaceAll('ftp.example.com', 'localhost')
    .replaceAll(/\b21\b/g, String(explicit))
    .replaceAll(/\b990\b/g, String(implicit))
    .replaceAll(/\bsecret\b/g, PASSWORD);
}
