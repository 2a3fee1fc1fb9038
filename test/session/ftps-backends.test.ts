/**
 * The control connection to an FTPS backend: TLS before anything is said, never a fallback to clear, PBSZ and PROT after the login.
 */
import { describe, expect, it } from 'vitest';

import type { BackendTlsOptions } from '../support/backend-tls.ts';
import { testCertificate } from '../support/certificates.ts';
import { makeClientCertificates } from '../support/client-certificates.ts';
import { ftpsHouse } from '../support/ftps-backend.ts';
import { ScriptedBackend } from '../support/scripted-backend.ts';
import { PASSWORD, ScriptedClient, USER } from '../support/scripted-client.ts';
import { only, startTestGateway, withGateway } from '../support/test-gateway.ts';

const WAYS = ['explicit', 'implicit'] as const;
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const FINGERPRINT = /SHA-256 ([0-9a-f]{64})/;

/** What the backend heard that must never go out in clear. */
function secretsOf(backend: ScriptedBackend): readonly string[] {
  return backend.verbs.filter((verb) => ['USER', 'PASS', 'ACCT', 'RETR', 'STOR', 'LIST'].includes(verb));
}

describe.each(WAYS)('%s TLS', (security) => {
  it.each(
    VERSIONS,
  )('%s: handshake first, PBSZ and PROT after the login and before the client hears of it', async (version) => {
    await withGateway(await ftpsHouse({ tls: { security, context: only(version) } }), async ({ backend, ...house }) => {
      await house.loggedIn();
      const before = security === 'explicit' ? ['AUTH TLS'] : [];
      expect(backend.commands).toEqual([...before, `USER ${USER}`, `PASS ${PASSWORD}`, 'PBSZ 0', 'PROT P']);
      const [handshake] = backend.tls?.handshakes.slice(-1) ?? [];
      // T100: no ALPN, and no server name for an address.
      expect(handshake).toMatchObject({ version, channel: 'control', alpn: false, servername: undefined });
      const { fields } = await connected(house);
      expect(fields).toMatchObject({ backendTls: version });
      expect(await house.metrics.render()).toMatch(
        new RegExp(`tls_handshakes_total{side="backend",channel="control",version="${version}",resumed="false"} 1`),
      );
    });
  });

  it('a backend that refuses PROT P ends the login: 421, no transfer', async () => {
    await withGateway(await ftpsHouse({ tls: { security } }), async ({ backend, ...house }) => {
      backend.answer('PROT', '534 No protection here.\r\n');
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 421);
      await client.expectClosed();
      await house.logs.until({ event: 'login', outcome: 'failed', cause: 'backend-protection-refused' });
    });
  });

  it('quirk: an error to PBSZ does no harm where PROT P is accepted', async () => {
    await withGateway(await ftpsHouse({ tls: { security } }), async ({ backend, ...house }) => {
      backend.answer('PBSZ', '500 What?\r\n');
      await house.loggedIn();
      expect(backend.verbs.slice(-2)).toEqual(['PBSZ', 'PROT']);
    });
  });

  it('T030: 332 and ACCT: PROT comes behind the last of them, once', async () => {
    await withGateway(await ftpsHouse({ tls: { security } }), async ({ backend, ...house }) => {
      backend.answer('PASS', '332 Account, please.\r\n');
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command(`PASS ${PASSWORD}`, 332);
      await client.command('ACCT books', 230);
      expect(backend.verbs.slice(-4)).toEqual(['PASS', 'ACCT', 'PBSZ', 'PROT']);
    });
  });

  it('T031: a wrong password is no login: PROT is not asked for; the right one is', async () => {
    await withGateway(await ftpsHouse({ tls: { security } }), async ({ backend, ...house }) => {
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 331);
      await client.command('PASS wrong', 530);
      expect(backend.verbs).not.toContain('PROT');
      await client.login();
      expect(backend.verbs.slice(-1)).toEqual(['PROT']);
    });
  });

  it.each([
    ['an authority that is not trusted', {}, {}],
    ['another name', {}, { servername: 'elsewhere.example' }],
    ['another fingerprint', {}, { fingerprint: 'ab'.repeat(32) }],
    ['too old a version', { context: { maxVersion: 'TLSv1.2' } }, { minVersion: 'TLSv1.3' }],
  ] as const)('T101: %s: 421, and no name and no password is sent', async (_why, tls, keys) => {
    const trusted = 'servername' in keys || 'minVersion' in keys ? (await ftpsHouse()).backend : {};
    const { reply, backend, logged } = await refuse({ security, ...tls }, { ...trusted, ...keys });
    expect(reply).toBe(421);
    expect(secretsOf(backend)).toEqual([]);
    expect(logged).toMatch(/backend-certificate-invalid|backend-tls-failed/);
  });

  it('T101: a certificate of the right authority whose time is over', async () => {
    const made = await makeClientCertificates();
    try {
      const { reply, backend, logged } = await refuse({ security, context: made.expiredServer }, { ca: made.ca });
      expect(reply).toBe(421);
      expect(secretsOf(backend)).toEqual([]);
      expect(logged).toContain('CERT_HAS_EXPIRED');
    } finally {
      await made.remove();
    }
  });

  it('a fingerprint accepts a certificate that no authority has signed', async () => {
    const { logged } = await refuse({ security }, {});
    const fingerprint = FINGERPRINT.exec(logged)?.[1] ?? '';
    const backend = { ca: null, fingerprint };
    await withGateway(await ftpsHouse({ tls: { security }, backend }), async ({ loggedIn }) => {
      await loggedIn();
    });
  });

  it('verify: false accepts anything', async () => {
    await withGateway(await ftpsHouse({ tls: { security }, backend: { ca: null, verify: false } }), async (house) => {
      await house.loggedIn();
      expect(await house.metrics.render()).toMatch(/backend_unverified{backend="legacy"} 1/);
    });
  });

  it('T100: the server name of the configuration is sent and verified', async () => {
    const backend = { servername: 'localhost' };
    await withGateway(await ftpsHouse({ tls: { security }, backend }), async (house) => {
      await house.loggedIn();
      expect(house.backend.tls?.handshakes.at(-1)?.servername).toBe('localhost');
    });
  });

  it('shows its own certificate where it has one', async () => {
    const own = (await ftpsHouse()).backend;
    const { cert, key } = await testCertificate();
    await withGateway(
      await ftpsHouse({ tls: { security, requestCert: true }, backend: { ...own, tls: security, cert, key } }),
      async (house) => {
        const client = await house.loggedIn();
        await client.upload('STOR a', 'bytes');
        const seen = house.backend.tls?.handshakes ?? [];
        expect(seen.at(-1)?.channel).toBe('data');
        expect(seen.map((each) => each.client)).not.toContain(undefined);
      },
    );
  });

  it('T005: a backend that never shakes hands: 421 in time', async () => {
    const timeouts = { tlsHandshake: '200ms', backendGreeting: '300ms' };
    await withGateway(await ftpsHouse({ tls: { security }, timeouts }), async ({ backend, ...house }) => {
      if (security === 'explicit') backend.answer('AUTH', '234 Go on.\r\n');
      else await backend.stop();
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
    });
  });
});

