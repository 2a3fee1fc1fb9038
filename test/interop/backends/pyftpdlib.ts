/**
 * pyftpdlib for one user; the program itself is `pyftpdlib_backend.py` beside this file.
 */
import { join } from 'node:path';
import { type BackendProgram, PASSWORD, prepareWorkplace, startBackend, USER } from './backend.ts';

/** pyftpdlib. */
export const pyftpdlib: BackendProgram = {
  name: 'pyftpdlib',
  facts: {
    refusedNames: ['not UTF-8'],
    needsRoot: false,
    tls: ['explicit', 'implicit'],
    resumes: ['TLSv1.2', 'TLSv1.3'],
  },
  async start(packages, tls) {
    const workplace = await prepareWorkplace('pyftpdlib');
    const { folder, home, port, passive } = workplace;
    const account = [home, USER, PASSWORD];
    const secure = tls === undefined ? [] : [tls.security, tls.cert, tls.key];
    return startBackend(workplace, {
      program: packages.path('usr/bin/python3'),
      words: [
        ...['-W', 'ignore', '-B', join(import.meta.dirname, 'pyftpdlib_backend.py')],
        ...[String(port), String(passive.first), String(passive.last), ...account, ...secure],
      ],
      options: { env: packages.environment(folder) },
    });
  },
};
