/** HAProxy terminating TLS before plain TCP, one thread, its own defaults otherwise. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareWorkplace, startBackend } from '../../test/interop/backends/backend.ts';
import type { Packages } from '../../test/support/debian-packages.ts';
import type { Certificates } from '../certificates.ts';
import type { TcpPeerPorts, TlsRelay } from './tls-relay.ts';

/** Starts it in front of a plain source and sink on 127.0.0.1. */
export async function startHaproxy(
  packages: Packages,
  certificates: Certificates,
  peer: TcpPeerPorts,
): Promise<TlsRelay> {
  const workplace = await prepareWorkplace('haproxy');
  const { folder, port } = workplace;
  const uploadPort = workplace.passive.first;
  const file = join(folder, 'haproxy.cfg');
  const relay = (name: string, from: number, to: number) => `listen ${name}
  bind 127.0.0.1:${from} ssl crt ${certificates.both}
  server peer 127.0.0.1:${to}
`;
  await writeFile(
    file,
    `global
  nbthread 1
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${relay('download', port, peer.source)}${relay('upload', uploadPort, peer.sink)}`,
  );
  const running = await startBackend(workplace, {
    program: packages.path('usr/sbin/haproxy'),
    words: ['-db', '-f', file],
    options: { env: packages.environment(folder) },
  });
  return Object.assign(running, { downloadPort: port, uploadPort });
}
