/**
 * vsftpd for one user. PAM services and the user database are private copies (pam_wrapper, nss_wrapper), so that nothing
 * under /etc is changed and nothing is expected there.
 */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Packages } from '../../support/debian-packages.ts';
import type { MovableClock } from '../clock.ts';
import {
  type Backend,
  type BackendProgram,
  type Launch,
  OWNER,
  PASSWORD,
  prepareWorkplace,
  type ServerTls,
  startBackend,
  USER,
  type Workplace,
} from './backend.ts';

const SERVICE = 'sallyport-interop';
/** The system user of the files; the program changes into this user's home before it goes to `local_root`. */
const OWNER_NAME = 'files';

/** vsftpd; needs root. */
export const vsftpd: BackendProgram = {
  name: 'vsftpd',
  facts: { refusedNames: [], needsRoot: true, tls: ['explicit', 'implicit'], resumes: ['TLSv1.2', 'TLSv1.3'] },
  start: (packages, tls, clock) => startVsftpd(packages, tls === undefined ? [] : tlsLines(tls), { clock }),
};

/**
 * Starts vsftpd with more lines of configuration, which go before those that are there. Where these make it listen elsewhere, `listens` tells
 * whether it does. Throws an Error with its output when it does not accept connections.
 */
export async function startVsftpd(
  packages: Packages,
  more: readonly string[] = [],
  { clock, listens }: { clock?: MovableClock | undefined; listens?: Launch['listens'] } = {},
): Promise<Backend> {
  const workplace = await prepareWorkplace('vsftpd', clock);
  const services = await writeServices(workplace, packages);
  const file = join(workplace.folder, 'vsftpd.conf');
  await mkdir(join(workplace.folder, 'empty'));
  await writeFile(file, configuration(workplace) + more.map((line) => `${line}\n`).join(''));
  return startBackend(workplace, {
    program: packages.path('usr/sbin/vsftpd'),
    words: [file],
    options: {
      env: {
        ...packages.environment(workplace.folder),
        PAM_WRAPPER: '1',
        PAM_WRAPPER_SERVICE_DIR: services,
        ...(await writeUsers(workplace)),
        LD_PRELOAD: `${packages.library('libpam_wrapper.so')}:${packages.library('libnss_wrapper.so')}`,
      },
    },
    afterwards: removeWrapperFolders,
    listens,
  });
}

/** The strictest that it knows: session reuse on data connections, and close_notify at the end of uploads. */
function tlsLines({ security, cert, key }: ServerTls): readonly string[] {
  return [
    'ssl_enable=YES',
    'force_local_logins_ssl=YES',
    'force_local_data_ssl=YES',
    `rsa_cert_file=${cert}`,
    `rsa_private_key_file=${key}`,
    'require_ssl_reuse=YES',
    'strict_ssl_read_eof=YES',
    'ssl_ciphers=HIGH',
    `implicit_ssl=${security === 'implicit' ? 'YES' : 'NO'}`,
  ];
}

function configuration({ folder, home, port, passive }: Workplace): string {
  return `listen=YES
listen_address=127.0.0.1
listen_port=${port}
background=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username=${OWNER_NAME}
ftp_username=${OWNER_NAME}
nopriv_user=${OWNER_NAME}
virtual_use_local_privs=YES
local_root=${home}
chroot_local_user=YES
allow_writeable_chroot=YES
write_enable=YES
pam_service_name=${SERVICE}
secure_chroot_dir=${join(folder, 'empty')}
seccomp_sandbox=NO
pasv_address=127.0.0.1
pasv_min_port=${passive.first}
pasv_max_port=${passive.last}
`;
}

/** A private /etc/passwd and /etc/group. */
async function writeUsers({ folder, home }: Workplace): Promise<Record<string, string>> {
  const users = join(folder, 'passwd');
  const groups = join(folder, 'group');
  const { uid, gid } = OWNER;
  await writeFile(users, `root:x:0:0:root:/:/bin/sh\n${OWNER_NAME}:x:${uid}:${gid}::${home}:/bin/sh\n`);
  await writeFile(groups, `root:x:0:\n${OWNER_NAME}:x:${gid}:\n`);
  return { NSS_WRAPPER_PASSWD: users, NSS_WRAPPER_GROUP: groups };
}

/** A private /etc/pam.d: our service, and `other`, without which pam_wrapper complains into whatever descriptor 2 is by then. */
async function writeServices({ folder }: Workplace, packages: Packages): Promise<string> {
  const services = join(folder, 'pam.d');
  await mkdir(services);
  const passwords = join(folder, 'passdb');
  await writeFile(passwords, `${USER}:${PASSWORD}:${SERVICE}\n`);
  await chmod(passwords, 0o600);
  const matrix = `${packages.library('pam_wrapper/pam_matrix.so')} passdb=${passwords}`;
  const service = `auth required ${matrix}\naccount required ${matrix}\nsession required pam_permit.so\npassword required pam_deny.so\n`;
  await writeFile(join(services, SERVICE), service);
  const deny = ['auth', 'account', 'session', 'password'].map((kind) => `${kind} required pam_deny.so\n`).join('');
  await writeFile(join(services, 'other'), deny);
  return services;
}

/** pam_wrapper keeps a folder /tmp/pam.? per process, with the process id in it, and leaves it behind when that process is killed. */
async function removeWrapperFolders(): Promise<void> {
  for (const name of await readdir('/tmp')) {
    if (!/^pam\.[0-9a-zA-Z]$/.test(name)) continue;
    const pid = (await readFile(join('/tmp', name, 'pid'), 'latin1').catch(() => '')).replace(/[^0-9]/g, '');
    if (pid !== '' && !isRunning(Number(pid))) await rm(join('/tmp', name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
