/**
 * The programs of the benchmark as Debian packages: backend, peers and clients. Knows package names, not what the programs are used for.
 */
import { join } from 'node:path';
import { type Packages, provideDebianPackages } from '../test/support/debian-packages.ts';

/** Fetches and unpacks the programs, or finds them from an earlier run. Throws an Error where this machine cannot have them. */
export async function provideBenchPackages(): Promise<Packages> {
  const packages = await provideDebianPackages({
    folder: join(import.meta.dirname, '.packages'),
    wanted: [
      'vsftpd',
      'proftpd-core',
      'proftpd-mod-crypto',
      'proftpd-mod-proxy',
      'nginx',
      'libnginx-mod-stream',
      'haproxy',
      'python3',
      'curl',
      'libpam-wrapper',
      'libnss-wrapper',
    ],
    // The interpreter and its library, whatever their version.
    also: /^(lib)?python3(\.\d+)?(-minimal|-stdlib)?$/,
    mustLoad: [
      'usr/sbin/vsftpd',
      'usr/sbin/proftpd',
      'usr/lib/proftpd/mod_tls.so',
      'usr/lib/proftpd/mod_proxy.so',
      'usr/sbin/nginx',
      'usr/lib/nginx/modules/ngx_stream_module.so',
      'usr/sbin/haproxy',
      'usr/bin/python3',
      'usr/bin/curl',
    ],
  });
  if (typeof packages === 'string') throw new Error(packages);
  return packages;
}
