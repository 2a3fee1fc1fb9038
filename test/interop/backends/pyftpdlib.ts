/**
 * pyftpdlib for one user; the program itself is `pyftpdlib_backend.py` beside this file.
 */
import { join } from 'node:path';
import type { Packages } from '../../support/debian-packages.ts';
import type { MovableClock } from '../clock.ts';
import {
  type Backend,
  type BackendProgram,
  PASSWORD,
  prepareWorkplace,
  type ServerTls,
  startBackend,
  USER,
} from './backend.ts';

/** pyftpdlib. */
export const pyftpdlib: BackendProgram = {
  name: 'pyftpdlib',
  facts: {
    refusedNames: ['not UTF-8'],
    needsRoot: false,
    tls: ['explicit', 'implicit'],
    resumes: ['TLSv1.2', 'TLSv1.3'],
  },
  start: (packages, tls, clock) => start(packages, tls === undefined ? [] : [tls.security, tls.cert, tls.key], clock),
};

/** pyftpdlib which sends a new TLS 1.3 ticket for each data connection, and takes no other (protocol case T097). */
export function startWithNewestTicket(packages: Packages, { security, cert, key }: ServerTls): Promise<Backend> {
  return start(packages, [security, cert, key, 'newest-ticket']);
}

async function start(packages: Packages, secure: readonly string[], clock?: MovableClock): Promise<Backend> {
  const workplace = await prepareWorkplace('pyftpdlib', clock);
  const { folder, home, port, passive } = workplace;
  const account = [home, USER, PASSWORD];
  return startBackend(workplace, {
    program: packages.path('usr/bin/python3'),
    words: [
      ...['-W', 'ignore', '-B', join(import.meta.dirname, 'pyftpdlib_backend.py')],
      ...[String(port), String(passive.first), String(passive.last), ...account, ...secure],
    ],
    options: { env: packages.environment(folder) },
  });
}
