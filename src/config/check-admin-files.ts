/**
 * Whether the files that the side port needs can be used: tokens, its certificate, authorities. Reads them.
 */
import { type AdminConfig, readToken, readTokens } from './admin.ts';
import { checkCertificate, type Findings, readAuthorities } from './check-certificate.ts';

/** Checks them all. Never rejects: a file that cannot be used is an error found. */
export async function checkAdminFiles(admin: AdminConfig, now: Date): Promise<Findings> {
  const found: Findings = { errors: [], warnings: [] };
  for (const key of ['readTokenFile', 'writeTokenFile'] as const) {
    const file = admin[key];
    if (file !== null) await readToken(file).catch((error: Error) => note(found, key, error));
  }
  if (found.errors.length === 0) await readTokens(admin).catch((error: Error) => note(found, 'writeTokenFile', error));
  const { cert, key, clientCa } = admin.tls;
  if (clientCa !== null) await readAuthorities(found, 'admin.tls.clientCa', clientCa);
  if (cert === null || key === null) return found;
  const pair = await checkCertificate({ cert, key }, 'admin.tls', now);
  return { errors: [...found.errors, ...pair.errors], warnings: [...found.warnings, ...pair.warnings] };
}

function note({ errors }: Findings, key: string, { message }: Error): void {
  errors.push({ path: `admin.${key}`, message });
}
