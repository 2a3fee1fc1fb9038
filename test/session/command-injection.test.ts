/**
 * What a client might smuggle: bytes behind AUTH, line ends and NUL inside commands, Telnet bytes, HTTP. Nothing reaches
 * the backend but whole commands that were looked at.
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
      await client.command('SIZE b\r', 501);
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
