/**
 * Files that do not fit into any buffer: 300 MiB up and down, once per client, each over another backend, listener and TLS version, compared
 * by SHA-256 on the backend's disk and as downloaded. More takes minutes and three times the room on disk, so it is for the asking:
 * `LARGE_FILE_MIB=5120 npx vitest run test/interop/large-files.test.ts -t curl`.
 */
import { afterAll, beforeAll, it, onTestFailed } from 'vitest';
import { BACKENDS } from './backends/all.ts';
import type { Backend, BackendProgram } from './backends/backend.ts';
import { proftpd } from './backends/proftpd.ts';
import { pureFtpd } from './backends/pure-ftpd.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { vsftpd } from './backends/vsftpd.ts';
import { basicFtp } from './clients/basic-ftp.ts';
import type { ClientProgram, Security, TlsVersion } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { wget } from './clients/wget.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { largeFile } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const MEBIBYTES = Number(process.env['LARGE_FILE_MIB'] ?? 300);
/** Time for each way, milliseconds: slow disks manage 25 MiB in a second. */
const LIMIT = Math.max(120_000, MEBIBYTES * 40);

const CHOICE: readonly (readonly [ClientProgram, Security, TlsVersion, BackendProgram])[] = [
  [curl, 'explicit', 'TLSv1.3', vsftpd],
  [lftp, 'implicit', 'TLSv1.3', proftpd],
  [wget, 'explicit', 'TLSv1.2', pureFtpd],
  [python, 'implicit', 'TLSv1.2', pyftpdlib],
  [basicFtp, 'explicit', 'TLSv1.3', pureFtpd],
];

await describeInterop(
  `files of ${MEBIBYTES} MiB`,
  (bed) => {
    const running = new Map<BackendProgram, { readonly backend: Backend; readonly gateway: InteropGateway }>();
    beforeAll(async () => {
      for (const program of BACKENDS) {
        const backend = await program.start(bed.packages);
        running.set(program, { backend, gateway: await startGateway({ backendPort: backend.port }) });
      }
    });
    afterAll(async () => {
      for (const { backend, gateway } of running.values()) {
        await gateway.stop();
        await backend.stop();
      }
    });

    for (const [client, security, tls, program] of CHOICE) {
      const title = `${client.name}, ${security} ${tls}, ${program.name}: the same bytes on both sides (T102)`;
      it(title, { timeout: 2 * LIMIT }, async () => {
        const { backend, gateway } = running.get(program)!;
        onTestFailed(() => gateway.showLog());
        await largeFile(
          { bed, client, target: gateway.target(security, tls), home: backend.home, limit: LIMIT },
          MEBIBYTES * 1_048_576,
        );
        await gateway.expectQuiet();
      });
    }
  },
  { needsRoot: true },
);
