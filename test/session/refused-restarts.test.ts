/**
 * REST and ALLO hold for the transfer command behind them, also where that is refused: a position that nobody used must never move another file.
 */
import { describe, expect, it } from 'vitest';
import { type House, withGateway } from '../support/test-gateway.ts';

const OLD = 'OLDOLDOLDOLD';
const FILES = { legacy: { files: { '/secret': 'ssssssssssss', '/a': 'aaaaaaaaaaaa', '/b': OLD } } };
const CLOSED = { access: { rules: [{ name: 'closed', match: { commands: 'RETR', paths: '/secret' } }] } };

/** The commands about REST and files, in their order. */
function told({ backend }: Pick<House, 'backend'>): string[] {
  return backend.commands.filter((line) => /^(?:REST|RETR|STOR|APPE|STOU|LIST)/.test(line));
}

/** A backend that remembers REST until a file is moved, as vsftpd does where a command is denied. */
function keepsPositions({ backend }: Pick<House, 'backend'>): void {
  backend.on('STOR', async (session, command) => {
    const at = Number(session.facts.get('rest') ?? 0);
    session.facts.delete('rest');
    const before = backend.files.get(command.argument) ?? Buffer.alloc(0);
    await session.byDefault(command);
    await session.transfer;
    const now = backend.files.get(command.argument) ?? Buffer.alloc(0);
    backend.files.set(command.argument, Buffer.concat([before.subarray(0, at), now]));
  });
}

describe('a transfer that is refused takes REST with it', () => {
  it.each([
    ['by a rule', { ...FILES, ...CLOSED }, 'RETR /secret', 550],
    [
      'by a rule, to a listing',
      { ...FILES, access: { rules: [{ name: 'x', match: { commands: 'list' } }] } },
      'LIST',
      550,
    ],
    ['by a view', { ...FILES, routes: [{ backends: ['legacy'], uploadOnly: true }] }, 'RETR /a', 550],
    ['by a limit of transfers', { ...FILES, limits: { perSession: { filesDown: 1 } } }, 'RETR /a', 450],
    ['by a limit of bytes', { ...FILES, limits: { perSession: { bytesDown: 1 } } }, 'RETR /a', 450],
    ['for want of an argument', FILES, 'RETR', 501],
    ['for a NUL in it', FILES, 'RETR /a\0', 501],
    ['by the backend', FILES, 'RETR /missing', 550],
  ])('%s', async (_by, options, line, code) => {
    await withGateway(options, async (house) => {
      keepsPositions(house);
      const { backend } = house;
      // Whatever it refuses, this one still has the position in mind.
      backend.on('RETR', async (session, command) => {
        const at = session.facts.get('rest');
        await session.byDefault(command);
        if (at !== undefined && command.argument === '/missing') session.facts.set('rest', at);
      });
      const client = await house.loggedIn();
      if (code === 450) {
        const data = await client.openData();
        await client.command('RETR /b', 150);
        await data.startTls({ session: client.session });
        await data.readToEnd();
        await client.expect(226, 426);
      }
      await client.openData();
      await client.command('REST 5', 350);
      await client.command(line, code);
      await client.upload('STOR /new', 'new content');
      expect(backend.files.get('/new')?.toString()).toBe('new content');
      expect(told(house).slice(-2)).toEqual(['REST 0', 'STOR /new']);
    });
  });

  it('for want of encryption', async () => {
    await withGateway(FILES, async (house) => {
      keepsPositions(house);
      const client = await house.encrypted();
      await client.login();
      await client.epsv();
      await client.command('REST 5', 350);
      await client.command('RETR /a', 521);
      await client.command('PBSZ 0', 200);
      await client.command('PROT P', 200);
      await client.upload('STOR /b', 'new content');
      expect(house.backend.files.get('/b')?.toString()).toBe('new content');
    });
  });

  it('for want of a data connection; so does a listing that began', async () => {
    await withGateway(FILES, async (house) => {
      keepsPositions(house);
      const client = await house.loggedIn();
      await client.command('REST 5', 350);
      await client.command('RETR /a', 425, 503);
      await client.upload('STOR /b', 'new content');
      await client.command('REST 5', 350);
      await client.download('LIST');
      await client.upload('STOR /b', 'newer');
      expect(house.backend.files.get('/b')?.toString()).toBe('newer');
      expect(told(house)).toEqual(['REST 5', 'REST 0', 'STOR /b', 'REST 5', 'LIST', 'REST 0', 'STOR /b']);
    });
  });

  it('with a root', async () => {
    const options = { ...FILES, routes: [{ backends: ['legacy'], root: '/partners/acme' }] };
    await withGateway(options, async (house) => {
      const client = await house.loggedIn();
      await client.epsv();
      await client.command('REST 5', 350);
      await client.command('RETR ..\\x', 550);
      await client.upload('STOR b', 'new content');
      expect(told(house)).toEqual(['REST 5', 'REST 0', 'STOR /partners/acme/b']);
    });
  });
});

describe('REST 0', () => {
  it('that the backend refuses: nothing is stored where nobody knows', async () => {
    await withGateway({ ...FILES, ...CLOSED }, async (house) => {
      const { backend } = house;
      const client = await house.loggedIn();
      await client.openData();
      await client.command('REST 5', 350);
      await client.command('RETR /secret', 550);
      backend.answer('REST', '501 Not in ASCII.\r\n');
      await client.command('STOR /b', 451);
      expect(backend.verbs).not.toContain('STOR');
    });
  });

  it('is not sent where a file has used the position up, or none was heard', async () => {
    await withGateway(FILES, async (house) => {
      const client = await house.loggedIn();
      await client.upload('STOR /c', 'x');
      await client.command('REST 4', 350);
      expect((await client.download('RETR /a')).toString()).toBe('a'.repeat(8));
      await client.upload('STOR /c', 'x');
      expect(told(house)).toEqual(['STOR /c', 'REST 4', 'REST 4', 'RETR /a', 'STOR /c']);
    });
  });
});

it('ALLO counts for a transfer that is refused, and for no other', async () => {
  const access = { rules: [{ name: 'closed', match: { commands: 'STOR', paths: '/secret' } }] };
  await withGateway({ ...FILES, access, limits: { uploadSize: 1000 } }, async ({ loggedIn }) => {
    const client = await loggedIn();
    await client.command('ALLO 5000', 200, 202);
    await client.command('STOR /secret', 553);
    await client.upload('STOR /b', 'small');
  });
});

it.each([
  'REST 9007199254740993',
  `REST ${'9'.repeat(4000)}`,
])('%# a position that nobody can count with: 501', async (line) => {
  await withGateway(FILES, async ({ loggedIn, backend }) => {
    const client = await loggedIn();
    await client.command(line, 501);
    expect(backend.verbs).not.toContain('REST');
  });
});
