/**
 * Access control: what a client may do is decided before anything reaches the backend. Each rule enforced, reported, off.
 */
import { describe, expect, it } from 'vitest';
import { PASSWORD, USER } from '../support/scripted-client.ts';
import { FAMILIES, HAS_IPV6, withGateway } from '../support/test-gateway.ts';

describe.each(FAMILIES)('requireTls over %s', (_family, { explicit }) => {
  it('T013: enforced: USER and PASS in clear are refused, nothing is forwarded, the password is not logged', async () => {
    await withGateway({}, async ({ greeted, backend, logs }) => {
      const client = await greeted(explicit);
      await client.command(`USER ${USER}`, 530);
      const refusal = await client.command(`PASS ${PASSWORD}`, 530, 503);
      expect(refusal.raw).not.toContain(PASSWORD);
      expect(backend.sessions).toHaveLength(0);
      expect(logs.text).not.toContain(PASSWORD);
      await client.auth();
      await client.login();
    });
  });

  it('reported: the login in clear goes through and is counted', async () => {
    await withGateway({ policy: { requireTls: 'report' } }, async ({ greeted, metrics }) => {
      const client = await greeted(explicit);
      await client.login();
      await client.command('PWD', 257);
      expect(await metrics.render()).toMatch(
        /sallyport_policy_denials_total\{[^}]*rule="requireTls"[^}]*mode="report"[^}]*\} [1-9]/,
      );
    });
  });

  it('off: the login in clear goes through and nothing is counted', async () => {
    await withGateway({ policy: { requireTls: 'off' } }, async ({ greeted, metrics }) => {
      const client = await greeted(explicit);
      await client.login();
      expect(await metrics.render()).not.toMatch(/sallyport_policy_denials_total\{[^}]*\} [1-9]/);
    });
  });
});

describe.each(FAMILIES)('requireProtP over %s', (_family, { explicit }) => {
  it.each([
    'LIST',
    'NLST',
    'MLSD',
    'RETR a',
    'STOR a',
    'APPE a',
    'STOU',
  ])('enforced: %s without PROT P is refused with 521 and not forwarded', async (line) => {
    await withGateway({}, async ({ encrypted, backend }) => {
      const client = await encrypted(explicit);
      await client.login();
      await client.epsv();
      await client.command(line, 521);
      expect(backend.verbs).not.toContain(line.split(' ')[0]);
      await client.expectNothingMore();
    });
  });

  it('T017: PROT C, S, E and X are refused with 534, 536, 536, 504 and the level stays P', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn(explicit);
      await client.command('PROT C', 534);
      await client.command('PROT S', 536);
      await client.command('PROT E', 536);
      await client.command('PROT X', 504);
      await client.command('PROT', 501);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      expect(backend.verbs).not.toContain('PROT');
    });
  });

  it.each(['report', 'off'] as const)('%s: PROT C is taken and a transfer in clear works', async (mode) => {
    const options = { policy: { requireProtP: mode }, legacy: { files: { '/a': 'abc' } } };
    await withGateway(options, async ({ loggedIn, metrics }) => {
      const client = await loggedIn(explicit);
      await client.command('PROT C', 200);
      expect((await client.download('RETR a', { clear: true })).toString()).toBe('abc');
      await client.command('PROT P', 200);
      expect((await client.download('RETR a')).toString()).toBe('abc');
      const counted = /sallyport_policy_denials_total\{[^}]*rule="requireProtP"[^}]*mode="report"[^}]*\} [1-9]/;
      expect(counted.test(await metrics.render())).toBe(mode === 'report');
    });
  });

  it('the level is looked at when the transfer begins, not at EPSV (RFC 4217 §10.2)', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ encrypted }) => {
      const client = await encrypted(explicit);
      await client.login();
      const data = await client.openData();
      await client.protect();
      await client.command('RETR a', 150);
      await data.startTls({ session: client.session });
      expect((await data.readToEnd()).bytes.toString()).toBe('abc');
      await client.expect(226);
    });
  });
});

