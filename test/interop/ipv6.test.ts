/** Real clients over IPv6, with a backend that is reached over IPv4: the families of the two sides do not depend on each other. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { pureFtpd } from './backends/pure-ftpd.ts';
import { basicFtp } from './clients/basic-ftp.ts';
import type { Security } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, roundTrip, SIZES } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const WAYS: readonly Security[] = ['plain', 'explicit', 'implicit'];

await describeInterop(
  'IPv6 in front, IPv4 behind',
  (bed) => {
    let backend: Backend;
    let gateway: InteropGateway;
    beforeAll(async () => {
      backend = await pureFtpd.start(bed.packages);
      gateway = await startGateway({ backendPort: backend.port, address: '::1', clearText: 'allowed' });
    });
    afterAll(async () => {
      await gateway?.stop();
      await backend?.stop();
    });

    for (const client of [curl, lftp, python, basicFtp]) {
      describe.each(WAYS)(`${client.name}, %s`, (security) => {
        const pairing = () => ({ bed, client, target: gateway.target(security, 'TLSv1.3'), home: backend.home });
        it('makes a folder, uploads, lists, downloads, renames and deletes', () => roundTrip(pairing(), SIZES));
        it('moves twenty files in one session', () => manyFiles(pairing()));
      });
    }

    it('leaves no session and no socket behind', () => gateway.expectQuiet());
  },
  { needsRoot: true },
);
