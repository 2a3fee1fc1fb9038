/**
 * A machine with systemd as process 1, in namespaces of its own over the file system of this machine: what it writes stays in
 * memory and is gone afterwards, its network is a loopback of its own. Needs root. Knows nothing of the gateway.
 */
import { mkdir, mkdtemp, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Packages } from '../support/debian-packages.ts';
import { Daemon, type ProgramResult, runProgram } from '../support/processes.ts';

/** What the machine has beside the file system of this one. */
export interface MachineOptions {
  /** Packages that look as if they were installed there. */
  readonly packages: Packages;
  /** Folders of this machine that are written for good, by their path in the machine. */
  readonly folders?: Readonly<Record<string, string>>;
}

/** How to run commands in the machine. */
export interface RunOptions {
  /** `own`: the machine's loopback; `outer`: the network of this machine, for what must be fetched. Default `own`. */
  readonly network?: 'own' | 'outer';
  readonly env?: Readonly<Record<string, string>>;
  /** Folder in the machine; `/` by default. */
  readonly folder?: string;
  readonly input?: string;
  /** Milliseconds; a minute by default. */
  readonly limit?: number;
}

/** How much of what failing commands have printed is told (characters, from the end). */
const TOLD = 4_000;

/** How long it has to boot (milliseconds). */
const BOOT = 30_000;

/** Arguments: an empty folder, a cgroup, the root of the packages, and pairs of folders (outside, inside). */
const BOOT_SCRIPT = `set -e
echo $$ > "$2/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net sh -c '
set -e
read -r pid _ < /proc/self/stat
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
folder=$1; packages=$3; shift 3
cd "$folder"
mkdir root old changes changes.work usr usr.work etc etc.work
mount -t overlay overlay -o lowerdir=/,upperdir=changes,workdir=changes.work root
for part in usr etc; do
  if [ -d "$packages/$part" ]; then
    mount -t overlay overlay -o "lowerdir=$packages/$part:/$part,upperdir=$part,workdir=$part.work" "root/$part"
  fi
done
if [ -d "$packages/lib" ]; then cp -a "$packages/lib/." root/usr/lib/; fi
cd root
while [ $# -gt 0 ]; do mkdir -p "./$2"; mount --bind "$1" "./$2"; shift 2; done
mount -t proc proc proc
# Most of these settings are those of the one kernel that all machines here share; the network is its own.
for part in proc/sys/*; do
  if [ -d "$part" ] && [ "$part" != proc/sys/net ]; then mount --bind "$part" "$part"; mount -o remount,bind,ro "$part"; fi
done
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do : > dev/$device; mount --bind /dev/$device dev/$device; done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
rm -rf etc/systemd/system/*.wants
for unit in systemd-sysctl systemd-modules-load systemd-udevd systemd-timesyncd systemd-random-seed systemd-remount-fs; do
  ln -sf /dev/null etc/systemd/system/$unit.service
done
: > etc/machine-id
printf "[Unit]\\nRequires=systemd-journald.service\\nAfter=systemd-journald.service\\n" > etc/systemd/system/machine.target
mkdir -p old
pivot_root . old
umount -l old
cd /
mount --make-rshared /
echo "machine $pid"
exec setpriv --bounding-set -sys_module,-sys_rawio,-sys_time,-syslog \\
  chroot . /usr/bin/env -i container=sallyport-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --system --unit=machine.target --log-target=journal --show-status=no
' sh "$@"`;

export class SystemdMachine {
  readonly #process: Daemon;
  readonly #pid: number;
  readonly #folder: string;
  readonly #cgroup: string;

  private constructor(process: Daemon, pid: number, folder: string, cgroup: string) {
    this.#process = process;
    this.#pid = pid;
    this.#folder = folder;
    this.#cgroup = cgroup;
  }

  /** Boots one. Resolves with the reason as a string where this machine cannot have one. */
  static async boot({ packages, folders = {} }: MachineOptions): Promise<SystemdMachine | string> {
    const lacking = await whatIsLacking();
    if (lacking !== undefined) return lacking;
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-machine-'));
    const cgroup = await makeCgroup();
    const pairs = Object.entries(folders).flatMap(([inside, outside]) => [outside, inside]);
    const words = ['-c', BOOT_SCRIPT, 'sh', folder, cgroup, packages.path('.'), ...pairs];
    const process = new Daemon('/bin/sh', words, { descriptors: 4_096 });
    const pid = await pidOf(process);
    if (pid === undefined) {
      const log = process.log.trim();
      await process.stop();
      await clean(folder, cgroup);
      return `no machine of its own can be started here: ${log}`;
    }
    const machine = new SystemdMachine(process, pid, folder, cgroup);
    await machine.#hasBooted();
    return machine;
  }

