/**
 * The certificate of the gateways under test: made once by the project's own generator and kept for some days in the
 * temporary folder of the operating system, because RSA keys take seconds. Knows nothing of TLS connections.
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { inspectCertificate } from '../../src/certs/inspect.ts';

/** Paths of PEM files. The names are `localhost`, `127.0.0.1` and `::1`. */
export interface TestCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

let made: Promise<TestCertificate> | undefined;

/** The certificate; the same for every caller. */
export function testCertificate(): Promise<TestCertificate> {
  made ??= find();
  return made;
}

async function find(): Promise<TestCertificate> {
  const folder = join(tmpdir(), `sallyport-test-certificates-${userInfo().uid}`);
  const paths = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const pem = await readFile(paths.cert, 'utf8').catch(() => undefined);
  if (pem !== undefined && inspectCertificate(pem).notAfter.getTime() > Date.now() + 86_400_000) return paths;
  const authority = await generateAuthority({ commonName: 'Sallyport test CA' });
  const leaf = await generateServerCertificate(authority, { names: ['localhost', '127.0.0.1', '::1'], days: 30 });
  const fresh = await mkdtemp(`${folder}-`);
  await writeFile(join(fresh, 'ca.pem'), authority.cert);
  await writeFile(join(fresh, 'cert.pem'), leaf.cert);
  await writeFile(join(fresh, 'key.pem'), leaf.key, { mode: 0o600 });
  if (pem !== undefined) await rm(folder, { recursive: true, force: true });
  await mkdir(tmpdir(), { recursive: true });
  // Whoever is second finds the folder taken and uses what is there.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  return paths;
}
