/** nginx's stream module terminating TLS, one worker, its own defaults otherwise. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareWorkplace, startBackend } from '../../test/interop/backends/backend.ts';
import type { Packages } from '../../test/support/debian-packages.ts';
import type { Certificates } from '../certificates.ts';
import type { TcpPeerPorts, TlsRelay } from './tls-relay.ts';

/** Starts it in front of a plain source and sink on 127.0.0.1. */
export async function startNginx(
  packages: Packages,
  certificates: Certificates,
  peer: TcpPeerPorts,
): Promise<TlsRelay> {
  const workplace = await prepareWorkplace('nginx');
  const { folder, port } = workplace;
  const uploadPort = workplace.passive.first;
  const file = join(folder, 'nginx.conf');
  const server = (from: number, to: number) =>
    `  server { listen 127.0.0.1:${from} ssl; proxy_pass 127.0.0.1:${to}; }\n`;
  await writeFile(
    file,
    `load_module ${packages.path('usr/lib/nginx/modules/ngx_stream_module.so')};
daemon off;
worker_processes 1;
pid ${join(folder, 'pid')};
error_log ${join(folder, 'error.log')};
events { worker_connections 1024; }
stream {
  ssl_certificate ${certificates.cert};
  ssl_certificate_key ${certificates.key};
  ssl_protocols TLSv1.2 TLSv1.3;
${server(port, peer.source)}${server(uploadPort, peer.sink)}}
`,
  );
  const running = await startBackend(workplace, {
    program: packages.path('usr/sbin/nginx'),
    words: ['-p', folder, '-e', join(folder, 'error.log'), '-c', file],
    options: { env: packages.environment(folder) },
  });
  return Object.assign(running, { downloadPort: port, uploadPort });
}
