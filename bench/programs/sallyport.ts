/** Sallyport as an operator runs it: built, `sallyport serve` with a configuration file, in a process of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backend, prepareWorkplace, startBackend } from '../../test/interop/backends/backend.ts';
import type { Certificates } from '../certificates.ts';

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');

/** Starts a gateway in front of a plain backend on 127.0.0.1. */
export async function startSallyport(certificates: Certificates, backendPort: number): Promise<Backend> {
  const workplace = await prepareWorkplace('sallyport');
  const { folder, port, passive } = workplace;
  const file = join(folder, 'sallyport.yaml');
  await writeFile(
    file,
    `listeners:
  - { name: public, address: 127.0.0.1, port: ${port}, mode: explicit }
tls:
  certificates: [{ cert: "${certificates.cert}", key: "${certificates.key}" }]
data:
  passive: { ports: ${passive.first}-${passive.first + 9} }
backends:
  - { name: legacy, host: 127.0.0.1, port: ${backendPort} }
limits: { sessions: 10000, sessionsPerAddress: 10000 }
timeouts: { controlIdle: 1h, dataStall: 1h }
admin: { address: 127.0.0.1, port: 0 }
`,
  );
  return startBackend(workplace, {
    program: process.execPath,
    words: [MAIN, 'serve', '--config', file],
    options: { descriptors: 20_000 },
  });
}
