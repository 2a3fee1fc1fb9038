/**
 * What the side port and the status page show of limits: who is near one, and how limited bandwidths are used.
 */
import { expect, it } from 'vitest';
import { withSidePort } from '../support/side-port.ts';
import { withGateway } from '../support/test-gateway.ts';

const KIB = 1024;
const FILES = { legacy: { files: { '/a': Buffer.alloc(1024 * KIB), '/k': Buffer.alloc(KIB) } } };

it('shows nothing of what is not limited', async () => {
  await withGateway(FILES, async (house) => {
    await withSidePort(house, {}, async ({ ask }) => {
      await (await house.loggedIn()).download('RETR k');
      const shown = (await (await ask('/limits')).json()) as { readonly bandwidths: unknown };
      expect(shown.bandwidths).toEqual([]);
      expect(await (await ask('/')).text()).not.toContain('id="limits"');
    });
  });
});

it('shows places, quotas and bandwidths that are used, and whose', async () => {
  const perUser = { transfers: 5, bandwidth: { down: '256KiB/s' }, perDay: { bytesDown: 1600 * KIB, filesDown: 100 } };
  await withGateway({ ...FILES, limits: { perUser } }, async (house) => {
    await withSidePort(house, {}, async ({ ask }) => {
      const client = await house.loggedIn();
      await client.download('RETR k');
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      await expect.poll(() => data.receivedBytes).toBeGreaterThan(128 * KIB);
      const shown = await (await ask('/limits')).json();
      const alice = { scope: 'user', whose: 'alice' };
      expect(shown).toMatchObject({
        bandwidths: [{ ...alice, direction: 'down', transfers: 1, most: 256 * KIB }],
        usage: expect.arrayContaining([
          { ...alice, limit: 'transfers', used: 1, most: 5 },
          { ...alice, limit: 'filesDown', used: 2, most: 100 },
          expect.objectContaining({ ...alice, limit: 'bytesDown', most: 1600 * KIB }),
        ]),
      });
      const page = await (await ask('/')).text();
      expect(page).toContain('id="limits"');
      expect(page).toMatch(/alice <span class="dim">user<\/span><\/td><td>bandwidth down/);
      expect(page).toMatch(/files downloaded today/);
      client.send('ABOR');
      await client.expect(426);
      await client.expect(225, 226);
      await expect
        .poll(async () => ((await (await ask('/limits')).json()) as { readonly bandwidths: unknown }).bandwidths)
        .toEqual([]);
    });
  });
});
