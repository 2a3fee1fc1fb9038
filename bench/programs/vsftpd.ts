/** vsftpd: the plain backend behind the gateways, and the same program serving FTPS by itself. Needs root. */
import type { Backend } from '../../test/interop/backends/backend.ts';
import { startVsftpd } from '../../test/interop/backends/vsftpd.ts';
import type { Packages } from '../../test/support/debian-packages.ts';
import type { Certificates } from '../certificates.ts';

/** Starts it in clear. */
export function startPlainVsftpd(packages: Packages): Promise<Backend> {
  return startVsftpd(packages);
}

/** Starts it with TLS, which it demands; sessions may be resumed on data connections and need not. */
export function startSecureVsftpd(packages: Packages, certificates: Certificates): Promise<Backend> {
  return startVsftpd(packages, [
    'ssl_enable=YES',
    'force_local_logins_ssl=YES',
    'force_local_data_ssl=YES',
    `rsa_cert_file=${certificates.cert}`,
    `rsa_private_key_file=${certificates.key}`,
    'require_ssl_reuse=NO',
    'ssl_ciphers=HIGH',
  ]);
}
