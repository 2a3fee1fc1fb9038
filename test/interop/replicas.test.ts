/**
 * Three gateways behind one address, where every connection goes to the next gateway in turn: no file is lost or mixed up, not when one of
 * them is drained and comes back, and none is called complete that is not when one of them is killed.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { Step } from './clients/client.ts';
import { curl, slowCurl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import type { Errand } from './clients/many-sessions.ts';
import { mixedLoad } from './clients/mixed-load.ts';
import { resumingPython } from './clients/python.ts';
import { type StubbornClient, StubbornClients, untilDone } from './clients/stubborn.ts';
import {
  type Arrangement,
  buildSite,
  providePackagesAndNetwork,
  REPLICAS,
  type Replicas,
  type Site,
  startReplicas,
} from './replicas.ts';
import { describeInterop, fileHash, type TestBed, writeRandomFile } from './test-bed.ts';

const LIMIT = 60_000;
/** Files of each program, for each version of TLS, on each of two machines. */
const LOAD = { lftp: 8, curl: 4, python: 4 };
const TRANSFERS = 2 * 2 * 2 * (LOAD.lftp + LOAD.curl + LOAD.python);
const LARGE = 2 * 1_048_576;

const THREE_PORTS = { first: 50_000, last: 50_002 };
const ONE_PORT = { first: 50_000, last: 50_000 };
const SLICED_HIDDEN: Arrangement = { passive: THREE_PORTS, proxyProtocol: false };
const SLICED: Arrangement = { passive: THREE_PORTS, proxyProtocol: true };
const SHARED_HIDDEN: Arrangement = { passive: ONE_PORT, proxyProtocol: false };
const SHARED: Arrangement = { passive: ONE_PORT, proxyProtocol: true };
const ARRANGEMENTS: readonly (readonly [string, Arrangement, { readonly losesOne: boolean }])[] = [
  ['three data ports, HAProxy hides its clients', SLICED_HIDDEN, { losesOne: false }],
  ['three data ports, with PROXY headers', SLICED, { losesOne: true }],
  ['one data port, HAProxy hides its clients', SHARED_HIDDEN, { losesOne: true }],
  ['one data port, with PROXY headers', SHARED, { losesOne: false }],
];

await describeInterop(
  'three gateways behind one address',
  (bed) => {
    let site: Site;
    beforeAll(async () => {
      site = await buildSite(bed.packages);
    });
    afterAll(() => site?.stop());

    describe.each(ARRANGEMENTS)('%s', (title, arrangement, { losesOne }) => {
      const name = title.replace(/\W+/g, '-');
      let replicas: Replicas;
      beforeAll(async () => {
        replicas = await startReplicas(site, arrangement);
      });
      afterAll(() => replicas?.stop());

      it(
        `${TRANSFERS} transfers of lftp, curl and Python at once: every file is where it belongs`,
        async () => {
          onTestFailed(() => replicas.showLog());
          const loads = site.clients.map(({ packages, name: where }) => {
            const place = { packages, name: `${name}-${where}`, folder: join(bed.folder, name, where) };
            return mixedLoad({ ...place, target: replicas.target }, LOAD);
          });
          await Promise.allSettled(loads);
          await expectSameFiles(site, (await Promise.all(loads)).flat());
          for (const direction of ['upload', 'download']) {
            const counted = { direction, outcome: 'completed' };
            expect(await replicas.metric('sallyport_transfers_total', counted), direction).toBe(TRANSFERS / 2);
          }
          expect(await replicas.metric('sallyport_transfers_total', { outcome: 'failed' })).toBe(0);
          // Two of three connections come to the wrong gateway.
          const handedOver = (labels: Readonly<Record<string, string>>) =>
            replicas.metric('sallyport_handed_over_data_connections_total', labels);
          expect(await handedOver({ way: 'sent', outcome: 'completed' })).toBeGreaterThan(TRANSFERS / 2);
          expect(await handedOver({ way: 'received', outcome: 'accepted' })).toBe(await handedOver({ way: 'sent' }));
        },
        LIMIT,
      );

      if (!losesOne) return;
      it(
        'one is drained and comes back while clients go on trying: every file gets there',
        async () => {
          onTestFailed(() => replicas.showLog());
          const [drained] = replicas.each;
          await withClients(everyKind(bed, site, replicas, `${name}-drained`), async (clients) => {
            await clients.move(1);
            expect(await drained!.drain()).toBe(0);
            await clients.move(1);
            await drained!.start();
            await replicas.haproxy.usesAll();
            await clients.move(2);
          });
          expect(await drained!.metric('sallyport_transfers_total', { outcome: 'completed' })).toBeGreaterThan(0);
        },
        LIMIT,
      );

      it(
        'one is killed in the middle of transfers: the others go on, and nothing cut is called complete',
        async () => {
          onTestFailed(() => replicas.showLog());
          const [killed] = replicas.each;
          const files = await largeFiles(bed, site, `${name}-killed`);
          const who = { client: slowCurl, packages: site.clients[0]!.packages, target: replicas.target('TLSv1.3') };
          const outcomes = files.map(({ step }) =>
            who.client.perform(who.packages, who.target, [step]).then(
              () => 'complete',
              () => 'failed',
            ),
          );
          await Promise.all(
            files.map(({ copy }) => expect.poll(() => sizeOf(copy), { timeout: 10_000 }).toBeGreaterThan(0)),
          );
          await killed!.kill();
          const told = await Promise.all(outcomes);
          for (const [index, { copy, hash }] of files.entries()) {
            if (told[index] === 'complete') expect(await fileHash(copy), `${copy}, called complete`).toBe(hash);
          }
          expect(told).toContain('failed');
          expect(told).toContain('complete');
          await Promise.all(files.map(({ step }) => untilDone(who, step)));
          for (const { copy, hash } of files) expect(await fileHash(copy), `${copy}, tried again`).toBe(hash);

          await withClients(everyKind(bed, site, replicas, `${name}-two-left`), async (clients) => {
            await clients.move(1);
            await killed!.start();
            await replicas.haproxy.usesAll();
            await clients.move(2);
          });
        },
        LIMIT,
      );
    });
  },
  { needsRoot: true, provide: providePackagesAndNetwork },
);

