/** Which route a client takes: each key of `match` alone, all of them together, and their order. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { type RouteFacts, RouteTable } from '../../../src/routing/route-table.ts';

const FINGERPRINT = 'ab'.repeat(32);
const COLONS = (FINGERPRINT.match(/../g) ?? []).join(':').toUpperCase();

const CLIENT: RouteFacts = {
  listener: 'public',
  servername: 'FTP.Example.com',
  host: 'ftp.example.com.',
  user: 'alice',
  address: '::ffff:10.1.2.3',
  clientCertificate: {
    subject: 'CN=plant1,O=Example',
    subjectAltNames: ['DNS:plant1.example.com', 'email:ops@example.com'],
    fingerprint256: COLONS,
  },
};

function table(routes: readonly object[]): RouteTable {
  const config = {
    listeners: [
      { name: 'public', port: 21 },
      { name: 'other', port: 2121 },
    ],
    tls: { certificates: [{ cert: 'a', key: 'b' }] },
    backends: [{ name: 'legacy', host: 'legacy' }],
    routes: routes.map((match) => ({ match, backends: ['legacy'] })),
  };
  return new RouteTable(parseConfig(JSON.stringify(config), { env: {} }));
}

const BARE: RouteFacts = { ...CLIENT, servername: undefined, host: undefined, clientCertificate: undefined };

describe('one key of match', () => {
  it.each<[object, boolean, boolean]>([
    [{}, true, true],
    [{ listener: 'public' }, true, true],
    [{ listener: ['other', 'public'] }, true, true],
    [{ listener: 'other' }, false, false],
    [{ servername: 'ftp.example.COM' }, true, false],
    [{ servername: '*.example.com' }, true, false],
    [{ servername: '*' }, true, false],
    [{ servername: 'example.com' }, false, false],
    [{ host: 'FTP.example.com' }, true, false],
    [{ host: '*.example.org' }, false, false],
    [{ user: 'alice' }, true, true],
    [{ user: 'Alice' }, false, false],
    [{ user: ['bob', 'al*'] }, true, true],
    [{ clients: '10.0.0.0/8' }, true, true],
    [{ clients: ['192.0.2.1', '10.1.2.3'] }, true, true],
    [{ clients: '2001:db8::/32' }, false, false],
    [{ clientCertificate: { subject: 'cn=PLANT1,*' } }, true, false],
    [{ clientCertificate: { subject: 'CN=plant1' } }, false, false],
    [{ clientCertificate: { subjectAltName: 'DNS:plant?.example.com' } }, true, false],
    [{ clientCertificate: { subjectAltName: 'URI:*' } }, false, false],
    [{ clientCertificate: { fingerprint: FINGERPRINT } }, true, false],
    [{ clientCertificate: { fingerprint: COLONS.toLowerCase() } }, true, false],
    [{ clientCertificate: { fingerprint: 'cd'.repeat(32) } }, false, false],
  ])('%j', (match, expected, withoutNames) => {
    const routes = table([match]);
    expect(routes.find(CLIENT) !== undefined).toBe(expected);
    expect(routes.find(BARE) !== undefined).toBe(withoutNames);
  });
});

it('everything in match must hold; the mismatches say what does not', () => {
  const [route] = table([{ user: 'alice', listener: 'other', clientCertificate: { subject: 'CN=x' } }]).routes;
  expect(route?.mismatches(BARE)).toEqual([
    { key: 'listener', expected: ['other'], found: ['public'] },
    { key: 'clientCertificate.subject', expected: ['CN=x'], found: [] },
  ]);
});

it('the first route that matches counts', () => {
  expect(table([{ user: 'bob' }, { user: 'a*' }, {}]).find(CLIENT)?.index).toBe(1);
});

it('names of users are compared as UTF-8 bytes', () => {
  const utf8 = Buffer.from('zoë', 'utf8').toString('latin1');
  expect(table([{ user: 'zoë' }]).find({ ...CLIENT, user: utf8 })).toBeDefined();
  expect(table([{ user: 'zoë' }]).find({ ...CLIENT, user: 'zoë' })).toBeUndefined();
});

it('a configuration without routes leads everybody to all backends', () => {
  const routes = table([]);
  expect(routes.find(BARE)?.config.backends).toEqual(['legacy']);
  expect(routes.mayMiss).toBe(false);
});

describe('HOST', () => {
  it.each<[readonly object[], string, boolean]>([
    [[], 'any.example', true],
    [[{ user: 'alice' }], 'any.example', true],
    [[{ host: '*.example.com' }], 'FTP.Example.com.', true],
    [[{ host: '*.example.com' }], 'ftp.example.org', false],
    [[{ host: 'a.example' }, {}], 'b.example', false],
    [[{ host: '[::1]' }], '[::1]', true],
  ])('routes %j, %s: %s', (routes, host, known) => {
    expect(table(routes).knowsHost(host)).toBe(known);
  });
});
