/**
 * The form of commands: size, verbs, arguments, blanks, empty lines, names in any encoding, and several commands at once.
 */
import { describe, expect, it } from 'vitest';
import { withGateway } from '../support/test-gateway.ts';

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
      const refusal = await client.command(line, 500);
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
      await client.command('FOOZ', 421);
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
