/**
 * What a client might smuggle: bytes behind AUTH, line ends and NUL inside commands, Telnet bytes, HTTP, floods, and names
 * in any encoding. Nothing reaches the backend but whole commands that were looked at.
 */
import { describe, expect, it } from 'vitest';
import { withGateway } from '../support/test-gateway.ts';

describe('bytes behind AUTH', () => {
  it('T041: a command in the same segment closes the session and is never executed', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      client.write('AUTH TLS\r\nUSER alice\r\n');
      await client.expectClosed(2000).catch((error: Error) => expect(error.message).toContain('503'));
      expect(client.transcript).not.toContain('331');
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it.each(['\0', 'x', '\r\n', '\x16'])('T042: %j in front of the handshake closes the session', async (garbage) => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      client.write(`AUTH TLS\r\n${garbage}`);
      await client.expectClosed(2000);
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('a command in front of AUTH in the same segment is answered, then the handshake works', async () => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted();
      client.write('NOOP\r\nAUTH TLS\r\n');
      await client.expect(200);
      await client.expect(234);
      await client.startTls();
      await client.expectNothingMore();
    });
  });

  it('AUTH cut into single bytes is one command', async () => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted();
      for (const byte of 'AUTH TLS\r\n') {
        client.write(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await client.expect(234);
      await client.startTls();
      await client.expectNothingMore();
    });
  });
});

describe('line ends and NUL inside a command', () => {
  it('T045: a bare CR is refused with 501 and nothing is forwarded', async () => {
    await withGateway({ legacy: { files: { '/b': 'b' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      await client.command('RETR a\rDELE b', 501);
      await client.command('SIZE b\r', 501, 213, 550);
      await client.expectNothingMore();
      expect(backend.verbs.slice(before)).not.toContain('DELE');
      expect(backend.files.has('/b')).toBe(true);
    });
  });

  it('T046: a bare LF ends a command: two commands, each forwarded by itself with CRLF', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc', '/b': 'b' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      client.write('SIZE a\nDELE b\r\n');
      await client.expect(213);
      await client.expect(250);
      expect(backend.lastSession.rawLines.slice(-2).map(String)).toEqual(['SIZE a\r\n', 'DELE b\r\n']);
    });
  });

  it.each([
    'SIZE a\0b',
    'SIZE a\r\0',
    'MKD \0',
    'USER al\0ice',
  ])('T047: NUL in %j is refused with 501', async (line) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      await client.command(line, 501);
      await client.expectNothingMore();
      expect(backend.commands.slice(before)).toEqual(['NOOP']);
    });
  });

  it('no line that reaches the backend holds a control character', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      for (const line of ['SIZE a\rb', 'SIZE a\0b', 'SIZE \r\0x', 'SITE x\ry']) await client.command(line, 501);
      for (const raw of backend.lastSession.rawLines) expect(raw.toString('latin1')).toMatch(/^[^\0\r\n]*\r\n$/);
    });
  });
});

describe('size and form of a command', () => {
  it.each([10_000, 1_000_000])('T048: %i bytes without a line end: 500, then the end', async (length) => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted();
      client.write('A'.repeat(length));
      await client.expect(500);
      await client.expectClosed();
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('T048: a path just below limits.commandLine passes', async () => {
    await withGateway({ limits: { commandLine: 2000 } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command(`SIZE ${'n'.repeat(1900)}`, 550);
      expect(backend.commands.at(-1)).toHaveLength(1905);
      await client.command(`SIZE ${'n'.repeat(2000)}`, 500);
      await client.expectClosed();
    });
  });

  it.each([
    'RE7R a',
    'R\xc9TR a',
    `${'A'.repeat(40)} a`,
    '\tRETR a',
    ' RETR a',
    '!',
    '12345',
  ])('T049: the verb in %j is refused', async (line) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      const refusal = await client.command(line, 500, 501);
      expect(refusal.raw).not.toContain(line.trim());
      await client.expectNothingMore();
      expect(backend.commands.slice(before)).toEqual(['NOOP']);
    });
  });

  it.each([
    'RETR',
    'STOR',
    'CWD',
    'DELE',
    'MKD',
    'SIZE',
    'RNFR',
    'TYPE',
    'REST',
  ])('T049: %s without its argument: 501', async (verb) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      await client.command(verb, 501);
      expect(backend.commands.slice(before)).toEqual([]);
    });
  });

  it('T049: the second of two blanks belongs to the name', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('SIZE  a', 550);
      expect(String(backend.lastSession.rawLines.at(-1))).toBe('SIZE  a\r\n');
    });
  });

  it('verbs in lower case are understood and forwarded in upper case', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('size A.txt', 550);
      expect(backend.commands.at(-1)).toBe('SIZE A.txt');
    });
  });

  it('T040: fifty empty lines are ignored without a reply; a flood of them ends the session', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      client.write('\r\n'.repeat(50));
      client.write('\n  \r\n');
      await client.expectNothingMore();
      expect(backend.commands.slice(before)).toEqual(['NOOP']);
      client.write('\r\n'.repeat(20_000));
      await client.reply().catch(() => {});
      await client.expectClosed();
    });
  });

  it('T054: after limits.unknownCommands unknown commands 421 and the end', async () => {
    await withGateway({ limits: { unknownCommands: 10 } }, async ({ greeted, backend }) => {
      const client = await greeted();
      for (let index = 0; index < 10; index += 1) await client.command(`FOO${String.fromCharCode(65 + index)}`, 500);
      const last = await client.command('FOOZ', 421, 500);
      if (last.code === 500) await client.expect(421);
      await client.expectClosed();
      expect(backend.sessions).toHaveLength(0);
    });
  });
});

