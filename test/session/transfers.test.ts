/**
 * Transfers beyond the plain case: refusals, odd sequences of replies, restart positions, representation types.
 */
import { describe, expect, it } from 'vitest';
import type { BackendSession } from '../support/backend-session.ts';
import { CLEAR_ALLOWED, withGateway } from '../support/test-gateway.ts';

describe('refused transfers (T128)', () => {
  it.each([
    'RETR missing',
    'STOR forbidden',
    'LIST nowhere',
  ])('%s: twenty times 550 at once, whatever the data handshake does; then one that works', async (line) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const verb = line.split(' ')[0] ?? '';
      backend.on(verb, (session, command) =>
        command.line === line ? session.reply(550, 'No.') : session.byDefault(command),
      );
      const client = await loggedIn();
      const since = performance.now();
      for (let time = 0; time < 20; time += 1) {
        const data = await client.openData();
        if (time % 3 === 0) data.startTls({ session: client.session }).catch(() => {});
        if (time % 3 === 1) await data.startTls({ session: client.session });
        expect((await client.command(line, 550)).text).toBe('No.');
        if (time % 3 === 2) data.startClear();
        await data.ending;
      }
      expect(performance.now() - since).toBeLessThan(5000);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.upload('STOR b', 'b');
    });
  });
});

describe('odd sequences of replies (T129)', () => {
  /** What the backend says before it sends the data, and behind it. */
  const SEQUENCES = [
    ['125 instead of 150', '125 Open.\r\n', '226 Done.\r\n'],
    ['250 instead of 226', '150 Go.\r\n', '250 Done.\r\n'],
    ['150 and 226 in one segment', '150 Go.\r\n226 Done.\r\n', ''],
    ['226 twice', '150 Go.\r\n', '226 Done.\r\n226 Done.\r\n'],
    ['no preliminary reply', '', '226 Done.\r\n'],
    ['two preliminary replies', '150 Go.\r\n125 On.\r\n', '226 Done.\r\n'],
    ['226 of several lines', '150 Go.\r\n', '226-a\r\n5 x\r\n226 b\r\n'],
    ['226 without text', '150 Go.\r\n', '226\r\n'],
  ] as const;

  it.each(SEQUENCES)('%s: one clean sequence', async (_what, before, after) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on('LIST', async (session) => {
        const leg = await session.accept();
        session.raw(before);
        await leg.write('a\r\n');
        leg.end();
        session.raw(after);
      });
      const client = await loggedIn();
      for (let time = 0; time < 2; time += 1) {
        const data = await client.openData();
        client.send('LIST');
        await data.startTls({ session: client.session });
        let reply = await client.reply();
        if (reply.code < 200) reply = await client.reply();
        if (reply.code === 125) reply = await client.reply();
        expect([226, 250]).toContain(reply.code);
        expect(await data.readToEnd()).toEqual({ bytes: Buffer.from('a\r\n'), ending: 'close_notify' });
      }
      expect((await client.command('PWD', 257)).text).toContain('"/"');
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('200 before 150: the client sees one final 2yz, and the session stays in step', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on('LIST', async (session) => {
        const leg = await session.accept();
        session.raw('200 Type okay.\r\n150 Go.\r\n');
        await leg.write('a\r\n');
        leg.end();
        session.reply(226, 'Done.');
      });
      const client = await loggedIn();
      const data = await client.openData();
      client.send('LIST');
      await data.startTls({ session: client.session });
      let reply = await client.reply();
      if (reply.code < 200) reply = await client.reply();
      expect([200, 226]).toContain(reply.code);
      expect((await data.readToEnd()).bytes.toString()).toBe('a\r\n');
      expect((await client.command('PWD', 257)).text).toContain('"/"');
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it.each([
    ['450 No files found.', false],
    ['550 No data sets found.', false],
    ['226 Transfer complete.', true],
  ])('an empty listing answered %j without using the data connection', async (text, success) => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      backend.on('LIST', async (session) => {
        const leg = await session.accept();
        if (success) leg.end();
        else leg.reset();
        session.raw(`${text}\r\n`);
      });
      const client = await loggedIn();
      const data = await client.openData();
      client.send('LIST');
      data.startTls({ session: client.session }).catch(() => {});
      let reply = await client.reply();
      if (reply.code < 200) reply = await client.reply();
      expect(reply.code).toBe(Number(text.slice(0, 3)));
      await data.ending;
      expect(data.received).toHaveLength(0);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('the text of STOU passes unchanged', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      const data = await client.openData();
      expect((await client.command('STOU', 150)).text).toBe('FILE: unique.1');
      await data.startTls({ session: client.session });
      data.end('x');
      await client.expect(226);
    });
  });
});

