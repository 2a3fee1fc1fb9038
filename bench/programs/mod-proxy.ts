/**
 * ProFTPD with mod_proxy as a reverse proxy: explicit TLS in front of a plain backend, as its documentation has it. Needs root.
 * Without mod_tls_shmcache, with which 1.3.8 ends sessions after some transfers (`free(): invalid pointer`); tickets resume as well.
 */
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backend, OWNER, prepareWorkplace, startBackend } from '../../test/interop/backends/backend.ts';
import type { Packages } from '../../test/support/debian-packages.ts';
import type { Certificates } from '../certificates.ts';

/** Starts it in front of a plain backend on 127.0.0.1. */
export async function startModProxy(
  packages: Packages,
  certificates: Certificates,
  backendPort: number,
): Promise<Backend> {
  const workplace = await prepareWorkplace('mod-proxy');
  const { folder, port, passive } = workplace;
  const tables = join(folder, 'tables');
  await mkdir(tables, { mode: 0o700 });
  await chown(tables, OWNER.uid, OWNER.gid);
  const file = join(folder, 'proftpd.conf');
  await writeFile(
    file,
    `ModulePath ${packages.path('usr/lib/proftpd')}
LoadModule mod_proxy.c
LoadModule mod_tls.c
ServerName proxy
ServerType standalone
User nobody
Group nogroup
UseIPv6 off
SocketBindTight on
DefaultAddress 127.0.0.1
Port ${port}
PidFile ${join(folder, 'pid')}
ScoreboardFile none
ControlsEngine off
SystemLog none
UseReverseDNS off
MaxInstances 200
<IfModule mod_delay.c>
  DelayEngine off
</IfModule>
TLSSessionTickets on
ProxyTables ${tables}
WtmpLog off
TransferLog none
ProxyEngine on
ProxyRole reverse
ProxyReverseConnectPolicy RoundRobin
ProxyReverseServers ftp://127.0.0.1:${backendPort}
ProxyTimeoutConnect 5 1
ProxyOptions ShowFeatures
ProxyTLSEngine off
PassivePorts ${passive.first} ${passive.last}
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile ${certificates.cert}
TLSRSACertificateKeyFile ${certificates.key}
TLSVerifyClient off
TLSOptions NoSessionReuseRequired
TLSRenegotiate none
`,
  );
  return startBackend(workplace, {
    program: packages.path('usr/sbin/proftpd'),
    words: ['-n', '-q', '-d', '0', '-c', file],
    options: { env: packages.environment(folder) },
  });
}