describe.each(['TLSv1', 'TLSv1.1'] as const)('an old appliance that knows nothing newer than %s', (version) => {
  const context = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const;

  it('is refused unless the configuration allows it', async () => {
    const { ca } = await testCertificate();
    const { reply, backend } = await refuse({ security: 'explicit', context }, { ca });
    expect(reply).toBe(421);
    expect(secretsOf(backend)).toEqual([]);
  });

  it('is spoken to where version and ciphers allow it', async () => {
    const backend = { minVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    const legacy = { files: { '/a': 'bytes' } };
    await withGateway(await ftpsHouse({ tls: { context }, backend, legacy }), async (house) => {
      const client = await house.loggedIn();
      expect(await client.download('RETR a')).toEqual(Buffer.from('bytes'));
      expect(house.backend.tls?.handshakes.at(-1)).toMatchObject({ channel: 'data', version, resumed: true });
    });
  });
});

describe('explicit TLS fails closed', () => {
  it.each([
    '500 What?',
    '502 No.',
    '530 Log in first.',
    '534 Policy.',
    '431 Not now.',
    '200 Fine.',
    '334 ADAT?',
  ])('AUTH is answered with %s: 421, nothing is said in clear', async (answer) => {
    await withGateway(await ftpsHouse(), async ({ backend, ...house }) => {
      backend.answer('AUTH', `${answer}\r\n`);
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      expect(secretsOf(backend)).toEqual([]);
      await house.logs.until({ event: 'backend-failed', cause: 'backend-tls-refused' });
      expect(await house.metrics.render()).toContain(
        'tls_handshake_failures_total{side="backend",reason="backend-tls-refused"} 1',
      );
    });
  });

  it('AUTH is sent although FEAT does not list it; FEAT is asked for inside TLS only (T035)', async () => {
    await withGateway(await ftpsHouse({ legacy: { features: ['SIZE', 'EPSV'] } }), async ({ backend, ...house }) => {
      const client = await house.loggedIn();
      await client.command('FEAT', 211);
      expect(backend.verbs).toEqual(['AUTH', 'USER', 'PASS', 'PBSZ', 'PROT', 'FEAT']);
    });
  });

  it.each([
    ['in the same packet', '234 Begin TLS.\r\n331 Name is fine.\r\n230 You are in.\r\n', ''],
    ['half a line in the same packet', '234 Begin TLS.\r\n331', ''],
    ['in a packet of their own', '234 Begin TLS.\r\n', '331 Name is fine, as far as I can tell.\r\n'],
  ])('bytes behind 234, %s, break the link off', async (_how, first, later) => {
    await withGateway(await ftpsHouse(), async ({ backend, ...house }) => {
      backend.on('AUTH', async (session) => {
        session.raw(first);
        await new Promise((resolve) => setTimeout(resolve, 20));
        session.raw(later);
      });
      const client = await house.encrypted();
      await client.command(`USER ${USER}`, 421);
      await client.expectClosed();
      expect(secretsOf(backend)).toEqual([]);
      await house.logs.until({ event: 'backend-failed', cause: 'backend-bytes-behind-auth' });
    });
  });
});

describe('FEAT of a backend', () => {
  it('is asked for once for all sessions', async () => {
    await withGateway(await ftpsHouse(), async ({ backend, ...house }) => {
      for (let session = 0; session < 3; session++) {
        const client = await house.loggedIn();
        const { raw } = await client.command('FEAT', 211);
        expect(raw).toContain(' SIZE');
      }
      expect(backend.verbs.filter((verb) => verb === 'FEAT')).toHaveLength(1);
    });
  });

  it('MLSD is not offered where the backend lacks it', async () => {
    await withGateway(await ftpsHouse({ legacy: { features: ['SIZE'] } }), async (house) => {
      const client = await house.loggedIn();
      const { raw } = await client.command('FEAT', 211);
      expect(raw).not.toMatch(/ML[S]/);
    });
  });
});

/** The first line about a backend that was connected. */
async function connected({ logs }: { readonly logs: { until(fields: object): Promise<object> } }) {
  return { fields: await logs.until({ event: 'backend-connected' }) };
}

/** One login through a gateway whose backend cannot be trusted. */
async function refuse(tls: BackendTlsOptions, keys: object) {
  const backend = await ScriptedBackend.start({ tls });
  const gateway = await startTestGateway(backend, { backend: { ...keys, tls: tls.security } });
  try {
    const client = await ScriptedClient.connect(gateway.doors.explicit);
    await client.expect(220);
    await client.auth();
    client.send(`USER ${USER}`);
    const { code } = await client.reply();
    client.destroy();
    return { reply: code, backend, logged: gateway.logs.text };
  } finally {
    await gateway.stop();
    await backend.stop();
  }
}
