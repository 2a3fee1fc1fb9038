/**
 * Pure-FTPd for one virtual user of its own database.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../support/processes.ts';
import {
  type BackendProgram,
  OWNER,
  PASSWORD_HASH,
  prepareWorkplace,
  type ServerTls,
  startBackend,
  USER,
} from './backend.ts';

/** Pure-FTPd; needs root. */
export const pureFtpd: BackendProgram = {
  name: 'pure-ftpd',
  facts: { refusedNames: ['leading blank'], needsRoot: true, tls: ['explicit'], resumes: ['TLSv1.2'] },
  async start(packages, tls, clock) {
    const workplace = await prepareWorkplace('pure-ftpd', clock);
    const { folder, home, port, passive } = workplace;
    const env = packages.environment(folder);
    const users = join(folder, 'users');
    const database = join(folder, 'users.pdb');
    await writeFile(users, `${USER}:${PASSWORD_HASH}:${OWNER.uid}:${OWNER.gid}::${home}/./::::::::::::\n`);
    const made = await runProgram(packages.path('usr/bin/pure-pw'), ['mkdb', database, '-f', users], { env });
    if (made.code !== 0) throw new Error(`pure-pw: ${made.errors}`);
    return startBackend(workplace, {
      program: packages.path('usr/sbin/pure-ftpd'),
      words: [
        ...['-S', `127.0.0.1,${port}`, '-l', `puredb:${database}`, '-p', `${passive.first}:${passive.last}`],
        ...['-H', '-u', '1', '-A', '-E', '-c', '100', '-C', '100', '-g', join(folder, 'pid')],
        ...(tls === undefined ? ['-Y', '0'] : ['-Y', '3', '--certfile', await joined(tls, join(folder, 'tls.pem'))]),
      ],
      options: { env },
    });
  },
};

/** Key and certificate in one file, as it wants them. */
async function joined({ cert, key }: ServerTls, file: string): Promise<string> {
  await writeFile(file, (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8')), { mode: 0o600 });
  return file;
}
