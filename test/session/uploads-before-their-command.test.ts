/**
 * Clients that shake hands and send before STOR, as curl does with the handshake: what they send waits, and its end with it.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { only, withGateway } from '../support/test-gateway.ts';

/** Looks like a record, and cannot be decrypted. */
const DAMAGED = Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0x00, 0x40]), randomBytes(64)]);

describe.each([
  'TLSv1.2',
  'TLSv1.3',
] as const)('an upload that was sent before STOR, %s, uploadEnd tolerant', (version) => {
  it.each([20_000, 70_000, 160_000])('%i bytes, then a damaged record and FIN: not complete', async (size) => {
    await withGateway({ policy: { uploadEnd: 'tolerant' } }, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
      const data = await client.openData();
      await data.startTls({ session: client.session, ...only(version) });
      await data.write(randomBytes(size));
      data.raw.write(DAMAGED);
      data.raw.end();
      await once(data.raw, 'finish');
      await client.command('NOOP', 200);
      client.send('STOR a');
      const first = await client.reply();
      const { code } = first.code === 150 ? await client.reply() : first;
      expect(code).not.toBe(226);
      expect((await logs.until({ event: 'transfer' }))['outcome']).not.toBe('completed');
      expect(backend.files.has('/a')).toBe(false);
    });
  });

  it.each([20_000, 160_000])('%i bytes, then FIN: complete, as asked for', async (size) => {
    await withGateway({ policy: { uploadEnd: 'tolerant' } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      await expect.poll(() => client.session?.length ?? 0, { interval: 2 }).toBeGreaterThan(0);
      const data = await client.openData();
      await data.startTls({ session: client.session, ...only(version) });
      const content = randomBytes(size);
      await data.write(content);
      data.endWithoutCloseNotify();
      await client.command('NOOP', 200);
      client.send('STOR a');
      await client.expect(150);
      await client.expect(226);
      expect(backend.files.get('/a')?.equals(content)).toBe(true);
    });
  });
});

describe.each(['RETR', 'STOR'] as const)('%s in clear', (verb) => {
  it('whose data connection is reset between the command and 150: told at once, the backend is stopped', async () => {
    await withGateway({ policy: { requireProtP: 'off' } }, async ({ loggedIn, backend }) => {
      const mayAnswer = Promise.withResolvers<void>();
      backend.on(verb, async (session) => {
        const leg = await session.accept();
        await mayAnswer.promise;
        session.reply(150, 'Go.');
        session.run(async () => {
          if (verb === 'RETR') while (await leg.write(Buffer.alloc(2 ** 20)));
          else await leg.ending;
          leg.socket.destroy();
          session.reply(426, 'Broken.');
        });
      });
      backend.on('ABOR', async (session) => {
        await session.transfer;
        session.reply(225, 'No transfer.');
      });
      const client = await loggedIn();
      await client.command('PROT C', 200);
      const data = await client.openData();
      data.startClear();
      client.send(`${verb} a`);
      await backend.received(verb);
      const gone = once(data.raw, 'close');
      data.reset();
      await gone;
      mayAnswer.resolve();
      await client.expect(150);
      await client.expect(426);
    });
  });
});
