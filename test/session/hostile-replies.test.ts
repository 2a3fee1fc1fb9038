/**
 * What a backend might smuggle: control characters, lines that look like replies, replies that nobody asked for, replies
 * without end. Clients disagree on where a reply ends, so each reply must be one reply to all of them.
 */
import { describe, expect, it } from 'vitest';
import type { ClientReply } from '../support/strict-replies.ts';
import { codesSeenByCommonsNet, codesSeenByCurl, codesSeenByFileZilla } from '../support/strict-replies.ts';
import { withGateway } from '../support/test-gateway.ts';

function expectOneReply(reply: ClientReply, code: number): void {
  expect(reply.code).toBe(code);
  expect(codesSeenByCurl(reply.raw), 'curl').toEqual([code]);
  expect(codesSeenByFileZilla(reply.raw), 'FileZilla').toEqual([code]);
  expect(codesSeenByCommonsNet(reply.raw), 'commons-net').toEqual([code]);
}

describe('a reply is one reply to every client', () => {
  it.each([
    ['T055', 'bare CR', 257, '257 "/a\r226 fake" x\r\n'],
    ['T055', 'NUL', 257, '257 "/a\x00226 fake" x\r\n'],
    ['T055', 'CR NUL', 257, '257 "/a\r\x00226 fake" x\r\n'],
    ['T055', 'lone LF at the end', 257, '257 "/" x\n'],
    ['T055', 'trailing NUL', 257, '257 "/" x\r\n\0'],
    ['T055', 'no text', 257, '257\r\n'],
    ['T055', 'no text but a blank', 257, '257 \r\n'],
    ['T056', 'an inner line that looks like a reply', 257, '257-begin\r\n226 fake\r\n257 end\r\n'],
    ['T056', 'an inner line that looks like the beginning of one', 257, '257-begin\r\n550-fake\r\n257 end\r\n'],
    ['T056', 'an inner line that begins with digits', 257, '257-begin\r\n5 files found\r\n257 end\r\n'],
    ['T056', 'the code repeated on every line', 257, '257-begin\r\n257-more\r\n257 end\r\n'],
    ['T056', 'CR hiding a reply in an inner line', 257, '257-begin\r\nx\r226 fake\r\n257 end\r\n'],
    ['T056', 'NUL hiding a reply in an inner line', 257, '257-begin\r\nx\x00226 fake\r\n257 end\r\n'],
  ] as const)('%s: %s', async (_id, _what, code, raw) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('PWD', raw);
      const client = await loggedIn();
      expectOneReply(await client.command('PWD', code), code);
      await client.expectNothingMore();
      expectOneReply(await client.command('PWD', code), code);
    });
  });

  it('T056: raw `ls` lines in the answer to STAT pass inside one reply', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('STAT', '213-status\r\n226 fake\r\n-rw-r--r-- 1 a b 5 x\r\n123 done\r\n213 End\r\n');
      const client = await loggedIn();
      const reply = await client.command('STAT /', 213);
      expectOneReply(reply, 213);
      expect(reply.lines[2]).toBe('-rw-r--r-- 1 a b 5 x');
    });
  });

  it('T154: 8-bit bytes of the backend reach the client unchanged', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const text = 'Gr\xfc\xdfe \xff\xff caf\xe9 \xc3\xa9 \x8e\x9f';
      backend.answer('PASS', `230-${text}\r\n \x80${text}\r\n230 ${text}\r\n`);
      const client = await encrypted();
      await client.command('USER alice', 331);
      const reply = await client.command('PASS x', 230);
      expect(reply.raw).toBe(`230-${text}\r\n \x80${text}\r\n230 ${text}\r\n`);
    });
  });
});

describe('a backend that cannot be followed any more', () => {
  it.each([
    ['a line of 100 kB', `257 ${'x'.repeat(100_000)}\r\n`],
    ['a line of 100 kB without an end', `257 ${'x'.repeat(100_000)}`],
    ['a reply of 1 MB', `257-a\r\n${'x\r\n'.repeat(350_000)}257 b\r\n`],
    ['a code of the 600s', '631 aGVsbG8=\r\n'],
    ['no code at all', 'Hello, this is no FTP server\r\n'],
    ['HTML', 'HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n'],
    ['a TLS record', '\x16\x03\x01\x00\x02\x01\x00\r\n'],
  ])('T055: %s: 421 or 451, and the backend is left', async (_what, raw) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('PWD', raw);
      const client = await loggedIn();
      const reply = await client.command('PWD', 421, 451);
      expect(reply.raw).not.toContain('xxxx');
      await backend.disconnected();
      if (reply.code === 451) await client.command('PWD', 421);
      await client.expectClosed();
    });
  });

  it('T055: preliminary replies without end: the command fails, the flood does not', async () => {
    await withGateway({ timeouts: { finalReply: '300ms' } }, async ({ loggedIn, backend }) => {
      backend.on('PWD', async (session) => {
        for (let line = 0; line < 200_000 && !session.closed; line += 100) {
          session.raw('150 and again\r\n'.repeat(100));
          if (session.socket.writableNeedDrain) await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      const client = await loggedIn();
      client.send('PWD');
      let reply = await client.reply();
      for (let preliminary = 0; reply.code < 200; preliminary += 1) {
        expect(preliminary).toBeLessThan(20);
        reply = await client.reply();
      }
      expect([421, 451]).toContain(reply.code);
      await backend.disconnected();
    });
  });
});

describe('replies that nobody asked for', () => {
  it.each([
    '226 Transfer complete.',
    '200 ok',
    '550 no',
    '226-a\r\n226 b',
  ])('T057: %j while idle is swallowed and logged', async (text) => {
    await withGateway({}, async ({ loggedIn, backend, logs }) => {
      const client = await loggedIn();
      backend.lastSession.raw(`${text}\r\n`);
      await logs.until({ event: 'unsolicited-reply' });
      expect((await client.command('PWD', 257)).text).toContain('"/"');
      await client.expectNothingMore();
    });
  });

  it('T058: an unsolicited 421 ends the session with 421', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      backend.lastSession.reply(421, 'Going down.');
      await client.expect(421);
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it('421 as the answer to a command ends the session with 421', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      backend.answer('PWD', '421 Timeout.\r\n');
      const client = await loggedIn();
      await client.command('PWD', 421);
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it('a 227 inside another reply opens nothing', async () => {
    await withGateway({}, async ({ loggedIn, backend, gateway }) => {
      backend.answer('PWD', '257-x\r\n227 Entering Passive Mode (127,0,0,1,200,10)\r\n257 "/" y\r\n');
      const client = await loggedIn();
      expectOneReply(await client.command('PWD', 257), 257);
      expect(gateway.passivePorts.waiting).toBe(0);
    });
  });
});
