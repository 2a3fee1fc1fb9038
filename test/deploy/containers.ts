/**
 * A machine that builds and runs containers: podman, under Docker's name, and images that stand in for those of registries that are not
 * asked. Knows neither the gateway nor its images.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemdMachine } from './systemd-machine.ts';
import { CACHE, provideContainerTools } from './tools.ts';

/** A machine with containers. */
export interface ContainerMachine {
  readonly machine: SystemdMachine;
  /** Switches it off and removes its images. */
  stop(): Promise<void>;
}

/** An image that stands in for another one. */
export interface StandIn {
  /** As others name it, such as `prom/prometheus:v3.5.0`. */
  readonly image: string;
  /** What it has beside a small Debian with Node and npm: lines of a Dockerfile. */
  readonly lines: readonly string[];
}

/** Limits, so that containers start where the process itself may not raise them; no cgroups, which need more than a namespace. */
const CONFIGURATION = `[containers]
cgroups = "disabled"
log_driver = "k8s-file"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
runtime = "crun"
`;

/** Docker's words for podman. A build fetches from the outer network, and has the cache of npm. */
const DOCKER = `#!/bin/bash
build=(--isolation chroot --network host --format docker --pull-never --volume "$HOME/.npm:/root/.npm")
case "$1" in
  build)
    exec podman build "\${build[@]}" --ignorefile deploy/docker/Dockerfile.dockerignore "\${@:2}" ;;
  compose)
    file=$3
    case "$4" in
      cp) exec podman cp "deploy_\${5/:/_1:}" "$6" ;;
      build) exec podman-compose --podman-build-args "\${build[*]}" --file "$file" build ;;
      up) exec podman-compose --file "$file" up --no-build "\${@:5}" ;;
      *) exec podman-compose --file "$file" "\${@:4}" ;;
    esac ;;
esac
exec podman "$@"
`;

/** Debian with Node and npm as a tar: made once, kept in /cache. */
const BASE = `
if [ ! -e "/cache/$BASE" ]; then
  debootstrap --variant=minbase --include=ca-certificates,libatomic1,libstdc++6 bookworm /tmp/base
  rm -rf /tmp/base/var/cache/apt/archives/*.deb
  mkdir -p /tmp/base/usr/local/lib/node_modules /tmp/base/usr/local/etc
  cp "$NODE" /tmp/base/usr/local/bin/node
  cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" /tmp/base/usr/local/lib/node_modules/npm
  ln -s ../lib/node_modules/npm/bin/npm-cli.js /tmp/base/usr/local/bin/npm
  tar -C /tmp/base -cf "/cache/$BASE.new" .
  mv "/cache/$BASE.new" "/cache/$BASE"
  rm -rf /tmp/base
fi`;

/** Boots one, with these images. Resolves with the reason as a string where this machine cannot have one. */
export async function bootContainerMachine(standIns: readonly StandIn[]): Promise<ContainerMachine | string> {
  const packages = await provideContainerTools();
  if (typeof packages === 'string') return packages;
  const storage = await mkdtemp(join(tmpdir(), 'sallyport-containers-'));
  const removeStorage = () => rm(storage, { recursive: true, force: true });
  const cache = join(CACHE, 'images');
  await mkdir(cache, { recursive: true });
  const machine = await SystemdMachine.boot({
    packages,
    folders: { '/var/lib/containers': storage, '/cache': cache },
  });
  if (typeof machine === 'string') {
    await removeStorage();
    return machine;
  }
  const stop = async () => {
    await machine.stop();
    await removeStorage();
  };
  try {
    await machine.must('cat > /etc/containers/containers.conf', { input: CONFIGURATION });
    await machine.must('cat > /usr/local/bin/docker && chmod 755 /usr/local/bin/docker', { input: DOCKER });
    await machine.must(
      'rm -f /etc/cni/net.d/*; for name in iptables ip6tables; do ln -sf xtables-nft-multi /usr/sbin/$name; done; systemctl start dbus.socket',
    );
    await makeImages(machine, standIns);
    return { machine, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeImages(machine: SystemdMachine, standIns: readonly StandIn[]): Promise<void> {
  const base = `debian-node-${process.versions.node}.tar`;
  await machine.must(BASE, { network: 'outer', limit: 240_000, env: { BASE: base, NODE: process.execPath } });
  await machine.must(`podman import /cache/${base} localhost/plain:1`, { limit: 120_000 });
  // Whoever fetches through a proxy trusts what this machine trusts.
  const trust = [
    'FROM localhost/plain:1',
    'COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt',
    "RUN printf 'cafile=/etc/ssl/certs/ca-certificates.crt\\nprefer-offline=true\\n' > /usr/local/etc/npmrc",
  ];
  await build(machine, 'localhost/base:1', trust, '/etc/ssl/certs');
  for (const { image, lines } of standIns) {
    await build(machine, `docker.io/${image}`, ['FROM localhost/base:1', ...lines], '/usr/bin');
  }
}

async function build(machine: SystemdMachine, image: string, lines: readonly string[], context: string): Promise<void> {
  await machine.must('mkdir -p /tmp/build && cat > /tmp/build/Dockerfile', { input: `${lines.join('\n')}\n` });
  const words = `--isolation chroot --network host --format docker --pull-never --file /tmp/build/Dockerfile`;
  await machine.must(`podman build ${words} --tag ${image} ${context}`, { limit: 120_000 });
}