describe('many transfers (T133)', () => {
  it('1,100 transfers of one byte in one session: each succeeds, nothing stays open', async () => {
    await withGateway({ ...CLEAR_ALLOWED, legacy: { files: { '/a': 'a' } } }, async ({ greeted, gateway }) => {
      const client = await greeted();
      await client.login();
      for (let count = 0; count < 1100; count += 1) {
        expect((await client.download('RETR a', { clear: true })).toString()).toBe('a');
      }
      await client.command('PWD', 257);
      await expect.poll(() => gateway.openSockets, { interval: 5 }).toBe(2);
    });
  }, 60_000);
});

describe('restart positions (T130)', () => {
  /** Forgets the position unless the transfer command follows directly, as the strict ones do (RFC 959). */
  function strictAboutRest(session: BackendSession): void {
    session.facts.delete('rest');
  }

  it.each([
    'EPSV, REST',
    'REST, EPSV',
    'REST, PASV',
  ])('%s, RETR: the rest of the file; REST stands right before RETR at the backend', async (order) => {
    await withGateway({ legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn, backend }) => {
      for (const verb of ['EPSV', 'PASV']) {
        backend.on(verb, async (session, command) => {
          strictAboutRest(session);
          await session.byDefault(command);
        });
      }
      const client = await loggedIn();
      let port = 0;
      for (const verb of order.split(', ')) {
        if (verb === 'REST') await client.command('REST 4', 350);
        else port = verb === 'PASV' ? (await client.pasv()).port : await client.epsv();
      }
      const data = await client.openData({ port });
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('456789');
      await client.expect(226);
      const retr = backend.verbs.indexOf('RETR');
      expect(backend.commands[retr - 1]).toBe('REST 4');
    });
  });

  it('REST before STOR stands right before it at the backend', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('REST 100', 350);
      await client.upload('STOR a', 'tail');
      expect(backend.commands[backend.verbs.indexOf('STOR') - 1]).toBe('REST 100');
    });
  });

  it('REST counts for one transfer only', async () => {
    await withGateway({ legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn }) => {
      const client = await loggedIn();
      await client.command('REST 4', 350);
      expect((await client.download('RETR a')).toString()).toBe('456789');
      expect((await client.download('RETR a')).toString()).toBe('0123456789');
    });
  });

  it('REST 0 reaches the backend', async () => {
    await withGateway({ legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('REST 0', 350);
      expect((await client.download('RETR a')).toString()).toBe('0123456789');
      expect(backend.commands).toContain('REST 0');
    });
  });

  it('a REST that the backend refuses is told', async () => {
    await withGateway({ legacy: { files: { '/a': '0123456789' } } }, async ({ loggedIn, backend }) => {
      backend.answer('REST', '502 REST not implemented.\r\n');
      const client = await loggedIn();
      await client.command('REST 4', 502);
      expect((await client.download('RETR a')).toString()).toBe('0123456789');
    });
  });

  it.each(['REST abc', 'REST -1', 'REST'])('%s: 501', async (line) => {
    await withGateway({}, async ({ loggedIn }) => {
      await (await loggedIn()).command(line, 501);
    });
  });
});

describe('representation (T131)', () => {
  it.each(['TYPE A', 'TYPE I', 'TYPE L 8', 'TYPE A N', 'MODE S', 'STRU F'])('%s is taken: 200', async (line) => {
    await withGateway({}, async ({ loggedIn }) => {
      await (await loggedIn()).command(line, 200);
    });
  });

  it.each([
    'MODE B',
    'MODE C',
    'MODE Z',
    'STRU R',
    'STRU P',
  ])('%s is refused with 504 and not forwarded', async (line) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command(line, 504);
      expect(backend.commands).not.toContain(line);
    });
  });

  it('TYPE and the rest of the session state reach the backend in order', async () => {
    await withGateway({ legacy: { files: { '/dir/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('TYPE I', 200);
      await client.command('CWD dir', 250);
      await client.command('PWD', 257);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.command('RNFR a', 350);
      await client.command('RNTO b', 250);
      await client.command('SIZE b', 213);
      await client.command('DELE b', 250);
      const told = backend.commands.filter((line) => !/^(USER|PASS|FEAT|EPSV|RETR)/.test(line));
      expect(told).toEqual(['TYPE I', 'CWD dir', 'PWD', 'RNFR a', 'RNTO b', 'SIZE b', 'DELE b']);
    });
  });
});
