/** Limits with real programs: a bandwidth that several share, up and down at once, and uploads that are too large. */
import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { vsftpd } from './backends/vsftpd.ts';
import { basicFtp } from './clients/basic-ftp.ts';
import type { ClientProgram, Step } from './clients/client.ts';
import { curl } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { wget } from './clients/wget.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { describeInterop, fileHash, type TestBed, writeRandomFile } from './test-bed.ts';

const MIB = 1_048_576;
/** Time for one run of a client that is held back (milliseconds). */
const LIMIT = 60_000;
/** How long bandwidth is measured (milliseconds). */
const WATCHED = 10_000;

interface Place {
  readonly backend: Backend;
  readonly gateway: InteropGateway;
}

function withGateway(bed: TestBed, limits: string, declare: (place: () => Place) => void): void {
  let place: Place;
  beforeAll(async () => {
    const backend = await vsftpd.start(bed.packages);
    place = { backend, gateway: await startGateway({ backendPort: backend.port, limits }) };
  });
  afterAll(async () => {
    await place?.gateway.stop();
    await place?.backend.stop();
  });
  declare(() => place);
}

await describeInterop(
  'limits',
  (bed) => {
    const random = (name: string, size: number) => writeRandomFile(join(bed.folder, name), size);
    const perform = ({ gateway }: Place, client: ClientProgram, ...steps: readonly Step[]) => {
      onTestFailed(() => gateway.showLog());
      return client.perform(bed.packages, gateway.target('explicit', 'TLSv1.3'), steps, LIMIT);
    };

    describe('1 MiB/s down and 512 KiB/s up', () => {
      withGateway(bed, 'perUser: { bandwidth: { down: 1MiB/s, up: 512KiB/s } }', (place) => {
        const readers = [curl, lftp, wget, python];
        const writers = [curl, basicFtp];

        it(
          'hold within 5 % over 10 s, shared fairly by four downloads and two uploads',
          { timeout: 2 * LIMIT },
          async () => {
            const { backend, gateway } = place();
            const downloads = await Promise.all(
              readers.map(async (client, index) => {
                const [source, target] = [join(backend.home, `down-${index}`), join(bed.folder, `got-${index}`)];
                await copyFile(await random(`source-${index}`, 4 * MIB), source);
                return {
                  client,
                  source,
                  target,
                  step: { do: 'download', remote: `down-${index}`, local: target } as const,
                };
              }),
            );
            const uploads = await Promise.all(
              writers.map(async (client, index) => {
                const [source, target] = [await random(`up-${index}`, 4 * MIB), join(backend.home, `up-${index}`)];
                return {
                  client,
                  source,
                  target,
                  step: { do: 'upload', remote: `up-${index}`, local: source } as const,
                };
              }),
            );
            const all = [...downloads, ...uploads];
            const finished = Promise.all(all.map(({ client, step }) => perform(place(), client, step)));
            finished.catch(() => {});
            await expect
              .poll(() => [...gateway.moved().values()].filter((bytes) => bytes > 0), { timeout: 10_000 })
              .toHaveLength(6);
            await sleep(500);
            const [before, since] = [gateway.moved(), performance.now()];
            await sleep(WATCHED);
            const [after, seconds] = [gateway.moved(), (performance.now() - since) / 1000];
            const rateOf = (name: string) => ((after.get(name) ?? Number.NaN) - (before.get(name) ?? 0)) / seconds;
            for (const [group, rate] of [
              [downloads, MIB],
              [uploads, MIB / 2],
            ] as const) {
              const rates = group.map(({ step }) => rateOf(step.remote));
              const total = rates.reduce((sum, each) => sum + each, 0);
              expect(Math.abs(total / rate - 1), `bytes per second: ${rates.map(Math.round).join(', ')}`).toBeLessThan(
                0.05,
              );
              for (const each of rates) expect(Math.abs((each * group.length) / rate - 1)).toBeLessThan(0.1);
            }
            await finished;
            for (const { source, target } of all) expect(await fileHash(target)).toBe(await fileHash(source));
            await gateway.expectQuiet();
          },
        );
      });
    });

    describe('uploads of at most 1 MiB', () => {
      withGateway(bed, 'uploadSize: 1MiB', (place) => {
        it.each([
          // 2 of 60 times on a busy machine it meets the reset of its data connection first, and reads no more.
          { client: curl, told: /552|\((?:55|56)\) .*(?:reset by peer|Broken pipe)/ },
          { client: lftp, told: /552/ },
          // These tell of their data connection only, which is reset.
          { client: basicFtp, told: /ECONNRESET|EPIPE|552/ },
          { client: python, told: /EOF occurred|reset by peer|Broken pipe|552/ },
        ])('$client.name fails with the larger one, and stores the other', async ({ client, told }) => {
          const { backend, gateway } = place();
          const [large, small] = [await random('large', 3 * MIB), await random('small', MIB)];
          const remote = `large-${client.name}`;
          const counted = () => gateway.metric('sallyport_limits_reached_total', { limit: 'uploadSize' });
          const before = await counted();
          await expect(perform(place(), client, { do: 'upload', local: large, remote })).rejects.toThrow(told);
          expect(await counted()).toBeGreaterThan(before);
          const kept = await stat(join(backend.home, remote)).catch(() => undefined);
          expect(kept?.size ?? 0).toBeLessThanOrEqual(MIB);
          await perform(place(), client, { do: 'upload', local: small, remote: `small-${client.name}` });
          expect(await fileHash(join(backend.home, `small-${client.name}`))).toBe(await fileHash(small));
          await gateway.expectQuiet();
        });
      });
    });
  },
  { needsRoot: true },
);
