/**
 * Explicit and implicit mode: what is said in clear, what only under TLS, and what happens to a client that confuses them.
 */
import { describe, expect, it } from 'vitest';
import { ScriptedClient } from '../support/scripted-client.ts';
import { FAMILIES, withGateway } from '../support/test-gateway.ts';

/** The beginning of a TLS 1.2 ClientHello record. */
const CLIENT_HELLO = Buffer.from('16030100c8010000c40303'.padEnd(410, '0'), 'hex');

describe.each(FAMILIES)('explicit mode over %s', (_family, { explicit }) => {
  it('T008: AUTH SSL means PROT P, so a transfer needs neither PBSZ nor PROT', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ greeted }) => {
      const client = await greeted(explicit);
      await client.auth('SSL');
      await client.login();
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it.each(['tls-c', 'TLS-P', 'tLs', 'ssl'])('T009: AUTH %s is taken in any case', async (mechanism) => {
    await withGateway({}, async ({ greeted }) => {
      const client = await greeted(explicit);
      client.write(`auth ${mechanism}\r\n`);
      await client.expect(234);
      await client.startTls();
      await client.expectNothingMore();
    });
  });

  it('AUTH TLS and TLS-C leave the data level clear until PROT P: 521', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      for (const mechanism of ['TLS', 'TLS-C']) {
        const client = await greeted(explicit);
        await client.auth(mechanism);
        await client.login();
        await client.epsv();
        await client.command('RETR a', 521);
      }
      expect(backend.verbs).not.toContain('RETR');
    });
  });

  it('T010: AUTH GSSAPI is refused with 504, AUTH without a mechanism with 501', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      await client.command('AUTH GSSAPI', 504);
      await client.command('AUTH', 501);
      await client.auth();
      await client.login();
      expect(backend.verbs).not.toContain('AUTH');
    });
  });

  it('T011: a second AUTH is refused with 503 and the session stays usable', async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted(explicit);
      await client.command('AUTH TLS', 503);
      await client.login();
      await client.command('AUTH TLS', 503);
      await client.expectNothingMore();
    });
  });

  it('T023: a TLS hello before AUTH is dropped at once, without a reply to it', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      client.write(CLIENT_HELLO);
      await client.expectClosed(2000);
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('T025: a client that falls silent after 234 is dropped when the handshake time is over', async () => {
    await withGateway({ timeouts: { tlsHandshake: '200ms' } }, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      await client.command('AUTH TLS', 234);
      await client.expectClosed(2000);
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('clear text instead of a handshake after 234 is dropped without a word', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted(explicit);
      await client.command('AUTH TLS', 234);
      client.send('USER alice');
      await client.expectClosed(2000).catch((error: Error) => {
        // A TLS alert record is no FTP reply; anything else is a fault.
        expect(error.message).toMatch(/malformed reply line|not a reply/);
      });
      expect(client.unread).not.toMatch(/\d{3} /);
      expect(backend.sessions).toHaveLength(0);
    });
  });
});

describe.each(FAMILIES)('implicit mode over %s', (_family, { implicit }) => {
  it('T021: no byte before the handshake, 220 after it', async () => {
    await withGateway({}, async ({ doors }) => {
      const client = await ScriptedClient.connect(doors[implicit]);
      await expect(client.reply(150)).rejects.toThrow('no reply');
      expect(client.unread).toBe('');
      await client.startTls();
      await client.expect(220);
      client.destroy();
    });
  });

  it('T022: clear text is closed without a banner', async () => {
    await withGateway({}, async ({ doors, backend }) => {
      const client = await ScriptedClient.connect(doors[implicit]);
      client.send('USER alice');
      await client.expectClosed(2000).catch((error: Error) => {
        expect(error.message).toMatch(/malformed reply line|not a reply/);
      });
      expect(client.unread).not.toMatch(/220|\d{3}[ -]/);
      expect(backend.sessions).toHaveLength(0);
      client.destroy();
    });
  });

  it('PROT P from the beginning: a transfer needs neither PBSZ nor PROT, and both are still answered', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ encrypted }) => {
      const client = await encrypted(implicit);
      await client.login();
      expect((await client.download('RETR a')).toString()).toBe('abc');
      await client.protect();
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('AUTH is refused with 503: the connection is encrypted already', async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted(implicit);
      await client.command('AUTH TLS', 503);
      await client.expectNothingMore();
    });
  });

  it('a client that never starts the handshake is dropped when its time is over', async () => {
    await withGateway({ timeouts: { tlsHandshake: '200ms' } }, async ({ doors }) => {
      const client = await ScriptedClient.connect(doors[implicit]);
      await client.expectClosed(2000);
    });
  });
});
