/** Views and access rules with real programs: what clients can still do, and what they cannot, whatever they try. */
import { chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'basic-ftp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { type Backend, type BackendProgram, OWNER } from './backends/backend.ts';
import { proftpd } from './backends/proftpd.ts';
import { pureFtpd } from './backends/pure-ftpd.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { startVsftpd, vsftpd } from './backends/vsftpd.ts';
import { basicFtp } from './clients/basic-ftp.ts';
import type { Step } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { type GatewayOptions, type InteropGateway, startGateway } from './gateway.ts';
import { describeInterop, type TestBed } from './test-bed.ts';

/** Time for one test, milliseconds. */
const LIMIT = 60_000;
const CLIENTS = [curl, lftp, basicFtp];

/** Declares tests with a gateway of its own before a backend, whose folder has `open/a`, `secret/b` and an empty `in` in each of them. */
function describeGateway(
  name: string,
  bed: TestBed,
  program: BackendProgram,
  options: Omit<GatewayOptions, 'backendPort'>,
  declare: (place: Place) => void,
): void {
  describe(`${name} before ${program.name}`, () => {
    let backend: Backend;
    let gateway: InteropGateway;
    beforeAll(async () => {
      backend = await program.start(bed.packages);
      gateway = await startGateway({ backendPort: backend.port, ...options });
    });
    beforeEach(() => fill(backend.home));
    afterAll(async () => {
      await gateway?.stop();
      await backend?.stop();
    });
    const perform: Place['perform'] = (client, ...steps) =>
      client.perform(bed.packages, gateway.target('explicit', 'TLSv1.3'), steps);
    declare({
      perform,
      session: () => connect(gateway),
      local: (file) => join(backend.home, '..', file),
      home: (file) => join(backend.home, file),
      showLog: () => onTestFailed(() => gateway.showLog()),
      denials: (rule) => gateway.metric('sallyport_policy_denials_total', { rule }),
    });
    it('leaves nothing behind', () => gateway.expectQuiet());
  });
}

interface Place {
  perform(client: (typeof CLIENTS)[number], ...steps: readonly Step[]): Promise<void>;
  /** A session of basic-ftp, to say any line. */
  session(): Promise<Client>;
  local(file: string): string;
  home(file: string): string;
  showLog(): void;
  denials(rule: string): Promise<number>;
}

async function fill(home: string): Promise<void> {
  for (const entry of await readdir(home)) await rm(join(home, entry), { recursive: true });
  for (const [folder, file] of [
    ['open', 'a'],
    ['secret', 'b'],
  ] as const) {
    await mkdir(join(home, folder, 'in'), { recursive: true });
    await writeFile(join(home, folder, file), `what ${file} has`);
    for (const path of [folder, join(folder, 'in'), join(folder, file)])
      await chown(join(home, path), OWNER.uid, OWNER.gid);
  }
  await writeFile(join(home, '..', 'new.txt'), 'something new');
}

async function connect(gateway: InteropGateway): Promise<Client> {
  const { host, port, user, password, authority } = gateway.target('explicit', 'TLSv1.3');
  const client = new Client(15_000);
  await client.access({ host, port, user, password, secure: true, secureOptions: { ca: await readFile(authority) } });
  return client;
}

/** The code of the answer to a line. */
async function said(session: Client, line: string): Promise<number> {
  return (await session.sendIgnoringError(line)).code;
}

function describeReadOnly(bed: TestBed, program: BackendProgram): void {
  describeGateway('readOnly', bed, program, { route: 'readOnly: true' }, (place) => {
    it.each(CLIENTS)('$name lists and downloads, and changes nothing', { timeout: LIMIT }, async (client) => {
      place.showLog();
      const [list, copy, local] = [place.local('list'), place.local('copy'), place.local('new.txt')];
      await place.perform(
        client,
        { do: 'list', folder: 'open', into: list },
        { do: 'download', remote: 'open/a', local: copy },
      );
      expect(await readFile(list, 'latin1')).toMatch(/(?:^|[ /])a\r?$/m);
      expect(await readFile(copy, 'latin1')).toBe('what a has');
      const steps: readonly Step[] = [
        { do: 'upload', local, remote: 'open/b' },
        { do: 'upload', local, remote: 'open/a' },
        { do: 'rename', from: 'open/a', to: 'open/c' },
        { do: 'delete', remote: 'open/a' },
        { do: 'make folder', folder: 'open/d' },
        { do: 'remove folder', folder: 'open/in' },
      ];
      for (const step of steps) await expect(place.perform(client, step)).rejects.toThrow(/55[03]/);
      expect((await readdir(place.home('open'))).sort()).toEqual(['a', 'in']);
      expect(await readFile(place.home('open/a'), 'latin1')).toBe('what a has');
      expect(await place.denials('readOnly')).toBeGreaterThanOrEqual(steps.length);
    });
  });
}

function describeDropBox(bed: TestBed, program: BackendProgram): void {
  describeGateway('uploadOnly', bed, program, { route: 'uploadOnly: true' }, (place) => {
    it.each(CLIENTS)('$name sends new files, sees none, and gets none back', { timeout: LIMIT }, async (client) => {
      place.showLog();
      const [list, copy, local] = [place.local('list'), place.local('copy'), place.local('new.txt')];
      await place.perform(
        client,
        { do: 'upload', local, remote: 'open/in/new' },
        { do: 'list', folder: 'open', into: list },
        { do: 'make folder', folder: 'open/in/folder' },
        { do: 'upload', local, remote: 'open/in/folder/more' },
      );
      expect(await readFile(place.home('open/in/new'), 'latin1')).toBe('something new');
      expect(await readFile(place.home('open/in/folder/more'), 'latin1')).toBe('something new');
      expect((await readFile(list, 'latin1')).trim()).toBe('');
      const steps: readonly Step[] = [
        { do: 'download', remote: 'open/a', local: copy },
        { do: 'upload', local, remote: 'open/a' },
        { do: 'rename', from: 'open/a', to: 'open/c' },
        { do: 'delete', remote: 'open/in/new' },
        { do: 'remove folder', folder: 'open/in/folder' },
      ];
      for (const step of steps) await expect(place.perform(client, step)).rejects.toThrow(/55[03]/);
      expect(await readFile(place.home('open/a'), 'latin1')).toBe('what a has');
      expect((await readdir(place.home('open/in'))).sort()).toEqual(['folder', 'new']);
    });
  });
}

const RULES = `
  { name: closed, match: { paths: [/secret/**] } },
  { name: sent, match: { commands: [write, directories], paths: [/open/in/**] }, effect: allow },
  { name: kept, match: { commands: [write, delete, rename, directories, attributes], paths: [/**] } }`;

/** Ways to say `/secret` in the folder `/open`. */
const WAYS = [
  '/secret',
  '../secret',
  '//secret',
  '/./secret',
  'in/../../secret',
  '/open/../secret/',
  '../open/../secret',
  '/secret/.',
];

function describeRules(bed: TestBed, program: BackendProgram): void {
  describeGateway('rules with paths', bed, program, { access: RULES }, (place) => {
    it.each(CLIENTS)('$name works where it may, and not where it may not', { timeout: LIMIT }, async (client) => {
      place.showLog();
      const [list, copy, local] = [place.local('list'), place.local('copy'), place.local('new.txt')];
      await place.perform(
        client,
        { do: 'list', folder: 'open', into: list },
        { do: 'download', remote: 'open/a', local: copy },
        { do: 'upload', local, remote: 'open/in/new' },
      );
      expect(await readFile(copy, 'latin1')).toBe('what a has');
      expect(await readFile(place.home('open/in/new'), 'latin1')).toBe('something new');
      const steps: readonly Step[] = [
        { do: 'download', remote: 'secret/b', local: copy },
        { do: 'upload', local, remote: 'secret/in/new' },
        { do: 'upload', local, remote: 'open/new' },
        { do: 'rename', from: 'secret/b', to: 'open/in/b' },
        { do: 'rename', from: 'open/a', to: 'open/in/a' },
        { do: 'delete', remote: 'secret/b' },
      ];
      for (const step of steps) await expect(place.perform(client, step)).rejects.toThrow(/55[03]/);
      expect((await readdir(place.home('secret'))).sort()).toEqual(['b', 'in']);
      expect((await readdir(place.home('open'))).sort()).toEqual(['a', 'in']);
    });

    const followed = program.name === 'pyftpdlib' ? 'where it is written' : 'where the link leads';
    it(`behind CWD into a link names are judged ${followed}`, { timeout: LIMIT }, async () => {
      place.showLog();
      await symlink('../secret', place.home('open/link'));
      const session = await place.session();
      try {
        expect(await said(session, 'TYPE I')).toBe(200);
        expect(await said(session, 'CWD open/link')).toBe(250);
        expect(await said(session, 'SIZE b')).toBe(program.name === 'pyftpdlib' ? 213 : 550);
        expect(await said(session, 'CDUP')).toBe(250);
        expect(await said(session, 'SIZE a')).toBe(program.name === 'pyftpdlib' ? 213 : 550);
      } finally {
        session.close();
      }
    });

    it('no way to say the path leads there', { timeout: LIMIT }, async () => {
      place.showLog();
      const session = await place.session();
      try {
        expect(await said(session, 'CWD open')).toBe(250);
        for (const way of WAYS) {
          for (const line of [
            `CWD ${way}`,
            `SIZE ${way}/b`,
            `MDTM ${way}/b`,
            `DELE ${way}/b`,
            `STAT ${way}`,
            `MLST ${way}/b`,
          ]) {
            expect([line, await said(session, line)]).toEqual([line, 550]);
          }
        }
        expect(await said(session, 'CWD in')).toBe(250);
        expect(await said(session, 'CDUP')).toBe(250);
        expect((await session.list()).map(({ name }) => name).sort()).toEqual(['a', 'in']);
      } finally {
        session.close();
      }
    });
  });
}

const PROTECTED = `
  { name: closed, match: { paths: [/secret/in/**] } },
  { name: sent, match: { commands: [write], paths: [/open/**] }, effect: allow },
  { name: kept, match: { commands: [write, attributes] } }`;

/** What servers do in their own ways. */
function describeWays(bed: TestBed, program: BackendProgram): void {
  describeGateway('rules and their own ways', bed, program, { access: PROTECTED }, (place) => {
    async function withSession(act: (say: (line: string) => Promise<number>) => Promise<void>): Promise<void> {
      place.showLog();
      const session = await place.session();
      try {
        await act((line) => said(session, line));
      } finally {
        session.close();
      }
    }

    it('an RNFR that failed leaves nothing to be renamed', { timeout: LIMIT }, async () => {
      await withSession(async (say) => {
        expect(await say('RNFR /secret')).toBe(350);
        expect(await say('RNFR /nowhere')).toBeGreaterThanOrEqual(500);
        expect(await say('RNTO /gone')).toBe(503);
      });
      expect(await readdir(place.home('secret'))).toEqual(expect.arrayContaining(['b', 'in']));
      await withSession(async (say) => {
        expect(await say('RNFR /open/a')).toBe(350);
        expect(await say('RNTO /open/c')).toBe(250);
      });
    });

    it(
      'behind an RNTO that was denied all else goes on, and nothing is left to be renamed',
      { timeout: LIMIT },
      async () => {
        await withSession(async (say) => {
          expect(await say('RNFR /open/a')).toBe(350);
          expect(await say('RNTO /secret/in/a')).toBe(553);
          expect(await say('PWD')).toBe(257);
          expect(await say('CWD /open')).toBe(250);
          expect(await say('RNTO /open/gone')).toBe(503);
        });
        expect(await readdir(place.home('open'))).toEqual(expect.arrayContaining(['a']));
      },
    );

    it('no form of MDTM sets a time', { timeout: LIMIT }, async () => {
      const before = (await stat(place.home('open/a'))).mtimeMs;
      await withSession(async (say) => {
        for (const time of ['20010101', '1aaaaaaa', '1234567890123x', '20010101000000.x', '20010101000000']) {
          expect([time, await say(`MDTM ${time} /open/a`)]).toEqual([time, 550]);
        }
        await say('CWD /open');
        expect(await say('MDTM 20010101 a')).toBe(550);
      });
      expect((await stat(place.home('open/a'))).mtimeMs).toBe(before);
      await writeFile(place.home('open/20010101 a'), 'x');
      await withSession(async (say) => {
        expect(await say('CWD /open')).toBe(250);
        expect(await say('MDTM 20010101 a')).toBe(213);
      });
    });

    it('STOU writes nowhere but where it may', { timeout: LIMIT }, async () => {
      await withSession(async (say) => {
        expect(await say('CWD /secret')).toBe(250);
        expect(await say('EPSV')).toBe(229);
        expect(await say('STOU /open/x')).toBe(553);
        expect(await say('STOU')).toBe(553);
        expect(await say('CWD /open')).toBe(250);
        expect(await say('STOU /secret/x')).toBe(553);
      });
      expect((await readdir(place.home('secret'))).sort()).toEqual(['b', 'in']);
      expect((await readdir(place.home('open'))).sort()).toEqual(['a', 'in']);
    });
  });
}

/** A drop box before a vsftpd that answers 550 to what it forbids. */
function describeForbidding(bed: TestBed, forbidden: string, takesNew: boolean): void {
  const name = `vsftpd without ${forbidden}`;
  const program: BackendProgram = {
    ...vsftpd,
    name,
    start: (packages) => startVsftpd(packages, [`cmds_denied=${forbidden}`]),
  };
  describeGateway('uploadOnly', bed, program, { route: 'uploadOnly: true' }, (place) => {
    it(
      `replaces nothing, and takes ${takesNew ? 'what is new' : 'nothing new either'}`,
      { timeout: LIMIT },
      async () => {
        place.showLog();
        const local = place.local('new.txt');
        await expect(place.perform(curl, { do: 'upload', local, remote: 'open/a' })).rejects.toThrow(/553/);
        const added = place.perform(curl, { do: 'upload', local, remote: 'open/new' });
        await (takesNew ? added : expect(added).rejects.toThrow(/553/));
        expect(await readFile(place.home('open/a'), 'latin1')).toBe('what a has');
      },
    );
  });
}

await describeInterop(
  'access control before vsftpd that forbids',
  (bed) => {
    describeForbidding(bed, 'MDTM', true);
    describeForbidding(bed, 'MDTM,SIZE', true);
    describeForbidding(bed, 'MDTM,SIZE,STAT', false);
  },
  { needsRoot: true },
);

await describeInterop('access control before pure-ftpd', (bed) => describeWays(bed, pureFtpd), {
  needsRoot: pureFtpd.facts.needsRoot,
});

for (const program of [vsftpd, proftpd, pyftpdlib]) {
  await describeInterop(
    `access control before ${program.name}`,
    (bed) => {
      describeReadOnly(bed, program);
      describeDropBox(bed, program);
      describeRules(bed, program);
      describeWays(bed, program);
    },
    { needsRoot: program.facts.needsRoot },
  );
}
