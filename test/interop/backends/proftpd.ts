/**
 * ProFTPD in clear for one user of its own password file. Reads nothing of the system's configuration.
 */
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BackendProgram,
  OWNER,
  PASSWORD_HASH,
  prepareWorkplace,
  startBackend,
  USER,
  type Workplace,
} from './backend.ts';

/** ProFTPD. */
export const proftpd: BackendProgram = {
  name: 'proftpd',
  facts: { refusedNames: [], needsRoot: false },
  async start(packages) {
    const workplace = await prepareWorkplace('proftpd');
    const { folder, home } = workplace;
    const passwords = join(folder, 'passwd');
    await writeFile(passwords, `${USER}:${PASSWORD_HASH}:${OWNER.uid}:${OWNER.gid}::${home}:/bin/sh\n`);
    await writeFile(join(folder, 'group'), '');
    for (const file of [passwords, join(folder, 'group')]) {
      await chmod(file, 0o600);
      await chown(file, OWNER.uid, OWNER.gid);
    }
    const file = join(folder, 'proftpd.conf');
    await writeFile(file, configuration(workplace));
    return startBackend(workplace, {
      program: packages.path('usr/sbin/proftpd'),
      words: ['-n', '-q', '-c', file],
      options: { env: packages.environment(folder) },
    });
  },
};

function configuration({ folder, port, passive }: Workplace): string {
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
`;
}