async function expectSameFiles({ backend }: Site, errands: readonly Errand[]): Promise<void> {
  for (const { local, remote, back } of errands) {
    const hash = await fileHash(local);
    expect(await fileHash(join(backend.home, remote)), `${remote} on the backend`).toBe(hash);
    expect(await fileHash(back), `${remote} as downloaded`).toBe(hash);
  }
}

/** Plays while clients go on moving files; what they have begun then ends well. */
async function withClients(
  clients: readonly StubbornClient[],
  play: (clients: StubbornClients) => Promise<void>,
): Promise<void> {
  const moving = new StubbornClients(clients);
  try {
    await play(moving);
  } finally {
    await moving.stop();
  }
}

/** Programs of every kind, two on each machine. */
function everyKind(bed: TestBed, site: Site, replicas: Replicas, name: string): readonly StubbornClient[] {
  const [east, west] = site.clients;
  const kinds = [
    { client: lftp, tls: 'TLSv1.2', bytes: 300_000, where: east },
    { client: resumingPython, tls: 'TLSv1.3', bytes: 300_000, where: west },
    { client: curl, tls: 'TLSv1.3', bytes: 300_000, where: east },
    { client: slowCurl, tls: 'TLSv1.2', bytes: 500_000, where: west },
  ] as const;
  return kinds.map(({ client, tls, bytes, where }) => {
    const own = `${name}-${client.name.replaceAll(' ', '-')}`;
    const place = { packages: where!.packages, folder: join(bed.folder, own), home: site.backend.home };
    return { ...place, client, target: replicas.target(tls), name: own, bytes };
  });
}

/** Files to upload and files to download, two for each gateway: what to do, where the copy will be, and what it must be. */
async function largeFiles(bed: TestBed, { backend }: Site, name: string) {
  const indices = Array.from({ length: 2 * REPLICAS }, (_, index) => index);
  return Promise.all(
    indices.map(async (index) => {
      const remote = `${name}-${index}.bin`;
      const [here, there] = [join(bed.folder, remote), join(backend.home, remote)];
      const uploads = index % 2 === 0;
      const source = await writeRandomFile(uploads ? here : there, LARGE);
      const step: Step = uploads ? { do: 'upload', local: here, remote } : { do: 'download', remote, local: here };
      return { step, copy: uploads ? there : here, hash: await fileHash(source) };
    }),
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