  /** Runs shell commands as root to their end, or to the first that fails. Does not reject when they fail. */
  run(commands: string, options: RunOptions = {}): Promise<ProgramResult> {
    const { network = 'own', env = {}, folder = '/', input, limit } = options;
    const { PATH = '', NODE_EXTRA_CA_CERTS } = globalThis.process.env;
    const variables = {
      PATH,
      HOME: homedir(),
      LC_ALL: 'C',
      ...(NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS }),
      ...env,
    };
    const words = [
      ...['--target', String(this.#pid), '--mount', '--pid', '--uts', '--ipc', '--cgroup'],
      ...(network === 'own' ? ['--net'] : []),
      ...['--root', '--wd', '/usr/bin/env', '-i'],
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ...['/bin/bash', '-e', '-o', 'pipefail', '-c', `cd "$0"\n${commands}`, folder],
    ];
    return runProgram('nsenter', words, {
      folder: '/',
      ...(input !== undefined && { input }),
      ...(limit !== undefined && { limit }),
    });
  }

  /** As {@link run}; resolves with the output. Throws an Error with the end of what was printed where a command fails. */
  async must(commands: string, options: RunOptions = {}): Promise<string> {
    const { code, signal, output, errors } = await this.run(commands, options);
    if (code !== 0) {
      throw new Error(`ended with ${signal ?? code}:\n${commands}\n${output.slice(-TOLD)}\n${errors.slice(-TOLD)}`);
    }
    return output;
  }

  /** Switches it off, whatever runs there, and removes what is left of it. */
  async stop(): Promise<void> {
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It is off already.
    }
    await this.#process.stop();
    await clean(this.#folder, this.#cgroup);
  }

  async #hasBooted(): Promise<void> {
    const end = performance.now() + BOOT;
    for (;;) {
      const { output } = await this.run('systemctl is-system-running');
      if (/^(running|degraded)$/m.test(output)) return;
      if (performance.now() > end) {
        await this.stop();
        throw new Error(`systemd did not boot: ${output}${this.#process.log}`);
      }
      await delay(50);
    }
  }
}

async function whatIsLacking(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'only root can start a machine with systemd';
  for (const file of [
    '/lib/systemd/systemd',
    '/usr/bin/unshare',
    '/usr/bin/nsenter',
    '/usr/bin/setpriv',
    '/bin/bash',
  ]) {
    if ((await readFile(file).catch(() => undefined)) === undefined) return `this machine has no ${file}`;
  }
  if (!/\boverlay$/m.test(await readFile('/proc/filesystems', 'utf8')))
    return 'this machine has no overlay file system';
  return (await cgroupFolder()) === undefined ? 'this machine has no cgroups of version 2' : undefined;
}

/** The folder of the cgroup (version 2) that this process is in. */
async function cgroupFolder(): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(mounts)?.[1];
  const own = /^0::(.*)$/m.exec(await readFile('/proc/self/cgroup', 'utf8'))?.[1];
  return mount === undefined || own === undefined ? undefined : join(mount, own);
}

async function makeCgroup(): Promise<string> {
  const cgroup = join((await cgroupFolder()) ?? '', `sallyport-machine-${process.pid}-${Date.now()}`);
  await mkdir(cgroup);
  return cgroup;
}

/** Process 1 of the machine as this machine sees it; undefined where none came to be. */
async function pidOf(process: Daemon): Promise<number | undefined> {
  const end = performance.now() + BOOT;
  while (performance.now() < end) {
    const pid = /^machine (\d+)$/m.exec(process.log)?.[1];
    if (pid !== undefined) return Number(pid);
    if (process.ended !== undefined) return undefined;
    await delay(20);
  }
  return undefined;
}

async function clean(folder: string, cgroup: string): Promise<void> {
  await removeCgroup(cgroup);
  // Empty: what was in it was seen by the machine alone.
  await rmdir(folder);
}

/** From the inside out; what still runs in it is on its way out. */
async function removeCgroup(cgroup: string): Promise<void> {
  await writeFile(join(cgroup, 'cgroup.kill'), '1').catch(() => {});
  const inner = await readdir(cgroup, { withFileTypes: true }).catch(() => []);
  for (const entry of inner) if (entry.isDirectory()) await removeCgroup(join(cgroup, entry.name));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const gone = await rmdir(cgroup).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (gone) return;
    await delay(20);
  }
}
