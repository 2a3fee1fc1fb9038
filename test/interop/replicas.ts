/**
 * Several gateways behind one address: `sallyport serve` as processes on machines of a network of their own, HAProxy before them and vsftpd
 * behind them. HAProxy deals out every connection in turn, so most data connections reach a gateway that does not have their session.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import type { PortRange } from '../../src/config/schema.ts';
import type { Packages } from '../support/debian-packages.ts';
import { type TestMachine, TestNetwork } from '../support/network-namespaces.ts';
import { type Backend, PASSWORD, USER } from './backends/backend.ts';
import { startVsftpd } from './backends/vsftpd.ts';
import type { Target, TlsVersion } from './clients/client.ts';
import { type BalancerOfReplicas, startHaproxyBeforeReplicas } from './haproxy.ts';
import { providePackages } from './packages.ts';
import { ADMIN_PORT, ReplicaProcess } from './replica-process.ts';

/** How many gateways there are. */
export const REPLICAS = 3;

const DOOR = '192.0.2.1';
const CONTROL_PORT = 21;
const PEER_PORT = 7946;
const BALANCER = '10.0.0.2';
const BACKEND = '10.0.0.20';
const replicaAddress = (index: number) => `10.0.0.${10 + index}`;

/** A machine of clients: the programs, run there. */
export interface ClientMachine {
  readonly name: string;
  readonly packages: Packages;
  readonly machine: TestMachine;
}

/** The machines, and what does not change between configurations: the backend and the clients. */
export interface Site {
  readonly folder: string;
  readonly network: TestNetwork;
  readonly packages: Packages;
  readonly balancer: Packages;
  readonly gateways: readonly TestMachine[];
  readonly clients: readonly ClientMachine[];
  readonly backend: Backend;
  stop(): Promise<void>;
}

/** The programs; or why this machine cannot run them on machines of a network of their own. */
export async function providePackagesAndNetwork(): Promise<Packages | string> {
  const network = await TestNetwork.create('bridge');
  if (typeof network === 'string') return network;
  await network.close();
  return providePackages();
}

