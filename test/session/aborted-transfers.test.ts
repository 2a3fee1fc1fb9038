/**
 * ABOR at awkward moments: before its transfer has begun, during the TLS handshake, while the backend is silent; and
 * backends that answer it too often.
 */
import { describe, expect, it } from 'vitest';
import type { ScriptedBackend } from '../support/scripted-backend.ts';
import { withGateway } from '../support/test-gateway.ts';

const FILES = { legacy: { files: { '/a': 'abc', '/b': 'b' } } };
/** "At once": far less than any time limit of the gateway (milliseconds). */
const AT_ONCE = 3000;

/** CWD is answered when `release` is called. */
function slowCwd(backend: ScriptedBackend): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  backend.on('CWD', async (session, command) => {
    await promise;
    await session.byDefault(command);
  });
  return resolve;
}

/** A download that never ends by itself. */
function endless(backend: ScriptedBackend): void {
  backend.on('RETR', async (session) => {
    const leg = await session.accept();
    session.reply(150, 'Go.');
    session.run(async () => {
      await leg.write('beginning');
      await leg.ending;
    });
  });
}

describe('ABOR that was sent together with its transfer', () => {
  it.each(['RETR a', 'STOR c', 'LIST'])('%s and ABOR in one segment: 426, then 226, at once', async (line) => {
    await withGateway(FILES, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const data = await client.openData();
      const since = performance.now();
      client.write(`${line}\r\nABOR\r\n`);
      let reply = await client.reply();
      if (reply.code === 150) reply = await client.reply();
      expect(reply.code).toBe(426);
      await client.expect(226, 225);
      expect(performance.now() - since).toBeLessThan(AT_ONCE);
      expect(['fin', 'reset']).toContain(await data.startClear().ending);
      await client.expectNothingMore();
      expect(backend.files.has('/c')).toBe(false);
      expect((await client.download('RETR b')).toString()).toBe('b');
    });
  });

  it('both behind a command that the backend is slow to answer: its reply, then 426, then 226', async () => {
    await withGateway(FILES, async ({ loggedIn, backend }) => {
      const release = slowCwd(backend);
      const client = await loggedIn();
      await client.openData();
      client.write('CWD /dir\r\n');
      await backend.received('CWD');
      client.write('RETR /a\r\n');
      client.write('ABOR\r\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      release();
      const since = performance.now();
      await client.expect(250);
      await client.expect(426);
      await client.expect(226, 225);
      expect(performance.now() - since).toBeLessThan(AT_ONCE);
      await client.expectNothingMore();
      expect((await client.download('RETR /b')).toString()).toBe('b');
    });
  });
});

describe('ABOR while a transfer is set up', () => {
  it.each([
    ['RETR a', 'begins'],
    ['RETR a', 'finishes'],
    ['STOR c', 'begins'],
    ['STOR c', 'finishes'],
  ])('%s: the client %s the TLS handshake late, behind ABOR: nothing stays open', async (line, what) => {
    await withGateway(FILES, async ({ loggedIn, backend, gateway }) => {
      const heed = Promise.withResolvers<void>();
      backend.on('ABOR', async (session, command) => {
        await heed.promise;
        await session.byDefault(command);
      });
      endless(backend);
      const client = await loggedIn();
      const data = await client.openData();
      await client.command(line, 150);
      const handshake = () => data.startTls({ session: client.session }).catch(() => {});
      let late = handshake;
      if (what === 'finishes') {
        data.stopReading();
        const secured = handshake();
        late = () => {
          // Reads again.
          Reflect.deleteProperty(data.raw, 'resume');
          data.raw.resume();
          return secured;
        };
      }
      client.send('ABOR');
      await backend.received('ABOR');
      await late();
      // The gateway has the end of the handshake before the backend heeds ABOR.
      await Promise.race([data.ending, new Promise((resolve) => setTimeout(resolve, 100))]);
      heed.resolve();
      await client.expect(426);
      await client.expect(226, 225);
      await data.ending;
      await client.expectNothingMore();
      // The two control connections.
      await expect.poll(() => gateway.openSockets, { interval: 5 }).toBe(2);
      expect(backend.files.has('/c')).toBe(false);
    });
  });

  it('while the backend says nothing to EPSV: 426, then 226, at once; the transfer never reaches it', async () => {
    await withGateway(FILES, async ({ loggedIn, backend, gateway }) => {
      backend.on('EPSV', () => {});
      const client = await loggedIn();
      await client.openData();
      client.send('STOR c');
      await expect.poll(() => gateway.passivePorts.waiting, { interval: 2 }).toBe(0);
      await backend.received('EPSV');
      const since = performance.now();
      client.send('ABOR');
      await client.expect(426);
      await client.expect(226, 225);
      expect(performance.now() - since).toBeLessThan(AT_ONCE);
      expect(backend.verbs).not.toContain('STOR');
    });
  });
});

describe('a backend that answers ABOR too often', () => {
  it.each([
    ['in one segment', 0],
    ['the last one late', 150],
  ])('426, 226 and 225, %s: the next command gets its own reply', async (_when, delay) => {
    await withGateway(FILES, async ({ loggedIn, backend }) => {
      endless(backend);
      backend.on('ABOR', async (session) => {
        session.lastData.socket.destroy();
        session.raw('426 Aborted.\r\n226 Abort successful.\r\n');
        if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
        session.reply(225, 'No transfer to abort.');
      });
      const client = await loggedIn();
      const data = await client.openData();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      client.send('ABOR');
      await client.expect(426);
      await client.expect(226, 225);
      expect((await client.command('PWD', 257)).text).toContain('"/"');
      await client.command('SYST', 215);
      await client.expectNothingMore();
      await client.upload('STOR c', 'after it');
      expect(backend.files.get('/c')?.toString()).toBe('after it');
    });
  });
});
