/** Where and as whom the Python client logs in. */
import { PASSWORD, USER } from '../test/interop/backends/backend.ts';
import type { Certificates } from './certificates.ts';
import type { Answer } from './json-process.ts';

/** The fields that `ftp_client.py` needs to log in. */
export function sessionTarget(
  program: { readonly port: number },
  certificates: Certificates,
  security: 'plain' | 'explicit',
): Answer {
  const { authority } = certificates;
  return { host: '127.0.0.1', port: program.port, security, authority, user: USER, password: PASSWORD };
}