/** Builds the machines and starts the backend. */
export async function buildSite(packages: Packages): Promise<Site> {
  const network = await TestNetwork.create('outside', 'inside');
  if (typeof network === 'string') throw new Error(network);
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-replicas-'));
  const stop = async (backend?: Backend) => {
    await backend?.stop();
    await network.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeCertificates(folder);
    const balancer = await network.machine({ outside: `${DOOR}/24`, inside: `${BALANCER}/24` });
    const gateways: TestMachine[] = [];
    for (let index = 0; index < REPLICAS; index += 1)
      gateways.push(await network.machine({ inside: `${replicaAddress(index)}/24` }));
    const clients: ClientMachine[] = [];
    for (const name of ['east', 'west']) {
      const machine = await network.machine({ outside: `192.0.2.${11 + clients.length}/24` });
      const programs = await machine.here(packages, 'usr/bin/curl', 'usr/bin/lftp', 'usr/bin/python3');
      clients.push({ name, machine, packages: programs });
    }
    const backend = await startBackend(await network.machine({ inside: `${BACKEND}/24` }), packages);
    const haproxy = await balancer.here(packages, 'usr/sbin/haproxy');
    return { folder, network, packages, balancer: haproxy, gateways, clients, backend, stop: () => stop(backend) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startBackend(machine: TestMachine, packages: Packages): Promise<Backend> {
  const here = await machine.here(packages, 'usr/sbin/vsftpd');
  const more = [`listen_address=${BACKEND}`, `pasv_address=${BACKEND}`, 'pasv_min_port=20000', 'pasv_max_port=29999'];
  return startVsftpd(here, more, { listens: (port) => machine.listens(port) });
}

async function writeCertificates(folder: string): Promise<void> {
  const authority = await generateAuthority();
  const server = await generateServerCertificate(authority, { names: [DOOR] });
  await writeFile(join(folder, 'authority.pem'), authority.cert);
  await writeFile(join(folder, 'peers.key'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'server.pem'), server.cert);
  await writeFile(join(folder, 'server.key'), server.key, { mode: 0o600 });
}

/** How the gateways are told apart. */
export interface Arrangement {
  readonly passive: PortRange;
  /** Whether HAProxy tells them of its clients, on control and data connections. */
  readonly proxyProtocol: boolean;
}

/** Three gateways behind HAProxy. */
export interface Replicas {
  readonly each: readonly ReplicaProcess[];
  readonly haproxy: BalancerOfReplicas;
  target(tls: TlsVersion): Target;
  /** Sum of a metric over all series of all gateways whose labels contain the given ones. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Writes the last warnings and errors of all to the error output. */
  showLog(): void;
  stop(): Promise<void>;
}

/** Starts them; resolves when HAProxy uses all of them. */
export async function startReplicas(site: Site, arrangement: Arrangement): Promise<Replicas> {
  const each: ReplicaProcess[] = [];
  for (const [index, machine] of site.gateways.entries()) {
    const file = join(site.folder, `replica-${index}.yaml`);
    await writeFile(file, configuration(site, arrangement, index));
    each.push(new ReplicaProcess(machine, site.packages, file));
  }
  const settled = await Promise.allSettled(each.map((replica) => replica.start()));
  const stopAll = () => Promise.all(each.map((replica) => replica.kill()));
  try {
    for (const start of settled) if (start.status === 'rejected') throw start.reason;
    await Promise.all(each.map((replica) => replica.seesOthers(REPLICAS - 1)));
    const haproxy = await startBalancer(site, arrangement);
    return {
      each,
      haproxy,
      target: (tls) => ({
        ...{ host: DOOR, port: CONTROL_PORT, security: 'explicit', tls, user: USER, password: PASSWORD },
        authority: join(site.folder, 'authority.pem'),
      }),
      async metric(name, labels) {
        const values = await Promise.all(each.map((replica) => replica.metric(name, labels)));
        return values.reduce((sum, value) => sum + value, 0);
      },
      showLog() {
        const lines = each.flatMap(({ log }, index) => log.split('\n').map((line) => `r${index} ${line}`));
        const complaints = lines.filter((line) => /"level":"(warn|error|fatal)"|unclaimed/.test(line)).slice(-30);
        process.stderr.write(`\nThe gateways complained:\n${complaints.join('\n')}\nHAProxy:\n${haproxy.log}\n`);
      },
      async stop() {
        await Promise.all([haproxy.stop(), stopAll()]);
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function startBalancer(site: Site, { passive, proxyProtocol }: Arrangement): Promise<BalancerOfReplicas> {
  const replicas = site.gateways.map((_, index) => ({
    ...{ name: `r${index}`, address: replicaAddress(index), control: CONTROL_PORT, admin: ADMIN_PORT },
  }));
  const door = { address: DOOR, control: CONTROL_PORT, passive };
  return startHaproxyBeforeReplicas(site.balancer, door, replicas, proxyProtocol ? 'send-proxy-v2' : 'none');
}

function configuration({ folder, backend }: Site, { passive, proxyProtocol }: Arrangement, index: number): string {
  const proxy = proxyProtocol ? `{ control: required, trusted: ["${BALANCER}"] }` : '{}';
  return `
listeners: [{ name: public, address: ${replicaAddress(index)}, port: ${CONTROL_PORT}, proxyProtocol: ${proxy} }]
tls: { certificates: [{ cert: "${join(folder, 'server.pem')}", key: "${join(folder, 'server.key')}" }] }
data: { passive: { ports: ${passive.first}-${passive.last}, advertise: [{ address: ${DOOR} }] } }
backends: [{ name: legacy, host: ${BACKEND}, port: ${backend.port} }]
limits: { sessionsPerAddress: 1000 }
replication:
  index: ${index}
  count: ${REPLICAS}
  peers: [${Array.from({ length: REPLICAS }, (_, other) => `"${replicaAddress(other)}:${PEER_PORT}"`).join(', ')}]
  listen: { address: ${replicaAddress(index)}, port: ${PEER_PORT} }
  keyFile: "${join(folder, 'peers.key')}"
admin: { address: 0.0.0.0, port: ${ADMIN_PORT} }
log: { level: debug, format: json }
`;
}
