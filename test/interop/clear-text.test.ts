/**
 * Backward compatibility with real clients: where the policy allows it, clear-text FTP works fully through the gateway; where it does not, the
 * client is told so before it has sent a password.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { CLIENTS } from './clients/all.ts';
import { curl } from './clients/curl.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, roundTrip, SIZES, unusualNames } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

await describeInterop('clear text', (bed) => {
  let backend: Backend;
  let tolerant: InteropGateway;
  let strict: InteropGateway;
  beforeAll(async () => {
    backend = await pyftpdlib.start(bed.packages);
    tolerant = await startGateway({ backendPort: backend.port, clearText: 'allowed' });
    strict = await startGateway({ backendPort: backend.port });
  });
  afterAll(async () => {
    await tolerant?.stop();
    await strict?.stop();
    await backend?.stop();
  });

  describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s where the policy is off', (_, client) => {
    const pairing = () => ({ bed, client, target: tolerant.target('plain', 'TLSv1.3'), home: backend.home });
    const samples = [...SIZES, ...unusualNames(pyftpdlib.facts)];
    it('makes a folder, uploads, lists, downloads, renames and deletes', () => roundTrip(pairing(), samples));
    it.runIf(client.keepsSession)('moves twenty files in one session', () => manyFiles(pairing()));
  });

  it('curl is refused before its password where the policy is enforced', async () => {
    const target = strict.target('plain', 'TLSv1.3');
    const refused = curl.perform(bed.packages, target, [{ do: 'make folder', folder: 'never' }]);
    await expect(refused).rejects.toThrow(/< 5\d\d/);
    await expect(refused).rejects.not.toThrow(/PASS/);
  });

  it('leaves no session and no socket behind', async () => {
    await tolerant.expectQuiet();
    await strict.expectQuiet();
  });
});
