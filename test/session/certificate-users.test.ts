/** Users by certificate: who may log in under which name, and without a password (RFC 2228 §5: 232). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClientCertificates, makeClientCertificates } from '../support/client-certificates.ts';
import { PASSWORD } from '../support/scripted-client.ts';
import { type HouseOptions, withGateway } from '../support/test-gateway.ts';

let made: ClientCertificates;
beforeAll(async () => {
  made = await makeClientCertificates();
});
afterAll(() => made.remove());

const WITH_PASSWORD = [{ backends: ['legacy'], credentials: { password: PASSWORD } }];

function mapping(
  user: object,
  {
    mode = 'require',
    routes,
  }: { readonly mode?: 'request' | 'require'; readonly routes?: HouseOptions['routes'] } = {},
): HouseOptions {
  const options: HouseOptions = { tls: { clientCertificates: { mode, ca: made.ca, user } } };
  return routes === undefined ? options : { ...options, routes };
}

it('lets a user log in with certificate and password under the name of the certificate only', () =>
  withGateway(mapping({ from: 'subject-cn' }), async ({ encrypted, backend, logs }) => {
    const client = await encrypted('explicit', { tls: made.clients.alice });
    await client.command('USER bob', 530);
    expect(backend.sessions).toEqual([]);
    await logs.until({ event: 'login', user: 'bob', outcome: 'refused', cause: 'certificate-user-mismatch' });
    await client.command('PASS anything', 503);
    await client.command('USER alice', 331);
    await client.command('USER bob', 530);
    await client.login('alice');
  }));

it.each([
  ['san-email', '(.+)@example\\.com'],
  ['san-dns', '(\\w+)\\..*'],
  ['san-uri', 'spiffe://example.com/(\\w+)'],
  ['subject-cn', null],
] as const)('logs in by %s without a password, with that of the route', (from, pattern) =>
  withGateway(
    mapping({ from, pattern, password: 'not-needed' }, { routes: WITH_PASSWORD }),
    async ({ encrypted, backend, logs }) => {
      const client = await encrypted('implicit', { tls: made.clients.alice });
      await client.command('USER mallory', 530);
      await client.command('USER alice', 232);
      expect(backend.commands).toContain(`PASS ${PASSWORD}`);
      await client.command('PBSZ 0', 200);
      await client.command('PROT P', 200);
      expect((await client.upload('STOR /a.txt', 'by certificate', made.clients.alice)).code).toBe(226);
      const line = await logs.until({ event: 'login', outcome: 'accepted', user: 'alice', reply: 232 });
      expect(line['clientCertificate']).toBe('CN=alice,O=Example');
    },
  ));

it('turns away certificates that have no name of the kind', () =>
  withGateway(
    mapping({ from: 'subject-cn', password: 'not-needed' }, { routes: WITH_PASSWORD }),
    async ({ encrypted, backend }) => {
      const client = await encrypted('explicit', { tls: made.clients.nameless });
      for (const name of ['alice', 'Example']) await client.command(`USER ${name}`, 530);
      expect(backend.sessions).toEqual([]);
    },
  ));

it('gives the password of a route to nobody without a certificate', () =>
  withGateway(
    mapping({ from: 'subject-cn', password: 'not-needed' }, { mode: 'request', routes: WITH_PASSWORD }),
    async ({ encrypted, backend }) => {
      const client = await encrypted('explicit');
      await client.command('USER alice', 530);
      expect(backend.sessions).toEqual([]);
    },
  ));

it('asks for the password of the client where the route has none', () => {
  const certified = { match: { user: 'bob' }, ...WITH_PASSWORD[0] };
  const routes = [certified, { backends: ['legacy'] }];
  return withGateway(
    mapping({ from: 'subject-cn', password: 'not-needed' }, { mode: 'request', routes }),
    async (house) => {
      const client = await house.encrypted('explicit', { tls: made.clients.alice });
      await client.login('alice');
      const other = await house.encrypted('explicit');
      await other.login('alice');
    },
  );
});

it('does not count a wrong password of the route against the client', () => {
  const routes = [{ backends: ['legacy'], credentials: { password: 'outdated' } }];
  const options = mapping({ from: 'subject-cn', password: 'not-needed' }, { routes });
  return withGateway({ ...options, limits: { ban: { failures: 1 } } }, async ({ encrypted, logs }) => {
    const client = await encrypted('explicit', { tls: made.clients.alice });
    await client.command('USER alice', 530);
    await client.command('USER alice', 530);
    expect(logs.text).not.toContain('outdated');
  });
});
