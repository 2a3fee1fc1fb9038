/**
 * Real clients that give TLS up on their control connection (CCC): each ends TLS in its own way, and then moves files whose data
 * connections keep it.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { vsftpd } from './backends/vsftpd.ts';
import type { ClientProgram, Security, Target, TlsVersion } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles, type Pairing, roundTrip, SIZES } from './scenarios.ts';
import { describeInterop, type TestBed } from './test-bed.ts';

/** Time for one test, milliseconds. */
const LIMIT = 60_000;

/** quirk: who never reads closes an upload over TLS 1.3 with our tickets unread, and its own kernel cuts that; lftp tries again. */
const CUT_BY_CLIENT = { direction: 'upload', cause: 'client-data-reset' };

const WAYS: readonly (readonly [Security, TlsVersion])[] = [
  ['explicit', 'TLSv1.2'],
  ['explicit', 'TLSv1.3'],
  ['implicit', 'TLSv1.2'],
  ['implicit', 'TLSv1.3'],
];

/**
 * curl in its passive mode, its default, and lftp on an implicit listener wait for the goodbye of the gateway, send none, and go on in
 * clear. The others say goodbye first.
 */
const CLIENTS: readonly (readonly [ClientProgram, NonNullable<Target['ccc']>])[] = [
  [curl, 'gateway-first'],
  [curl, 'client-first'],
  [lftp, 'client-first'],
  [python, 'client-first'],
];

function describeClients(bed: TestBed): void {
  let backend: Backend;
  let gateway: InteropGateway;
  /** Transfers that were cut for the known reason. */
  let known = 0;
  beforeAll(async () => {
    backend = await vsftpd.start(bed.packages);
    gateway = await startGateway({ backendPort: backend.port, ccc: 'allow' });
  });
  afterAll(async () => {
    await gateway?.stop();
    await backend?.stop();
  });

  for (const [client, ccc] of CLIENTS) {
    describe.each(WAYS)(`${client.name}, ${ccc}, %s %s`, (security, tls) => {
      const pairing = (): Pairing => {
        onTestFailed(() => gateway.showLog());
        return { bed, client, target: { ...gateway.target(security, tls), ccc }, home: backend.home };
      };
      it('makes a folder, uploads, lists, downloads, renames and deletes', { timeout: LIMIT }, () =>
        roundTrip(pairing(), SIZES),
      );
      it('moves twenty files in one session', { timeout: LIMIT }, async () => {
        const before = await gateway.metric('sallyport_cleared_sessions_total');
        await manyFiles(pairing());
        expect(await gateway.metric('sallyport_cleared_sessions_total')).toBe(before + 1);
      });
      it('has completed every transfer', async () => {
        onTestFailed(() => gateway.showLog());
        await gateway.expectQuiet();
        const cut = await gateway.metric('sallyport_transfer_failures_total', CUT_BY_CLIENT);
        // Behind CCC lftp resumes nothing.
        if (client !== lftp || tls !== 'TLSv1.3') expect(cut).toBe(known);
        known = cut;
        const transfers = await gateway.metric('sallyport_transfers_total');
        expect(await gateway.metric('sallyport_transfers_total', { outcome: 'completed' })).toBe(transfers - known);
      });
    });
  }

  it('every session was cleared, every data connection had TLS, and no transfer has failed but for the known reason', async () => {
    onTestFailed(() => gateway.showLog());
    await gateway.expectQuiet();
    const sessions = await gateway.metric('sallyport_logins_total', { outcome: 'accepted' });
    expect(sessions).toBeGreaterThan(0);
    expect(await gateway.metric('sallyport_cleared_sessions_total')).toBe(sessions);
    const transfers = await gateway.metric('sallyport_transfers_total');
    const completed = await gateway.metric('sallyport_transfers_total', { outcome: 'completed' });
    expect(completed).toBe(transfers - known);
    const handshakes = await gateway.metric('sallyport_tls_handshakes_total', { side: 'client', channel: 'data' });
    expect(handshakes).toBe(transfers);
    expect(await gateway.metric('sallyport_sessions_total')).toBe(
      await gateway.metric('sallyport_sessions_total', { outcome: 'client-quit' }),
    );
  });
}

await describeInterop('clients that say CCC, before vsftpd', describeClients, { needsRoot: vsftpd.facts.needsRoot });
