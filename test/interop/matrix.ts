/**
 * The matrix of one backend: every client through the gateway, explicit and implicit, TLS 1.2 and 1.3 (protocol case T155), and what must
 * be true afterwards. Each backend has its own test file, so that they run side by side.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { Backend, BackendProgram } from './backends/backend.ts';
import { CLIENTS } from './clients/all.ts';
import type { ClientProgram, Security, TlsVersion } from './clients/client.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, type Pairing, roundTrip, SIZES, unusualNames } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const WAYS: readonly (readonly [Security, TlsVersion])[] = [
  ['explicit', 'TLSv1.2'],
  ['explicit', 'TLSv1.3'],
  ['implicit', 'TLSv1.2'],
  ['implicit', 'TLSv1.3'],
];

/** Time for one test, milliseconds: a busy machine with two cores needs a second or two. */
const TEST_LIMIT = 60_000;

/** Declares the tests of every client through the gateway to this backend, which is reached in clear. */
export async function describeMatrix(program: BackendProgram): Promise<void> {
  await describeInterop(
    `${program.name} behind the gateway`,
    (bed) => {
      let backend: Backend;
      let gateway: InteropGateway;
      beforeAll(async () => {
        backend = await program.start(bed.packages);
        gateway = await startGateway({ backendPort: backend.port });
      });
      afterAll(async () => {
        await gateway?.stop();
        await backend?.stop();
      });

      const samples = [...SIZES, ...unusualNames(program.facts)];
      for (const client of CLIENTS) {
        describe.each(WAYS)(`${client.name}, %s %s`, (security, tls) => {
          const pairing = (): Pairing => {
            onTestFailed(() => gateway.showLog());
            return { bed, client, target: gateway.target(security, tls), home: backend.home };
          };
          it(`${describeRoundTrip(client)} (T102)`, { timeout: TEST_LIMIT }, async () => {
            const before = await count(gateway, tls);
            await roundTrip(pairing(), samples);
            expectOnlyThisVersion(before, await count(gateway, tls));
          });
          it.runIf(client.keepsSession)('moves twenty files in one session', { timeout: TEST_LIMIT }, async () => {
            const logins = await gateway.metric('sallyport_logins_total', { outcome: 'accepted' });
            await manyFiles(pairing());
            expect(await gateway.metric('sallyport_logins_total', { outcome: 'accepted' })).toBe(logins + 1);
          });
        });
      }

      it('leaves no session and no socket behind, and no transfer that was not completed', async () => {
        await gateway.expectQuiet();
        const transfers = await gateway.metric('sallyport_transfers_total');
        expect(transfers).toBeGreaterThan(0);
        expect(await gateway.metric('sallyport_transfers_total', { outcome: 'completed' })).toBe(transfers);
        expect(await gateway.metric('sallyport_unclaimed_data_connections_total')).toBe(0);
      });
    },
    { needsRoot: program.facts.needsRoot },
  );
}

function describeRoundTrip({ writes }: ClientProgram): string {
  return writes ? 'makes a folder, uploads, lists, downloads, renames and deletes' : 'lists and downloads';
}

interface HandshakeCount {
  readonly control: number;
  readonly data: number;
  readonly otherVersion: number;
}

/** TLS handshakes with clients so far: those of the version on either channel, and all others. */
async function count(gateway: InteropGateway, version: TlsVersion): Promise<HandshakeCount> {
  const handshakes = (labels: Record<string, string>) =>
    gateway.metric('sallyport_tls_handshakes_total', { side: 'client', ...labels });
  const control = await handshakes({ channel: 'control', version });
  const data = await handshakes({ channel: 'data', version });
  return { control, data, otherVersion: (await handshakes({})) - control - data };
}

/** A client that was told to speak one version of TLS has spoken it on both channels, and nothing else. */
function expectOnlyThisVersion(before: HandshakeCount, after: HandshakeCount): void {
  expect(after.control).toBeGreaterThan(before.control);
  expect(after.data).toBeGreaterThan(before.data);
  expect(after.otherVersion).toBe(before.otherVersion);
}
