/**
 * Authentication: who is let in is the backend's word; order, limits and secrecy are the gateway's.
 */
import { describe, expect, it } from 'vitest';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { CLEAR_ALLOWED, FAMILIES, withGateway } from '../support/test-gateway.ts';

describe.each(FAMILIES)('login over %s', (_family, { explicit }) => {
  it("T031: a wrong password is told with the backend's own 530, and a right one is still taken after it", async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted(explicit);
      await client.command(`USER ${USER}`, 331);
      expect((await client.command('PASS wrong', 530)).text).toBe('Login incorrect.');
      await client.login();
    });
  });

  it('T031: after limits.failedLogins wrong passwords 421 and the end', async () => {
    await withGateway({ limits: { failedLogins: 3 } }, async ({ encrypted, backend }) => {
      const client = await encrypted(explicit);
      const codes: number[] = [];
      for (let attempt = 0; attempt < 5 && !codes.includes(421); attempt += 1) {
        client.send(`USER ${USER}`);
        client.send('PASS wrong');
        codes.push((await client.expect(331, 421)).code);
        if (codes.at(-1) === 331) codes.push((await client.expect(530, 421)).code);
      }
      expect(codes.filter((code) => code === 530)).toHaveLength(3);
      expect(codes.at(-1)).toBe(421);
      await client.expectClosed();
      await backend.disconnected();
      expect(backend.verbs.filter((verb) => verb === 'PASS')).toHaveLength(3);
    });
  });

  it('T034: PASS without USER is refused with 503 and not forwarded', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted(explicit);
      await client.command(`PASS ${PASSWORD}`, 503);
      expect(backend.verbs).not.toContain('PASS');
      await client.login();
    });
  });

  it('T033: USER after login is refused with 503 and changes nothing', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      await client.command('USER mallory', 503);
      await client.command('PASS whatever', 503);
      await client.command('PWD', 257);
      expect(backend.commands).not.toContain('USER mallory');
    });
  });
});

describe('what a backend may answer to USER and PASS (T030)', () => {
  it('331 then 230', async () => {
    await withGateway({}, async ({ encrypted }) => (await encrypted()).login());
  });

  it.each([230, 232])('%i to USER: logged in without a password', async (code) => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.answer('USER', `${code} No password needed.\r\n`);
      const client = await encrypted();
      await client.command(`USER ${USER}`, code);
      await client.command('PWD', 257);
    });
  });

  it('332 to PASS: ACCT is asked for, forwarded, and not logged', async () => {
    await withGateway({}, async ({ encrypted, backend, logs }) => {
      backend.answer('PASS', '332 Need account for login.\r\n');
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 332);
      await client.command('PWD', 530);
      await client.command('ACCT s3cret-account', 230);
      await client.command('PWD', 257);
      expect(backend.commands).toContain('ACCT s3cret-account');
      expect(logs.text).not.toContain('s3cret-account');
    });
  });

  it('332 to USER: ACCT is forwarded', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.answer('USER', '332 Need account for login.\r\n');
      const client = await encrypted();
      await client.command(`USER ${USER}`, 332);
      await client.command('ACCT s3cret-account', 230);
      await client.command('PWD', 257);
    });
  });

  it('336 to USER: the challenge is relayed', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.answer('USER', '336 Response to otp-md5 97 de9862 is required.\r\n');
      const client = await encrypted();
      expect((await client.command(`USER ${USER}`, 336)).text).toBe('Response to otp-md5 97 de9862 is required.');
      await client.command(`PASS ${PASSWORD}`, 230, 530);
    });
  });

  it('530 to USER: relayed, and another user can be tried', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      backend.on('USER', (session, command) =>
        command.argument === 'root' ? session.reply(530, 'Not you.') : session.byDefault(command),
      );
      const client = await encrypted();
      await client.command('USER root', 530);
      await client.login();
    });
  });

  it('a second USER before PASS starts over', async () => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command('USER someone', 331);
      await client.login();
      expect(backend.commands.filter((line) => line.startsWith('USER'))).toEqual(['USER someone', `USER ${USER}`]);
    });
  });

  it('passwords with blanks, colons and 8-bit bytes pass unchanged', async () => {
    await withGateway({}, async ({ encrypted, backend, logs }) => {
      backend.answer('PASS', '230 Fine.\r\n');
      const client = await encrypted();
      await client.command(`USER ${USER}`, 331);
      const password = '  two blanks: f\xfc\xdf\xe4 \xc3\xa9 ';
      await client.command(`PASS ${password}`, 230);
      expect(backend.lastSession.rawLines[1]).toEqual(Buffer.from(`PASS ${password}\r\n`, 'latin1'));
      expect(logs.text).not.toContain('two blanks');
    });
  });
});

describe('before login', () => {
  it.each([
    'PWD',
    'CWD /',
    'LIST',
    'RETR a',
    'STOR a',
    'PASV',
    'EPSV',
    'DELE a',
    'SITE HELP',
    'REST 1',
    'ACCT x',
  ])('%s is refused and not forwarded', async (line) => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted();
      await client.command(line, 530, 503);
      expect(backend.sessions).toHaveLength(0);
      await client.login();
    });
  });

  it('T012: AUTH after a login in clear is refused with 534', async () => {
    await withGateway(CLEAR_ALLOWED, async ({ greeted }) => {
      const client = await greeted();
      await client.login();
      await client.command('AUTH TLS', 534);
      await client.command('PWD', 257);
    });
  });
});