describe('security commands', () => {
  it('T014: PBSZ and PROT before AUTH are refused with 503', async () => {
    await withGateway({}, async ({ greeted, backend }) => {
      const client = await greeted();
      await client.command('PBSZ 0', 503);
      await client.command('PROT P', 503);
      expect(backend.sessions).toHaveLength(0);
    });
  });

  it('T015: PROT P without PBSZ is taken: some clients do not send PBSZ', async () => {
    await withGateway({ legacy: { files: { '/a': 'abc' } } }, async ({ encrypted }) => {
      const client = await encrypted();
      await client.login();
      await client.command('PROT P', 200);
      expect((await client.download('RETR a')).toString()).toBe('abc');
    });
  });

  it('T016: PBSZ of any size becomes 0; what is no 32-bit number is refused with 501', async () => {
    await withGateway({}, async ({ encrypted }) => {
      const client = await encrypted();
      expect((await client.command('PBSZ 16384', 200)).raw).toContain('PBSZ=0');
      await client.command('PBSZ abc', 501);
      await client.command('PBSZ 99999999999', 501);
      await client.command('PBSZ', 501);
    });
  });

  it('T019: MIC, CONF, ENC and ADAT are never executed and never forwarded', async () => {
    await withGateway({}, async ({ greeted, loggedIn, backend }) => {
      const clear = await greeted();
      for (const verb of ['MIC', 'CONF', 'ENC']) await clear.command(`${verb} UFdECg==`, 503, 533, 537);
      await clear.command('ADAT UFdECg==', 503);
      const client = await loggedIn();
      for (const verb of ['MIC', 'CONF', 'ENC']) await client.command(`${verb} UFdECg==`, 537);
      await client.command('ADAT UFdECg==', 501, 503);
      for (const verb of ['MIC', 'CONF', 'ENC', 'ADAT', 'PWD']) expect(backend.verbs).not.toContain(verb);
    });
  });

  it('T020: REIN is refused with 502 and the login stays', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('REIN', 502);
      await client.command('PWD', 257);
      expect(backend.verbs).not.toContain('REIN');
    });
  });

  it('unknown verbs are answered with 500, known ones that are not carried with 502; neither is forwarded', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      const before = backend.commands.length;
      for (const verb of ['XYZZY', 'FOO bar']) await client.command(verb, 500);
      for (const verb of ['REIN', 'SMNT /', 'LPRT 4,4,127,0,0,1,2,200,10', 'LANG de']) {
        await client.command(verb, 502);
      }
      expect(backend.commands.slice(before)).toEqual([]);
    });
  });

  it('server-to-server transfers have no door: CPSV and SSCN are not carried', async () => {
    await withGateway({}, async ({ loggedIn, backend }) => {
      const client = await loggedIn();
      await client.command('CPSV', 500, 502);
      await client.command('SSCN ON', 500, 502);
      expect(backend.verbs).not.toContain('CPSV');
      expect(backend.verbs).not.toContain('SSCN');
    });
  });
});

describe('session limits (T150)', () => {
  it('limits.sessions: one more gets 421 and is closed; when one leaves there is room again', async () => {
    await withGateway({ limits: { sessions: 2 } }, async ({ greeted, connect, gateway }) => {
      const first = await greeted();
      await greeted();
      const third = await connect();
      await third.expect(421);
      await third.expectClosed();
      await first.command('QUIT', 221);
      await first.expectClosed();
      await expect.poll(() => gateway.activeSessions, { interval: 5 }).toBe(1);
      await greeted();
    });
  });

  it('limits.sessionsPerAddress: counts each address by itself', async () => {
    await withGateway({ limits: { sessionsPerAddress: 1 } }, async ({ greeted, connect, backend }) => {
      await greeted('explicit');
      const second = await connect('explicit');
      await second.expect(421);
      await second.expectClosed();
      await greeted('explicit', { localAddress: '127.0.0.2' });
      if (HAS_IPV6) await greeted('explicit6');
      expect(backend.sessions).toHaveLength(0);
    });
  });
});
