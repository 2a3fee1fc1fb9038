/** Real clients that show certificates to a gateway that demands them, with vsftpd behind it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { vsftpd } from './backends/vsftpd.ts';
import type { Security, TlsVersion } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, roundTrip, SIZES } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const WAYS: readonly (readonly [Security, TlsVersion])[] = [
  ['explicit', 'TLSv1.2'],
  ['explicit', 'TLSv1.3'],
  ['implicit', 'TLSv1.2'],
  ['implicit', 'TLSv1.3'],
];

for (const how of ['beside-password', 'in-place-of-password'] as const) {
  await describeInterop(
    `client certificates ${how}`,
    (bed) => {
      let backend: Backend;
      let gateway: InteropGateway;

      beforeAll(async () => {
        backend = await vsftpd.start(bed.packages);
        gateway = await startGateway({ backendPort: backend.port, clientCertificates: how });
      });
      afterAll(async () => {
        await gateway?.stop();
        await backend?.stop();
      });

      for (const client of [curl, lftp, python]) {
        describe.each(WAYS)(`${client.name}, %s, %s`, (security, tls) => {
          const wrong = how === 'in-place-of-password' ? { password: 'not-the-password' } : {};
          const pairing = () => ({
            ...{ bed, client, home: backend.home },
            target: { ...gateway.target(security, tls), ...wrong },
          });

          it('makes a folder, uploads, lists, downloads, renames and deletes', () => roundTrip(pairing(), SIZES));
          it('moves twenty files in one session', () => manyFiles(pairing()));

          it('gets nowhere without its certificate', async () => {
            const reason = { side: 'client', reason: 'client-certificate-missing' };
            const refused = () => gateway.metric('sallyport_tls_handshake_failures_total', reason);
            const before = await refused();
            const target = { ...gateway.target(security, tls), certificate: undefined };
            const steps = [{ do: 'make folder', folder: 'never' }] as const;
            await expect(client.perform(bed.packages, target, steps)).rejects.toThrow(/certificate|421/i);
            expect(await refused()).toBeGreaterThan(before);
          });
        });
      }

      it('leaves nothing behind', () => gateway.expectQuiet());
    },
    { needsRoot: vsftpd.facts.needsRoot },
  );
}
