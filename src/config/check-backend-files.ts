/**
 * Whether the files that a backend is spoken TLS with can be used. Reads them.
 */
import type { BackendTlsConfig } from './backend-tls.ts';
import { checkCertificate, type Findings, readAuthorities } from './check-certificate.ts';

/** Whether the files of a backend can be used. `path` is its place in the configuration. Never rejects. */
export async function checkBackendFiles(backend: BackendTlsConfig, path: string, now: Date): Promise<Findings> {
  const found: Findings = { errors: [], warnings: [] };
  const { tls, ca, cert, key } = backend;
  if (tls === 'off') return found;
  if (ca !== null) await readAuthorities(found, `${path}.ca`, ca);
  if (cert === null || key === null) return found;
  const pair = await checkCertificate({ cert, key }, path, now, 'client');
  return { errors: [...found.errors, ...pair.errors], warnings: pair.warnings };
}
