/**
 * Whether the files by which replicas trust each other can be used: the key, or certificates. Reads them.
 */
import { checkCertificate, type Findings, readAuthorities, readCertificates } from './check-certificate.ts';
import type { ConfigProblem } from './problem.ts';
import { type ReplicationConfig, readReplicationKey } from './replication.ts';

/** Object identifiers of serverAuth and clientAuth. */
const USAGES = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

/** Whether the files of the section can be used; they are not looked at where there is one replica. Never rejects. */
export async function checkReplicationFiles(replication: ReplicationConfig, now: Date): Promise<Findings> {
  const found: Findings = { errors: [], warnings: [] };
  if (replication.count === 1) return found;
  const { cert, key, ca } = replication.tls;
  await readReplicationKey(replication).catch(({ message }: Error) => {
    found.errors.push({ path: 'replication.keyFile', message });
  });
  if (ca !== null) await readAuthorities(found, 'replication.tls.ca', ca);
  if (cert === null || key === null) return found;
  found.errors.push(...(await wrongUsage(cert)));
  const pair = await checkCertificate({ cert, key }, 'replication.tls', now);
  return { errors: [...found.errors, ...pair.errors], warnings: [...found.warnings, ...pair.warnings] };
}

/** RFC 5280 §4.2.1.12: a certificate that says what it is good for must say so of servers and of clients: each replica is both. */
async function wrongUsage(file: string): Promise<ConfigProblem[]> {
  const [leaf] = await readCertificates(file).catch(() => []);
  const usages = leaf?.keyUsage;
  if (usages === undefined || USAGES.every((usage) => usages.includes(usage))) return [];
  const message = `the certificate in ${file} is not for TLS servers and clients both (extended key usage), expected one that is`;
  return [{ path: 'replication.tls.cert', message }];
}
