/** Active mode with real programs: clients that wait for data connections, and backends that make them, and both at once. */
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { Backend, BackendProgram } from './backends/backend.ts';
import { proftpd } from './backends/proftpd.ts';
import { pureFtpd } from './backends/pure-ftpd.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import { vsftpd } from './backends/vsftpd.ts';
import type { ClientProgram, Security, TlsVersion } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, type Pairing, roundTrip, SIZES } from './scenarios.ts';
import { describeInterop, type TestBed } from './test-bed.ts';

/** Time for one test, milliseconds. */
const LIMIT = 60_000;

type Way = readonly [ClientProgram, 'active' | 'passive', Security, TlsVersion];

const ACTIVE: readonly Way[] = [
  // 7.87 and 7.88 forget TLS on data connections that they have accepted (repaired in 8.0), so only in clear.
  [curl, 'active', 'plain', 'TLSv1.3'],
  ...[lftp, python].flatMap((client): Way[] => [
    [client, 'active', 'explicit', 'TLSv1.2'],
    [client, 'active', 'explicit', 'TLSv1.3'],
    [client, 'active', 'implicit', 'TLSv1.3'],
  ]),
];

const PASSIVE: readonly Way[] = [
  [curl, 'passive', 'explicit', 'TLSv1.2'],
  [lftp, 'passive', 'explicit', 'TLSv1.3'],
  [python, 'passive', 'implicit', 'TLSv1.3'],
];

/** Declares the tests of these clients through a gateway to one backend. */
function describeClients(bed: TestBed, program: BackendProgram, dataMode: 'auto' | 'active'): void {
  let backend: Backend;
  let gateway: InteropGateway;
  beforeAll(async () => {
    backend = await program.start(bed.packages);
    gateway = await startGateway({ backendPort: backend.port, dataMode, clearText: 'allowed' });
  });
  afterAll(async () => {
    await gateway?.stop();
    await backend?.stop();
  });

  const ways = dataMode === 'active' ? [...PASSIVE, ...ACTIVE] : ACTIVE;
  for (const [client, mode, security, tls] of ways) {
    describe(`${client.name} in ${mode} mode, ${security} ${tls}`, () => {
      const pairing = (): Pairing => {
        onTestFailed(() => gateway.showLog());
        const target = { ...gateway.target(security, tls), active: mode === 'active' };
        return { bed, client, target, home: backend.home };
      };
      it('makes a folder, uploads, lists, downloads, renames and deletes', { timeout: LIMIT }, () =>
        roundTrip(pairing(), SIZES),
      );
      it('moves twenty files in one session', { timeout: LIMIT }, () => manyFiles(pairing()));
    });
  }

  it('every transfer was completed, and nothing is left behind', async () => {
    await gateway.expectQuiet();
    const transfers = await gateway.metric('sallyport_transfers_total');
    expect(transfers).toBeGreaterThan(0);
    expect(await gateway.metric('sallyport_transfers_total', { outcome: 'completed' })).toBe(transfers);
    expect(await gateway.metric('sallyport_unclaimed_data_connections_total')).toBe(0);
  });
}

for (const program of [vsftpd, pyftpdlib]) {
  await describeInterop(
    `clients in active mode before ${program.name}`,
    (bed) => describeClients(bed, program, 'auto'),
    { needsRoot: program.facts.needsRoot },
  );
}

for (const program of [vsftpd, proftpd, pyftpdlib, pureFtpd]) {
  await describeInterop(
    `${program.name} in active mode behind the gateway`,
    (bed) => describeClients(bed, program, 'active'),
    { needsRoot: program.facts.needsRoot },
  );
}
