/**
 * The real programs of the interop suite. Knows package names, not how packages are fetched nor what the programs are used for.
 */
import { join } from 'node:path';
import { type Packages, provideDebianPackages } from '../support/debian-packages.ts';

/**
 * Fetches and unpacks the programs, or finds them from an earlier run. Resolves with the reason as a string where this machine cannot
 * have them.
 */
export function providePackages(): Promise<Packages | string> {
  return provideDebianPackages({
    folder: join(import.meta.dirname, '.packages'),
    wanted: [
      'vsftpd',
      'proftpd-core',
      'proftpd-mod-crypto',
      'pure-ftpd',
      'python3',
      'python3-pyftpdlib',
      'python3-openssl',
      'curl',
      'lftp',
      'wget',
      'haproxy',
      'libpam-wrapper',
      'libnss-wrapper',
      'libfaketime',
    ],
    // The interpreter and its libraries, whatever their version.
    also: /^(lib)?python3(\.\d+)?(-minimal|-stdlib|-pyasync(ore|hat)|-cryptography|-cffi-backend)?$/,
    mustLoad: [
      'usr/sbin/vsftpd',
      'usr/sbin/proftpd',
      'usr/sbin/pure-ftpd',
      'usr/bin/pure-pw',
      'usr/bin/python3',
      'usr/bin/curl',
      'usr/bin/lftp',
      'usr/bin/wget',
      'usr/sbin/haproxy',
    ],
  });
}
