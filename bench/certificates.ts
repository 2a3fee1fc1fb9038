/**
 * One throw-away certificate for everybody who is measured, so that nobody wins by a smaller key.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateAuthority, generateServerCertificate } from '../src/certs/generate.ts';

/** Paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
  /** Certificate and key in one file, as HAProxy wants them. */
  readonly both: string;
}

/** Makes an authority and a certificate for 127.0.0.1 in a folder. */
export async function writeCertificates(folder: string): Promise<Certificates> {
  const authority = await generateAuthority();
  const { cert, key } = await generateServerCertificate(authority, { names: ['localhost', '127.0.0.1'] });
  const paths = {
    authority: join(folder, 'authority.pem'),
    cert: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
    both: join(folder, 'server-with-key.pem'),
  };
  await writeFile(paths.authority, authority.cert);
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key, { mode: 0o600 });
  await writeFile(paths.both, `${cert}\n${key}`, { mode: 0o600 });
  return paths;
}