describe('names are bytes', () => {
  const NAMES = {
    'ISO 8859-1': 'caf\xe9',
    'a single 0xFF': 'a\xffb',
    'a doubled 0xFF': 'a\xff\xffb',
    'UTF-8': 'gr\xc3\xbc\xc3\x9fe \xe2\x82\xac',
    'invalid UTF-8': '\xc3\x28\xa0\xa1',
    'trailing blanks': 'name   ',
    'a tab inside': 'a\tb',
    quotes: 'a"b\'c',
  } as const;

  it.each(
    Object.entries(NAMES),
  )('T050: %s passes unchanged in commands, replies and transfers', async (_what, name) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const made = await client.command(`MKD ${name}`, 257);
      expect(made.text).toBe(`"/${name}" created.`);
      expect(backend.lastSession.rawLines.at(-1)).toEqual(Buffer.from(`MKD ${name}\r\n`, 'latin1'));
      await client.upload(`STOR ${name}`, 'content');
      expect([...backend.files.keys()]).toEqual([`/${name}`]);
      expect((await client.download(`RETR ${name}`)).toString()).toBe('content');
      expect((await client.download('NLST')).toString('latin1')).toBe(`${name}\r\n`);
    });
  });
});

describe('Telnet bytes', () => {
  it.each([
    ['T051', 'IAC IP, IAC DM', '\xff\xf4\xff\xf2'],
    ['T051', 'IAC IP, IAC without the urgent DM', '\xff\xf4\xff'],
    ['T051', 'IAC IP and a lone DM', '\xff\xf4\xf2'],
    ['T052', 'IAC WILL ECHO', '\xff\xfb\x01'],
    ['T052', 'IAC DO, IAC DONT', '\xff\xfd\x03\xff\xfe\x01'],
  ])('%s: %s in front of a command is taken off', async (_id, _what, prefix) => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      client.write(`${prefix}ABOR\r\n`);
      await client.expect(225, 226);
      client.write(`${prefix}SYST\r\n`);
      await client.expect(215);
      expect(backend.commands.at(-1)).toBe('SYST');
      for (const raw of backend.lastSession.rawLines) expect(raw.includes(0xff)).toBe(false);
    });
  });
});

describe('HTTP', () => {
  it.each([
    'GET /secret-path HTTP/1.1',
    'POST / HTTP/1.1',
    'HEAD / HTTP/1.0',
    'CONNECT a:443 HTTP/1.1',
    'OPTIONS * HTTP/1.1',
  ])('T053: %s before login: 500, the end, and no reflection', async (line) => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      client.write(`${line}\r\nHost: secret-path\r\nUSER alice\r\n\r\n`);
      const refusal = await client.expect(500);
      expect(refusal.raw).not.toContain('secret-path');
      await client.expectClosed();
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('T053: after login too', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      client.write('GET /a HTTP/1.1\r\nDELE a\r\n\r\n');
      await client.expect(500);
      await client.expectClosed();
      await backend.disconnected();
      expect(backend.verbs).not.toContain('DELE');
    });
  });
});

describe('pipelined commands', () => {
  it('T060: four in one segment are answered in order, and sent to the backend one at a time', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      let running = 0;
      for (const verb of ['TYPE', 'PWD', 'SIZE']) {
        backend.on(verb, async (session, command) => {
          expect(session.commands.at(-1)).toBe(command.line);
          running += 1;
          expect(running).toBe(1);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          await session.byDefault(command);
        });
      }
      const client = await loggedIn();
      client.write('TYPE I\r\nPWD\r\nSIZE a\r\nNOOP\r\n');
      for (const code of [200, 257, 213, 200]) await client.expect(code);
      expect(backend.commands.slice(-4).filter((line) => line !== 'NOOP')).toEqual(
        expect.arrayContaining(['TYPE I', 'PWD', 'SIZE a']),
      );
    });
  });

  it('three hundred in one segment are all answered, in order', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      client.write(Array.from({ length: 300 }, (_, index) => `MKD dir-${index}\r\n`).join(''));
      for (let index = 0; index < 300; index += 1) {
        expect((await client.expect(257)).text).toBe(`"/dir-${index}" created.`);
      }
    });
  });

  it('QUIT at the end of a segment is answered after everything before it', async () => {
    await withGateway({}, async ({ loggedIn }) => {
      const client = await loggedIn();
      client.write('PWD\r\nNOOP\r\nQUIT\r\n');
      for (const code of [257, 200, 221]) await client.expect(code);
      await client.expectClosed();
    });
  });
});
