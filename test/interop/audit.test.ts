/**
 * The audit log between real clients and real backends: absolute paths as the backend has them, hashes of what lies on its disk, and
 * an xferlog with the same files.
 */
import { readFileSync } from 'node:fs';
import { chown, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AuditFolder, linesOf } from '../support/audit-lines.ts';
import { BACKENDS } from './backends/all.ts';
import { type Backend, OWNER } from './backends/backend.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { describeInterop, fileHash, writeRandomFile } from './test-bed.ts';

/** quirk: Pure-FTPd 1.0.50 does not double quotes in the folder of a 257, so that its end cannot be told. */
const folderOf = (name: string) => (name === 'pure-ftpd' ? "it's in here" : 'it\'s "in" here');

for (const program of BACKENDS) {
  await describeInterop(
    `audit before ${program.name}`,
    (bed) => {
      const FOLDER = folderOf(program.name);
      let backend: Backend;
      let gateway: InteropGateway;
      let folder: AuditFolder;
      beforeAll(async () => {
        backend = await program.start(bed.packages);
        const inside = join(backend.home, FOLDER);
        await mkdir(inside);
        await chown(inside, OWNER.uid, OWNER.gid);
      });
      afterAll(() => backend?.stop());
      beforeEach(async () => {
        folder = new AuditFolder();
        const audit = `file: "${folder.file}", xferlog: "${folder.xferlog}", hash: sha256, onFailure: refuse`;
        gateway = await startGateway({ backendPort: backend.port, audit });
      });
      afterEach(async () => {
        await gateway.stop();
        folder.remove();
      });

      it('a folder whose end the backend does not tell is unknown, and not guessed', async () => {
        const quoted = join(backend.home, 'a "b" c');
        await mkdir(quoted);
        await chown(quoted, OWNER.uid, OWNER.gid);
        const local = await writeRandomFile(join(bed.folder, 'small.bin'), 10);
        const target = gateway.target('explicit', 'TLSv1.3');
        await curl.perform(bed.packages, target, [{ do: 'upload', local, remote: 'a "b" c/x.bin' }]);
        const { path, directory } = await folder.one('transfer');
        const known = { path: expect.stringMatching(/\/a "b" c\/x\.bin$/), directory: undefined };
        const expected = program.name === 'pure-ftpd' ? { path: 'x.bin', directory: 'unknown' } : known;
        expect({ path, directory }).toEqual(expected);
      });

      describe.each([curl, lftp].map((client) => [client.name, client] as const))('%s', (_name, client) => {
        it('every transfer is recorded with its absolute path and the hash of the file', async () => {
          const local = await writeRandomFile(join(bed.folder, 'up.bin'), 300_000);
          const remote = `${FOLDER}/report.bin`;
          await client.perform(bed.packages, gateway.target('explicit', 'TLSv1.3'), [
            { do: 'upload', local, remote },
            { do: 'list', folder: FOLDER, into: join(bed.folder, 'list.txt') },
            { do: 'download', remote, local: join(bed.folder, 'down.bin') },
          ]);
          await expect
            .poll(() => folder.of('transfer').filter(({ direction }) => direction !== 'list'))
            .toHaveLength(2);
          const hash = await fileHash(join(backend.home, remote));
          const files = folder.of('transfer').filter(({ direction }) => direction !== 'list');
          const paths = files.map(({ path }) => String(path));
          const shown = [`/${remote}`, `${await realpath(backend.home)}/${remote}`];
          for (const path of paths) expect(shown).toContain(path);
          expect(files).toMatchObject([
            { verb: 'STOR', outcome: 'completed', bytes: 300_000, sha256: hash, type: 'image', backendReply: 226 },
            { verb: 'RETR', outcome: 'completed', bytes: 300_000, sha256: hash, type: 'image', backendReply: 226 },
          ]);
          for (const file of files) expect(file).not.toHaveProperty('directory');
          const begun = folder.of('transfer-begun').filter(({ direction }) => direction !== 'list');
          expect(begun.map(({ path }) => path)).toEqual(paths);
          const lists = folder.of('transfer').filter(({ direction }) => direction === 'list');
          expect(lists.length).toBeGreaterThan(0);
          for (const list of lists) expect(list).not.toHaveProperty('directory');
          const words = linesOf(readFileSync(folder.xferlog, 'utf8')).map((line) =>
            line.replace(/ {2}/, ' ').split(' '),
          );
          expect(words.map((line) => [line[7], line[8], line[9], line[11], line[17]])).toEqual([
            ['300000', paths[0]?.replaceAll(' ', '_'), 'b', 'i', 'c'],
            ['300000', paths[1]?.replaceAll(' ', '_'), 'b', 'o', 'c'],
          ]);
        });
      });
    },
    { needsRoot: program.facts.needsRoot },
  );
}
