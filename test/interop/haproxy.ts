/**
 * HAProxy as the balancer before a gateway: the same ports on an address of its own, with PROXY headers of version 2 on control
 * and data connections, and health checks; or before a backend, where it takes such headers. Knows nothing of FTP.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
