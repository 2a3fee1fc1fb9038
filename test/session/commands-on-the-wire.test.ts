/**
 * Each command that FTPS lives on — AUTH PBSZ PROT USER PASS LIST RETR STOR QUIT — as bytes on a real connection, over IPv4
 * and IPv6, explicit and implicit.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digest } from '../support/digest.ts';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { FAMILIES, only, withGateway } from '../support/test-gateway.ts';

const FILES = { '/readme.txt': 'hello from the legacy server\n', '/big.bin': randomBytes(300_000) };

describe.each(FAMILIES)('over %s', (_family, { explicit, implicit }) => {
  it('T007: AUTH TLS, USER, PASS, PBSZ 0, PROT P answer 234, 331, 230, 200, 200 and the backend sees only the login', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      await client.command('AUTH TLS', 234);
      await client.startTls();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 230);
      expect((await client.command('PBSZ 0', 200)).raw).toContain('PBSZ=0');
      await client.command('PROT P', 200);
      expect(backend.verbs.filter((verb) => verb !== 'FEAT')).toEqual(['USER', 'PASS']);
    });
  });

  it('AUTH: encrypts the control connection', async () => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted(explicit);
      await client.auth();
      expect(client.tls?.getProtocol()).toBe('TLSv1.3');
      await client.expectNothingMore();
    });
  });

  it('PBSZ and PROT: answered before and after login, and again at any time', async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted(explicit);
      await client.protect();
      await client.login();
      await client.protect();
      await client.command('PROT P', 200);
    });
  });

  it('USER and PASS: reach the backend unchanged', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted(explicit);
      await client.login();
      expect(backend.commands.slice(0, 2)).toEqual([`USER ${USER}`, `PASS ${PASSWORD}`]);
    });
  });

  it.each([
    ['explicit', explicit],
    ['implicit', implicit],
  ] as const)('LIST, RETR, STOR and QUIT: %s', async (_mode, door) => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(door);
      const listing = (await client.download('LIST')).toString();
      expect(listing).toContain('readme.txt\r\n');
      expect(digest(await client.download('RETR big.bin'))).toBe(digest(FILES['/big.bin']));
      const up = randomBytes(200_000);
      await client.upload('STOR up.bin', up);
      expect(digest(backend.files.get('/up.bin'))).toBe(digest(up));
      await client.command('QUIT', 221);
      await client.expectClosed();
      await backend.disconnected();
    });
  });

  it.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('RETR and STOR: with %s, with and without a resumed session', async (version) => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit, { tls: only(version) });
      for (const session of [client.session, undefined]) {
        expect(digest(await client.download('RETR big.bin', { ...only(version), session }))).toBe(
          digest(FILES['/big.bin']),
        );
        await client.upload('STOR again.bin', FILES['/big.bin'], { ...only('TLSv1.2'), session: undefined });
        expect(digest(backend.files.get('/again.bin'))).toBe(digest(FILES['/big.bin']));
      }
    });
  });

  it('RETR and STOR: a data connection resumes the session of the control connection', async () => {
    await withGateway({ legacy: { files: FILES } }, async ({ loggedIn }) => {
      const client = await loggedIn(explicit);
      await client.expectNothingMore();
      const data = await client.openData();
      await client.command('RETR readme.txt', 150);
      await data.startTls({ session: client.session });
      expect(data.resumed).toBe(true);
      await data.ending;
      await client.expect(226);
    });
  });

  it('RETR and STOR: nothing, one byte, and the text of 150 unchanged', async () => {
    await withGateway({ legacy: { files: { '/empty': '', '/one': 'x' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      expect(await client.download('RETR empty')).toHaveLength(0);
      expect((await client.download('RETR one')).toString()).toBe('x');
      await client.upload('STOR nothing', '');
      await client.upload('STOR single', 'y');
      expect(backend.files.get('/nothing')?.length).toBe(0);
      expect(backend.files.get('/single')?.toString()).toBe('y');
      const data = await client.openData();
      const preliminary = await client.command('RETR one', 150);
      expect(preliminary.text).toBe('Opening data connection for one (1 bytes).');
      await data.startTls({ session: client.session });
      await data.ending;
      await client.expect(226);
    });
  });

  it('APPE, STOU, NLST and MLSD: work like their siblings', async () => {
    await withGateway({ legacy: { files: { '/log': 'one;' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      await client.upload('APPE log', 'two;');
      expect(backend.files.get('/log')?.toString()).toBe('one;two;');
      await client.upload('STOU', 'unique');
      expect(client.transcript).toContain('150 FILE: unique.1');
      expect((await client.download('NLST')).toString()).toBe('log\r\nunique.1\r\n');
      await client.download('MLSD');
    });
  });

  it('twenty files in one session, over PASV where the family has it', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      for (let index = 0; index < 20; index += 1) await client.upload(`STOR file-${index}`, `content ${index}`);
      expect(backend.uploads.filter(({ complete }) => complete)).toHaveLength(20);
      for (let index = 0; index < 20; index += 1) {
        expect((await client.download(`RETR file-${index}`)).toString()).toBe(`content ${index}`);
      }
    });
  });
});
