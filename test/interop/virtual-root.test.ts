/**
 * A partner that sees one folder as `/`, with real clients before real backends: for it that folder is the whole server, and it cannot learn
 * that anything else exists, whatever it says.
 */
import { execFileSync } from 'node:child_process';
import { lchownSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chown, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { COMMANDS } from '../../src/session/command-table.ts';
import { runProgram } from '../support/processes.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { BACKENDS } from './backends/all.ts';
import { type Backend, OWNER, PASSWORD, USER } from './backends/backend.ts';
import { CLIENTS } from './clients/all.ts';
import { expectSuccess, type Target } from './clients/client.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, type Pairing, roundTrip, SIZES, unusualNames } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const TEST_LIMIT = 60_000;
const ROOT = 'partners/acme';
const CREATES = /^(?:STOR|APPE|STOU|X?MKD|RNTO)$/;
/** Names of what is beside the partner's folder, and above it. */
const SECRETS = /partners|acme|rival|plan\.pdf|sallyport-interop/i;

for (const [index, program] of BACKENDS.entries()) {
  // What a client says is the same before each of them: each client tries one.
  const guests = CLIENTS.filter((_, which) => which % BACKENDS.length === index);
  await describeInterop(
    `a root before ${program.name}`,
    (bed) => {
      /** Whether its PWD tells the real place of a folder, not the way to it. */
      const tellsPlaces = program.name !== 'pyftpdlib';
      let backend: Backend;
      let gateway: InteropGateway;
      let home: string;
      beforeAll(async () => {
        backend = await program.start(bed.packages);
        home = join(backend.home, ROOT);
        for (const folder of ['partners', ROOT, `${ROOT}/sub`, `${ROOT}/sub/deep`, `${ROOT}/a b`, 'partners/rival']) {
          await mkdir(join(backend.home, folder));
          await chown(join(backend.home, folder), OWNER.uid, OWNER.gid);
        }
        for (const file of [
          `${ROOT}/a.txt`,
          `${ROOT}/sub/b.txt`,
          'partners/rival/plan.pdf',
          `${ROOT}/.message`,
          `${ROOT}/sub/.message`,
        ]) {
          await writeFile(join(backend.home, file), file);
          await chown(join(backend.home, file), OWNER.uid, OWNER.gid);
        }
        await link('sub', 'in');
        // Ids of one to two digits, and a size of four, as vsftpd has them in listings.
        await writeFile(join(home, 'numbers.csv'), 'x'.repeat(1234));
        await chown(join(home, 'numbers.csv'), 14, 50);
        await chown(join(backend.home, 'partners'), 14, 50);
        gateway = await startGateway({ backendPort: backend.port, root: `/${ROOT}` });
      });
      afterAll(async () => {
        await gateway?.stop();
        await backend?.stop();
      });

      async function link(target: string, name: string): Promise<void> {
        await symlink(target, join(home, name));
        lchownSync(join(home, name), OWNER.uid, OWNER.gid);
      }

      const samples = [...SIZES, ...unusualNames(program.facts)];
      for (const client of guests) {
        describe(client.name, () => {
          const pairing = (): Pairing => {
            onTestFailed(() => gateway.showLog());
            return { bed, client, target: gateway.target('explicit', 'TLSv1.3'), home };
          };
          it('works as if that folder were the whole server', { timeout: TEST_LIMIT }, () =>
            roundTrip(pairing(), samples),
          );
          it.runIf(client.keepsSession)('moves twenty files in one session', { timeout: TEST_LIMIT }, () =>
            manyFiles(pairing()),
          );
        });
      }

      it('lftp mirrors a tree there and back', { timeout: TEST_LIMIT }, async () => {
        const local = join(bed.folder, `tree-${program.name}`);
        const back = join(bed.folder, `back-${program.name}`);
        await mkdir(join(local, 'x/y z/w'), { recursive: true });
        for (const name of ['1.txt', 'x/2.txt', 'x/y z/3.txt', 'x/y z/w/4 [a].txt'])
          await writeFile(join(local, name), name);
        await mirror(
          gateway.target('explicit', 'TLSv1.3'),
          `mirror -R "${local}" /tree; mirror /tree "${back}"; rm -r /tree`,
        );
        expect(tree(back)).toEqual(tree(local));
        expect(readdirSync(home)).not.toContain('tree');
      });

      async function mirror({ host, port, authority, user, password }: Target, script: string): Promise<void> {
        const input = [
          ...[
            'set cmd:fail-exit yes',
            'set net:max-retries 1',
            'set net:timeout 15',
            'set ftp:ssl-force yes',
            'set ftp:ssl-protect-data yes',
          ],
          ...[
            `set ssl:ca-file "${authority}"`,
            `open -u ${user},${password} ftp://${host}:${port}`,
            script,
            'exit 0',
            '',
          ],
        ].join('\n');
        const env = bed.packages.environment('/nonexistent');
        expectSuccess(
          'lftp',
          await runProgram(bed.packages.path('usr/bin/lftp'), ['--norc'], { env, input, limit: 50_000 }),
        );
      }

      const enter = async (): Promise<ScriptedClient> => {
        const { host, port } = gateway.target('explicit', 'TLSv1.3');
        const client = await ScriptedClient.connect({ address: host, port });
        clients.push(client);
        await client.expect(220);
        await client.auth();
        await client.login(USER, PASSWORD);
        await client.protect();
        return client;
      };
      const clients: ScriptedClient[] = [];
      afterEach(() => {
        for (const client of clients.splice(0)) client.destroy();
      });

      /** One command, whatever becomes of it; all that the client was told and sent, and the code. */
      async function ask(
        client: ScriptedClient,
        line: string,
      ): Promise<{ readonly code: number; readonly seen: string }> {
        const verb = line.split(' ', 1)[0] ?? '';
        if (!['RETR', 'STOR', 'APPE', 'STOU', 'LIST', 'NLST', 'MLSD'].includes(verb)) {
          const { code, raw } = await client.command(line, ...ANY);
          return { code, seen: raw };
        }
        const data = await client.openData();
        const first = await client.command(line, ...ANY);
        if (first.code >= 200) {
          data.reset();
          return { code: first.code, seen: first.raw };
        }
        await data.startTls({ session: client.session });
        const upload = /^(?:STOR|APPE|STOU)/.test(verb);
        if (upload) data.end('x');
        const bytes = upload ? '' : (await data.readToEnd()).bytes.toString('latin1');
        const last = await client.expect(...ANY);
        return { code: last.code, seen: first.raw + bytes + last.raw };
      }

      it('nothing that exists elsewhere is told by any verb', { timeout: 3 * TEST_LIMIT }, async () => {
        onTestFailed(() => gateway.showLog());
        const client = await enter();
        const skipped = ['USER', 'PASS', 'ACCT', 'AUTH', 'CCC', 'QUIT', 'PORT', 'EPRT', 'REIN', 'ABOR'];
        const verbs = [...COMMANDS.values()].filter(({ family, verb }) => family !== 'http' && !skipped.includes(verb));
        const words = [
          '',
          '/',
          '..',
          '../..',
          'sub',
          'sub/..',
          '../rival',
          '../../partners/rival',
          '/../rival/plan.pdf',
          '*',
          '../*',
          '-la',
          '-laR ..',
        ];
        const apart = ['x ..', 'x ../rival', 'x ~root', 'sub -R', 'sub ../../rival'];
        const sites = [
          'CHMOD 600 ../rival/plan.pdf',
          'HELP',
          'UTIME 20200101000000 ../rival',
          'EXEC ls ..',
          'SYMLINK .. up',
          'CPFR ../rival',
          'CHMOD 600 x ..',
          'CHMOD 600 a.txt ../../rival/plan.pdf',
          'MKDIR x -p',
        ];
        await mkdir(join(home, 'x ..'));
        for (const { verb } of verbs) {
          const tried = /^(?:STAT|LIST|NLST)$/.test(verb) ? [...words, ...apart] : words;
          for (const word of verb === 'SITE' ? sites : tried) {
            // Only these move.
            if (/CWD$|CDUP$|XCUP$/.test(verb)) await client.command('CWD /', 250);
            // What it makes itself is there for it, under the name that it gave.
            const made = CREATES.test(verb) ? word.replaceAll(/[a-z.]*(?:partners|rival|pdf)/g, 'own') : word;
            const asked = /^(?:MFMT|MDTM)$/.test(verb) && made !== '' ? `20200101000000 ${made}` : made;
            const { seen } = await ask(client, asked === '' ? verb : `${verb} ${asked}`);
            // What the client itself has said may come back: only that.
            const own = word.split('/').filter((step) => SECRETS.test(step));
            const rest = own.reduce((text, step) => text.replaceAll(step, ''), seen);
            expect(rest, `${verb} ${asked}`).not.toMatch(SECRETS);
          }
        }
        expect(readdirSync(join(backend.home, 'partners')).sort()).toEqual(['acme', 'rival']);
        expect(readdirSync(join(backend.home, 'partners/rival'))).toEqual(['plan.pdf']);
        expect(statSync(join(backend.home, 'partners/rival/plan.pdf')).mode & 0o777).toBe(0o644);
      });

      it('what exists elsewhere is answered as what does not', { timeout: TEST_LIMIT }, async () => {
        const client = await enter();
        const lines = [
          'SIZE',
          'MDTM',
          'MFMT 20200101000000',
          'MLST',
          'STAT',
          'CWD',
          'RETR',
          'DELE',
          'RNFR',
          'RMD',
          'LIST',
          'NLST',
          'MLSD',
          'SITE CHMOD 600',
        ];
        for (const line of lines) {
          for (const [there, nowhere] of [
            ['../rival', '../nobody'],
            ['/../rival/plan.pdf', '/../nobody/plan.pdf'],
            ['../../partners', '../../nothing'],
          ]) {
            const [one, other] = [await ask(client, `${line} ${there}`), await ask(client, `${line} ${nowhere}`)];
            expect({ line, ...one }).toEqual({ line, ...other });
          }
        }
        expect(readFileSync(join(backend.home, 'partners/rival/plan.pdf'), 'utf8')).toBe('partners/rival/plan.pdf');
      });

      it('the folder that the client sees is what it asked for', { timeout: TEST_LIMIT }, async () => {
        const client = await enter();
        await client.command('CWD a b', 250);
        expect((await client.command('PWD', 257)).text).toBe('"/a b" is the current directory.');
        await client.command('CDUP', 250);
        await client.command('CDUP', 250);
        expect((await client.command('PWD', 257)).text).toBe('"/" is the current directory.');
        expect((await ask(client, 'NLST sub')).seen).toContain('sub/b.txt\r\n');
        expect((await ask(client, 'NLST sub/*.txt')).seen).toContain('sub/b.txt\r\n');
        expect((await ask(client, 'LIST sub/b.txt')).seen).toMatch(/ b\.txt\r\n/);
        expect((await ask(client, 'STAT sub/b.txt')).seen).toMatch(/ b\.txt\r\n/);
        expect((await ask(client, 'STAT sub')).seen).toMatch(/ b\.txt\r\n/);
        expect((await ask(client, 'LIST num*.csv')).seen).toMatch(/ 1234 .* numbers\.csv\r\n/);
        expect((await ask(client, 'LIST -a')).seen).not.toMatch(/:\d\d \.\.\r\n/);
        for (const line of ['LIST sub/nothere', 'NLST sub/nothere', 'LIST *.zip'])
          expect((await ask(client, line)).code, line).toBe(550);
        const stored = (await ask(client, 'STOU sub/name')).seen;
        const [, chosen = ''] = /FILE: \/sub\/(.+)\r\n/.exec(stored) ?? [];
        expect(readdirSync(join(home, 'sub')).sort()).toEqual(['b.txt', chosen, 'deep', '.message'].sort());
        expect((await client.command('MKD new', 257)).text).toBe('"/new" created.');
        await client.command('RNFR new', 350);
        await client.command('RNTO sub/deep/new', 250);
        expect(lstatSync(join(home, 'sub/deep/new')).isDirectory()).toBe(true);
        await client.command('RMD sub/deep/new', 250);
        await client.command('CWD in', 250);
        expect((await client.command('PWD', 257)).text).toBe(
          `"/${tellsPlaces ? 'sub' : 'in'}" is the current directory.`,
        );
      });

      describe('links that lead out', () => {
        const above = program.name === 'pyftpdlib' ? () => backend.home : () => '';
        beforeAll(async () => {
          await link('../rival', 'out');
          await link(`${above()}/partners/rival`, 'far');
          await link('../rival/plan.pdf', 'file');
        });
        afterAll(async () => {
          for (const name of ['out', 'far', 'file']) await rm(join(home, name));
        });

        it('tell no targets in listings', { timeout: TEST_LIMIT }, async () => {
          const client = await enter();
          for (const line of [
            'LIST',
            'LIST -la',
            'LIST -laR',
            'NLST',
            'MLSD',
            'STAT /',
            'LIST out',
            'MLST out',
            'LIST file',
          ]) {
            const { seen } = await ask(client, line);
            // What a backend that hides links lists of another folder, it lists as if it were here.
            if (tellsPlaces) expect(seen, line).not.toMatch(SECRETS);
            else expect(seen.replaceAll('plan.pdf', ''), line).not.toMatch(SECRETS);
          }
        });

        it.runIf(tellsPlaces)('are not entered', { timeout: TEST_LIMIT }, async () => {
          const client = await enter();
          for (const name of ['out', 'far']) {
            for (const line of [
              `CWD ${name}`,
              `LIST ${name}`,
              `NLST ${name}`,
              `RETR ${name}/plan.pdf`,
              `SIZE ${name}/plan.pdf`,
              `STOR ${name}/x`,
              `DELE ${name}/plan.pdf`,
              `RNFR ${name}/plan.pdf`,
              `MKD ${name}/x`,
              `STAT ${name}`,
            ])
              expect((await ask(client, line)).code, line).toBe(550);
          }
          expect((await client.command('PWD', 257)).text).toBe('"/" is the current directory.');
          expect(readdirSync(join(backend.home, 'partners/rival'))).toEqual(['plan.pdf']);
        });

        it('are not renamed', { timeout: TEST_LIMIT }, async () => {
          await link('b.txt', 'sub/beside');
          const client = await enter();
          for (const name of ['file', 'sub/beside', ...(tellsPlaces ? ['out', 'far', 'in'] : [])]) {
            expect((await ask(client, `RNFR ${name}`)).code, name).toBe(550);
            expect((await ask(client, 'RNTO moved')).code, name).toBeGreaterThan(500);
            if (program.name === 'proftpd') expect((await ask(client, `SITE CPFR ${name}`)).code, name).toBe(550);
            expect(lstatSync(join(home, name)).isSymbolicLink(), name).toBe(true);
          }
          await rm(join(home, 'sub/beside'));
        });

        it.runIf(tellsPlaces)('are not entered where they have taken the place of a folder', async () => {
          await mkdir(join(home, 'd'));
          const client = await enter();
          expect((await ask(client, 'SIZE d/plan.pdf')).code).toBe(550);
          await client.command('CWD d', 250);
          await rm(join(home, 'd'), { recursive: true });
          await link('../rival', 'd');
          for (const line of ['RETR plan.pdf', 'SIZE /d/plan.pdf', 'LIST', 'STAT .', 'STOR /d/x', 'DELE plan.pdf'])
            expect((await ask(client, line)).code, line).toBe(550);
          expect(readdirSync(join(backend.home, 'partners/rival'))).toEqual(['plan.pdf']);
          await rm(join(home, 'd'));
        });

        it.runIf(!tellsPlaces)('are followed where the backend hides that they are links', async () => {
          const client = await enter();
          await client.command('CWD out', 250);
          expect((await client.command('PWD', 257)).text).toBe('"/out" is the current directory.');
        });

        it('to files are followed by every backend: the gateway cannot see them', async () => {
          const client = await enter();
          expect((await ask(client, 'RETR file')).seen).toContain('partners/rival/plan.pdf');
        });
      });

      it('leaves no session and no socket behind', () => gateway.expectQuiet());
    },
    { needsRoot: program.facts.needsRoot },
  );
}

const ANY = Array.from({ length: 500 }, (_, index) => 100 + index);

/** Paths and contents below a folder. */
function tree(folder: string): Record<string, string> {
  const files = execFileSync('find', ['.', '-type', 'f'], { cwd: folder, encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}
