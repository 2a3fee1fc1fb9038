/**
 * The test bed itself: every client straight against every backend, in clear and without a gateway between them. When these fail, the
 * programs or their configurations are at fault and the other interop files prove nothing.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { BACKENDS } from './backends/all.ts';
import { type Backend, PASSWORD, USER } from './backends/backend.ts';
import { CLIENTS } from './clients/all.ts';
import type { ClientProgram } from './clients/client.ts';
import { type Pairing, roundTrip, SIZES, unusualNames } from './scenarios.ts';
import { announceSkip, describeInterop, type TestBed } from './test-bed.ts';

await announceSkip();

for (const program of BACKENDS) {
  const { needsRoot } = program.facts;
  await describeInterop(
    `${program.name} without a gateway`,
    (bed) => {
      let backend: Backend;
      beforeAll(async () => {
        backend = await program.start(bed.packages);
      });
      afterAll(() => backend?.stop());

      describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s in clear', (_name, client) => {
        const pairing = () => direct(bed, client, backend);
        const samples = [...SIZES, ...unusualNames(program.facts)];
        it('makes a folder, uploads, lists, downloads, renames and deletes', () => roundTrip(pairing(), samples));
      });
    },
    { needsRoot },
  );
}

function direct(bed: TestBed, client: ClientProgram, backend: Backend): Pairing {
  const { port, home } = backend;
  const account = { user: USER, password: PASSWORD };
  const target = { host: '127.0.0.1', port, security: 'plain', tls: 'TLSv1.3', authority: '', ...account } as const;
  return { bed, client, home, target };
}
