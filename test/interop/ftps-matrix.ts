/**
 * FTPS behind the gateway: one backend, explicit and implicit, TLS 1.2 and 1.3, with the strictest settings that it has, before every client:
 * vsftpd and ProFTPD refuse data connections that do not resume the TLS session of the control connection (protocol cases T095, T155). What
 * happens when that session is over is the matter of `session-expiry.test.ts`.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { testCertificate } from '../support/certificates.ts';
import type { ClientData } from '../support/client-data.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { type Backend, type BackendProgram, PASSWORD, type ServerTls, USER } from './backends/backend.ts';
import { CLIENTS } from './clients/all.ts';
import type { Security, TlsVersion } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { allInOne, largeFile, manyFiles, numbered, type Pairing, roundTrip, SIZES, unusualNames } from './scenarios.ts';
import { describeInterop, type TestBed } from './test-bed.ts';

/** Time for one test, milliseconds. */
const LIMIT = 60_000;
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
/** Half of the transfers of one session: so many up, so many down. */
const FILES = 25;
const LARGE = 20_000_000;

/** How clients come in. */
const DOORS: readonly (readonly [Security, TlsVersion])[] = [
  ['explicit', 'TLSv1.2'],
  ['implicit', 'TLSv1.3'],
  ['explicit', 'TLSv1.3'],
  ['implicit', 'TLSv1.2'],
];

interface Way {
  readonly security: ServerTls['security'];
  readonly version: TlsVersion;
  readonly dataMode: 'auto' | 'active';
}

/** Declares the tests of one backend with TLS. Each has its own test file, so that they run side by side. */
export async function describeFtps(program: BackendProgram, dataMode: 'auto' | 'active' = 'auto'): Promise<void> {
  await describeInterop(
    `${program.name} with TLS${dataMode === 'active' ? ' and in active mode' : ''} behind the gateway`,
    (bed) => {
      // Who connects has nothing to do with the way to TLS: one way is enough in active mode.
      const securities = dataMode === 'active' ? (['explicit'] as const) : program.facts.tls;
      const ways = securities.flatMap((security) => VERSIONS.map((version) => ({ security, version, dataMode })));
      for (const [place, way] of ways.entries()) {
        describe(`${way.security} ${way.version}`, () => describeBackend(bed, program, way, place));
      }
    },
    { needsRoot: program.facts.needsRoot },
  );
}

function describeBackend(bed: TestBed, program: BackendProgram, way: Way, place: number): void {
  const { security, version, dataMode } = way;
  let backend: Backend;
  let gateway: InteropGateway;
  beforeAll(async () => {
    const { ca, cert, key } = await testCertificate();
    backend = await program.start(bed.packages, { security, cert, key });
    const keys = `tls: ${security}, ca: "${ca}", minVersion: ${version}, maxVersion: ${version}`;
    gateway = await startGateway({ backendPort: backend.port, backend: keys, dataMode });
  });
  afterAll(async () => {
    await gateway?.stop();
    await backend?.stop();
  });

  const pairing = (client = python, [door, tls]: (typeof DOORS)[number] = ['explicit', 'TLSv1.3']): Pairing => {
    onTestFailed(() => {
      gateway.showLog();
      process.stderr.write(`\nThe backend said:\n${backend.log.slice(-2000)}\n`);
    });
    return { bed, client, target: gateway.target(door, tls), home: backend.home };
  };

  const logIn = async (): Promise<ScriptedClient> => {
    const { host, port } = gateway.target('explicit', 'TLSv1.3');
    const client = await ScriptedClient.connect({ address: host, port });
    await client.expect(220);
    await client.auth();
    await client.login(USER, PASSWORD);
    await client.protect();
    return client;
  };

  const samples = [...SIZES, ...unusualNames(program.facts)];
  for (const [index, client] of (dataMode === 'active' ? [python] : CLIENTS).entries()) {
    // Each client comes in by another door at each way of the backend: by all of them where that has four.
    const door = DOORS[(index + place) % DOORS.length] ?? DOORS[0];
    const title = `T155: ${client.name}, ${door?.join(' ')}`;
    if (client.keepsSession) {
      it(`${title}: makes folders, uploads, lists, downloads, renames and deletes`, { timeout: LIMIT }, () =>
        allInOne(pairing(client, door), [...samples, ...numbered(20 - samples.length)]),
      );
    } else {
      it(`${title}: lists and downloads`, { timeout: LIMIT }, () => roundTrip(pairing(client, door), SIZES));
    }
  }

  it(`moves ${FILES} files up and down in one session, one after the other`, { timeout: LIMIT }, async () => {
    const logins = await gateway.metric('sallyport_logins_total', { outcome: 'accepted' });
    await manyFiles(pairing(), FILES);
    expect(await gateway.metric('sallyport_logins_total', { outcome: 'accepted' })).toBe(logins + 1);
  });

  it('moves a large file both ways, with curl', { timeout: LIMIT }, () => largeFile(pairing(curl), LARGE));

  const resumes = program.facts.resumes.includes(version);
  it(`${resumes ? 'resumed' : 'could not resume'} TLS sessions on data connections, and completed every transfer`, async () => {
    await gateway.expectQuiet();
    const transfers = await gateway.metric('sallyport_transfers_total');
    expect(transfers).toBeGreaterThan(2 * FILES);
    expect(await gateway.metric('sallyport_transfers_total', { outcome: 'completed' })).toBe(transfers);
    const data = { side: 'backend', channel: 'data', version, resumed: String(resumes) };
    expect(await gateway.metric('sallyport_tls_handshakes_total', data)).toBe(transfers);
    expect(await gateway.metric('sallyport_tls_handshake_failures_total')).toBe(0);
    expect(await gateway.metric('sallyport_unclean_downloads_total')).toBe(0);
  });

  it('stores a hundred empty files, one after the other', { timeout: LIMIT }, async () => {
    const client = await logIn();
    try {
      for (let turn = 0; turn < 100; turn++) await client.upload('STOR nothing.bin', '');
    } finally {
      client.destroy();
      await rm(join(backend.home, 'nothing.bin'), { force: true });
    }
  });

  it.each([
    ['a reset', (data: ClientData) => data.raw.resetAndDestroy()],
    ['FIN without close_notify', (data: ClientData) => data.raw.end()],
  ] as const)('an upload that is cut by %s is not told as success', { timeout: LIMIT }, async (_how, cut) => {
    const client = await logIn();
    try {
      const data = await client.openData();
      await client.command('STOR cut.bin', 125, 150);
      await data.startTls({ session: client.session });
      await data.write(Buffer.alloc(300_000, 'x'));
      cut(data);
      await client.expect(426);
    } finally {
      client.destroy();
      await rm(join(backend.home, 'cut.bin'), { force: true });
    }
  });
}
