/**
 * The status page in headless Chromium: with JavaScript and without, while sessions and transfers are at work. With
 * SALLYPORT_PICTURE=FILE in the environment the picture of the page is written there (that of docs/side-port.md).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ScriptedClient } from '../support/scripted-client.ts';
import { PASSWORD } from '../support/scripted-client.ts';
import { type SeveralBackends, withBackends } from '../support/several-backends.ts';
import { READ_TOKEN, type TestSidePort, WRITE_TOKEN, withSidePort } from '../support/side-port.ts';
import { Browser, provideChromium } from './browser.ts';
import { describeInterop } from './test-bed.ts';

const SIZE = 60_000_000;
const EVIL = '<script>document.title="owned"</script><img src=x onerror="document.title=1">.csv';

const OPTIONS = {
  others: { archive: {}, 'old-nas': { health: { failures: 1 } } },
  routes: [
    { match: { user: 'archive*' }, backends: ['archive'], credentials: { password: PASSWORD } },
    { match: { user: 'broken*' }, backends: ['old-nas'], credentials: { password: PASSWORD } },
    { backends: ['legacy'], credentials: { password: PASSWORD } },
  ],
  legacy: { files: { '/exports/2026/catalogue.tar.gz': Buffer.alloc(SIZE, 'x'), '/README.txt': 'x' } },
  passivePorts: 10,
} as const;

/** A day at the gateway: sessions that wait, transfers that run, things that fail. Resolves with what makes the upload grow. */
async function bustle(house: SeveralBackends, { ask }: TestSidePort): Promise<() => Promise<void>> {
  const enter = async (user: string, localAddress: string): Promise<ScriptedClient> => {
    const client = await house.encrypted('explicit', { localAddress });
    await client.login(user);
    await client.protect();
    return client;
  };
  const partner = await enter('plant-7', '127.0.0.21');
  const upload = await partner.openData();
  await partner.command(`STOR ${EVIL}`, 150);
  await upload.startTls({ session: partner.session });
  await upload.write('x'.repeat(2_000_000));
  const reader = await enter('alice', '127.0.0.22');
  await reader.command('SIZE exports/2026/catalogue.tar.gz', 213);
  const download = await reader.openData();
  await reader.command('RETR exports/2026/catalogue.tar.gz', 150);
  await download.startTls({ session: reader.session });
  // It stops in the middle: the page must show something between nothing and all.
  await expect.poll(() => download.receivedBytes, { interval: 1 }).toBeGreaterThan(SIZE / 4);
  download.pause();
  await enter('archive-sync', '127.0.0.23');
  await (await enter('bob', '127.0.0.24')).epsv();
  const clumsy = await enter('press', '127.0.0.25');
  const cut = await clumsy.openData();
  await clumsy.command('STOR photos.zip', 150);
  await cut.startTls({ session: clumsy.session });
  await cut.write('half of it');
  cut.endWithoutCloseNotify();
  await clumsy.expect(426);
  const missing = await clumsy.openData();
  await clumsy.command('RETR nothing.zip', 550);
  missing.raw.destroy();
  await house.all['old-nas']?.refuse();
  await (await house.encrypted()).command('USER broken', 421);
  await ask('/backends/archive/drain', { method: 'POST' });
  await house.logs.until({ event: 'backend-availability', backend: 'old-nas', availability: 'down' });
  return () => upload.write('x'.repeat(500_000));
}

await describeInterop(
  'the status page in Chromium',
  ({ packages }) => {
    let folder: string;
    let browser: Browser;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-chromium-'));
      browser = await Browser.start(packages, folder);
    });
    afterAll(async () => {
      await browser.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    it('shows what runs, with JavaScript and without, and looks at it again by itself', async () => {
      await withBackends(OPTIONS, async (house) => {
        await withSidePort(house, { readToken: READ_TOKEN, writeToken: WRITE_TOKEN }, async (sidePort) => {
          const grow = await bustle(house, sidePort);
          const authorization = `Basic ${Buffer.from(`operator:${READ_TOKEN}`).toString('base64')}`;
          const url = `${sidePort.url}/?refresh=2`;
          const page = await browser.open(url, { scripts: 'on', authorization });
          const scriptless = await browser.open(url, { scripts: 'off', authorization, colours: 'dark' });
          const figures = `document.querySelector('.upload').closest('li').querySelector('.figures span').textContent`;
          const uploaded = () => scriptless.evaluate<string>(figures);
          const before = await uploaded();
          for (const each of [page, scriptless]) {
            const text = await each.text();
            for (const shown of [
              'Ready. Clients are served.',
              EVIL,
              'exports/2026/catalogue.tar.gz',
              'plant-7 from 127.0.0.21:',
              'old-nas',
              'drained',
              'client-data-truncated',
              'localhost',
            ]) {
              expect(text).toContain(shown);
            }
            expect(await each.evaluate('document.querySelectorAll("script, main img").length')).toBe(0);
            expect(await each.evaluate('document.title')).toBe('Ready · Sallyport');
            const bars = `[...document.querySelectorAll('progress')].map(({ position }) => position)`;
            const [indeterminate, known] = (await each.evaluate<number[]>(bars)).toSorted((a, b) => a - b);
            expect(indeterminate).toBe(-1);
            expect(known).toBeGreaterThan(0.2);
            expect(known).toBeLessThan(0.9);
            // Each field has a name, and nothing sticks out.
            expect(await each.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
            expect(await each.evaluate('document.querySelectorAll("th:not([scope])").length')).toBe(0);
          }
          const ground = 'getComputedStyle(document.body).backgroundColor';
          expect(await page.evaluate(ground)).not.toBe(await scriptless.evaluate(ground));
          const picture = await page.picture();
          expect(picture.length).toBeGreaterThan(50_000);
          expect(picture.length).toBeLessThan(200_000);
          const { SALLYPORT_PICTURE: wanted } = process.env;
          if (wanted !== undefined) await writeFile(wanted, picture);
          await grow();
          await scriptless.loaded();
          expect(await uploaded()).not.toBe(before);
          expect([...page.faults, ...scriptless.faults]).toEqual([]);
        });
      });
    });

    it('fits a narrow window, and leads from a cause to its meaning', async () => {
      await withBackends(OPTIONS, async (house) => {
        await withSidePort(house, { writeToken: WRITE_TOKEN }, async (sidePort) => {
          await bustle(house, sidePort);
          const options = { scripts: 'off', width: 400, height: 800 } as const;
          const page = await browser.open(`${sidePort.url}/?refresh=off`, options);
          expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
          const link = `[...document.querySelectorAll('a')].find(({ text }) => text === 'client-data-truncated').href`;
          const meaning = await page.evaluate<string>(link);
          expect(meaning).toBe(`${sidePort.url}/errors#client-data-truncated`);
          await page.go(meaning);
          expect(await page.evaluate(`document.querySelector(':target').innerText`)).toContain('close_notify');
          await page.go(`${sidePort.url}/api`);
          expect(await page.text()).toContain('/backends/{name}/drain');
          expect(page.faults).toEqual([]);
        });
      });
    });
  },
  { provide: provideChromium },
);
