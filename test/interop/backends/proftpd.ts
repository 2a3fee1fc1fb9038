/**
 * ProFTPD for one user of its own password file; with TLS it demands that data connections resume a session (its default). Reads nothing of the system's configuration.
 */
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MovableClock } from '../clock.ts';
import {
  type BackendProgram,
  OWNER,
  PASSWORD_HASH,
  prepareWorkplace,
  type ServerTls,
  startBackend,
  USER,
  type Workplace,
} from './backend.ts';

/** Its timers count by the wall clock: one that is moved on would end what has just begun. */
const PATIENT = 'TimeoutIdle 0\nTimeoutNoTransfer 0\nTimeoutStalled 0\n';

/** ProFTPD. */
export const proftpd: BackendProgram = {
  name: 'proftpd',
  facts: { refusedNames: [], needsRoot: false, tls: ['explicit', 'implicit'], resumes: ['TLSv1.2', 'TLSv1.3'] },
  async start(packages, tls, clock) {
    const workplace = await prepareWorkplace('proftpd', clock);
    const { folder, home } = workplace;
    const passwords = join(folder, 'passwd');
    await writeFile(passwords, `${USER}:${PASSWORD_HASH}:${OWNER.uid}:${OWNER.gid}::${home}:/bin/sh\n`);
    await writeFile(join(folder, 'group'), '');
    for (const file of [passwords, join(folder, 'group')]) {
      await chmod(file, 0o600);
      await chown(file, OWNER.uid, OWNER.gid);
    }
    const file = join(folder, 'proftpd.conf');
    const more = tls === undefined ? '' : tlsConfiguration(packages.path('usr/lib/proftpd'), tls, clock);
    await writeFile(file, more + configuration(workplace));
    return startBackend(workplace, {
      program: packages.path('usr/sbin/proftpd'),
      words: ['-n', '-q', '-c', file],
      options: { env: packages.environment(folder) },
    });
  },
};

function tlsConfiguration(modules: string, { security, cert, key }: ServerTls, clock?: MovableClock): string {
  return `ModulePath ${modules}
LoadModule mod_tls.c
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile ${cert}
TLSRSACertificateKeyFile ${key}
TLSVerifyClient off
${clock === undefined ? '' : 'TLSTimeoutHandshake 0\n'}${security === 'implicit' ? 'TLSOptions UseImplicitSSL\n' : ''}`;
}

function configuration({ folder, port, passive, clock }: Workplace): string {
  const asRoot = process.getuid?.() === 0 ? 'User nobody\nGroup nogroup\nDefaultRoot ~\n' : '';
  return `ServerName interop
ServerType standalone
${asRoot}UseIPv6 off
SocketBindTight on
DefaultAddress 127.0.0.1
Port ${port}
PidFile ${join(folder, 'pid')}
ScoreboardFile none
ControlsEngine off
SystemLog none
UseReverseDNS off
MaxInstances 60
<IfModule mod_delay.c>
  DelayEngine off
  DelayTable none
</IfModule>
WtmpLog off
TransferLog none
UseFtpUsers off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile ${join(folder, 'passwd')}
AuthGroupFile ${join(folder, 'group')}
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
PassivePorts ${passive.first} ${passive.last}
${clock === undefined ? '' : PATIENT}`;
}
