/**
 * HAProxy as the balancer before a gateway: the same ports on an address of its own, with PROXY headers of version 2 on control
 * and data connections, and health checks; or before a backend, where it takes such headers. Knows nothing of FTP.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, vi } from 'vitest';
import type { PortRange } from '../../src/config/schema.ts';
import type { Packages } from '../support/debian-packages.ts';
import { Daemon } from '../support/processes.ts';

/** Where HAProxy listens and where its own connections come from. */
export const HAPROXY_ADDRESS = '127.0.0.8';

/** Where HAProxy listens for a backend. */
export const BEFORE_BACKEND = '127.0.0.9';

/** A running HAProxy. */
export interface Haproxy {
  readonly log: string;
  stop(): Promise<void>;
}

/** A running HAProxy before several gateways. */
export interface BalancerOfReplicas extends Haproxy {
  /** Resolves when it uses all of them, on all ports. */
  usesAll(): Promise<void>;
}

/** A gateway that is one of several: its address, and its ports for control connections and for HTTP. */
export interface Replica {
  readonly name: string;
  readonly address: string;
  readonly control: number;
  readonly admin: number;
}

/** Where HAProxy listens for several gateways: the control port and the passive ports. */
export interface Door {
  readonly address: string;
  readonly control: number;
  readonly passive: PortRange;
}

/**
 * Starts it before several gateways, in turn for each connection, control and data: no connection knows of another. A gateway that drains
 * gets none: the others hand over what belongs to it. Resolves when it uses all of them.
 */
export async function startHaproxyBeforeReplicas(
  packages: Packages,
  door: Door,
  replicas: readonly Replica[],
  header: 'none' | 'send-proxy-v2',
): Promise<BalancerOfReplicas> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-haproxy-'));
  const socket = join(folder, 'stats');
  const haproxy = await start(packages, beforeReplicas(door, replicas, header, socket));
  const running: BalancerOfReplicas = {
    get log() {
      return haproxy.log;
    },
    usesAll: () => vi.waitFor(async () => expect(await serversInUse(socket)).toHaveLength(2 * replicas.length), 10_000),
    async stop() {
      await haproxy.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await running.usesAll();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

/** Starts it before a gateway on 127.0.0.1. Whether it is ready shows in the gateway's metrics: it checks health at once. */
export function startHaproxy(
  packages: Packages,
  ports: { readonly control: readonly number[]; readonly passive: PortRange },
): Promise<Haproxy> {
  return start(packages, configuration(ports.control, ports.passive));
}

/**
 * Starts it before a backend on 127.0.0.1, with the same ports: it demands PROXY headers on control connections, and takes none on data
 * connections. Each connection makes a line of the log when it ends: `control CLIENT PORT DESTINATION PORT AUTHORITY` or `data ADDRESS`.
 */
export function startHaproxyBeforeBackend(
  packages: Packages,
  ports: { readonly control: number; readonly passive: PortRange },
): Promise<Haproxy> {
  return start(packages, beforeBackend(ports.control, ports.passive));
}

async function start(packages: Packages, configuration: string): Promise<Haproxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, configuration);
  const env = packages.environment(folder);
  const daemon = new Daemon(packages.path('usr/sbin/haproxy'), ['-db', '-f', file], { env });
  return {
    get log() {
      return `${daemon.ended ?? 'running'}\n${daemon.log}`;
    },
    async stop() {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(control: readonly number[], passive: PortRange): string {
  const doors = control.map(
    (port) => `
listen control-${port}
  bind ${HAPROXY_ADDRESS}:${port}
  server gateway 127.0.0.1:${port} source ${HAPROXY_ADDRESS} send-proxy-v2 check inter 200ms
`,
  );
  return `
global
  maxconn 200
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${doors.join('')}
# Without a port of its own a server gets the connections of each port on that port.
listen data
  bind ${HAPROXY_ADDRESS}:${passive.first}-${passive.last}
  server gateway 127.0.0.1 source ${HAPROXY_ADDRESS} send-proxy-v2
`;
}

function beforeBackend(control: number, passive: PortRange): string {
  return `
global
  maxconn 200
  log stdout format raw local0
defaults
  mode tcp
  log global
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen control
  bind ${BEFORE_BACKEND}:${control} accept-proxy
  log-format "control %ci %cp %fi %fp %[fc_pp_authority]"
  server backend 127.0.0.1:${control}
listen data
  bind ${BEFORE_BACKEND}:${passive.first}-${passive.last}
  log-format "data %ci"
  server backend 127.0.0.1
`;
}

function beforeReplicas(door: Door, replicas: readonly Replica[], header: string, socket: string): string {
  const option = header === 'none' ? '' : header;
  const servers = (port: (replica: Replica) => string) =>
    replicas
      .map(
        (replica) =>
          `  server ${replica.name} ${replica.address}${port(replica)} check port ${replica.admin} ${option}`,
      )
      .join('\n');
  return `
global
  maxconn 450
  stats socket ${socket} mode 600
defaults
  mode tcp
  balance roundrobin
  timeout connect 5s
  timeout check 5s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
  option httpchk GET /readyz
  default-server inter 200ms fall 1 rise 1
listen control
  bind ${door.address}:${door.control}
${servers(({ control }) => `:${control}`)}
listen data
  bind ${door.address}:${door.passive.first}-${door.passive.last}
${servers(() => '')}
`;
}

/** `show servers state`: columns 4, 6 and 2 are the name of the server, its operational state (2: runs) and that of the proxy. */
async function serversInUse(path: string): Promise<readonly string[]> {
  const socket = connect(path);
  socket.end('show servers state\n');
  const rows = (await text(socket)).split('\n').map((line) => line.split(' '));
  return rows.flatMap(([, proxy, , server, , state]) => (state === '2' ? [`${proxy}/${server}`] : []));
}
