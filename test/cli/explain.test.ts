/** `sallyport explain`, and the examples of docs/routing.md. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateAuthority, generateServerCertificate } from '../../src/certs/generate.ts';
import { makeClientCertificates } from '../support/client-certificates.ts';
import { run } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const server = await generateServerCertificate(await generateAuthority(), { names: ['localhost'] });
  await writeFile(join(folder, 'tls.crt'), server.cert);
  await writeFile(join(folder, 'tls.key'), server.key);
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text.replaceAll('certs/tls.', 'tls.'));
  return join(folder, name);
}

const CONFIGURATION = `listeners:
  - name: partners
    port: 2121
    policy: { requireProtP: report }
  - { name: inside, port: 2122, clientCertificates: { mode: request, ca: tls.crt } }
tls:
  certificates:
    - { cert: tls.crt, key: tls.key }
policy: { uploadEnd: tolerant }
backends:
  - { name: plant1, host: 10.0.5.20 }
  - { name: plant2, host: "2001:db8::5", port: 2100 }
routes:
  - match: { clientCertificate: { subject: "*CN=plant1*" } }
    backends: [plant1]
    credentials: { user: robot, password: s3cret-of-the-route }
  - match: { host: plant2.example, user: zoë }
    backends: [plant2]
    userTemplate: "{user}@plant2"
`;

const explain = (path: string, ...args: readonly string[]) => run('explain', '--config', path, ...args);

describe('sallyport explain', () => {
  it('names the route, the backends and what they are told, and never a password', async () => {
    const path = await file('a.yaml', CONFIGURATION);
    const { code, out, err } = await explain(
      path,
      '--address',
      '192.0.2.1',
      '--user',
      'zoë',
      '--host',
      'PLANT2.example',
    );
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(
      'routes[0]: does not match\n    match.clientCertificate.subject is *CN=plant1*; the client has nothing of the kind',
    );
    expect(out).toContain('routes[1]: matches');
    expect(out).toContain('plant2: [2001:db8::5]:2100, weight 1');
    const json = await explain(path, '--address', '192.0.2.1', '--user', 'x', '--certificate', 'CN=plant1', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      listener: 'partners',
      routes: [
        { route: 'routes[0]', verdict: 'matches' },
        { route: 'routes[1]', verdict: 'not asked' },
      ],
      target: { backends: [{ name: 'plant1' }], user: 'robot', password: "the route's" },
    });
    expect(json.out + out).not.toContain('s3cret-of-the-route');
  });

  it('takes every fact from a certificate in a file', async () => {
    const certificates = await makeClientCertificates();
    try {
      const { cert } = certificates.clients.alice;
      const { fingerprint256 } = new X509Certificate(cert);
      const matches = [
        '{ subject: "CN=alice,O=Example" }',
        '{ subjectAltName: "DNS:ALICE.*.com" }',
        '{ subjectAltName: "email:alice@example.com" }',
        '{ subjectAltName: "URI:spiffe://*/alice" }',
        `{ fingerprint: "${fingerprint256}" }`,
        `{ fingerprint: "${fingerprint256.replaceAll(':', '').toLowerCase()}" }`,
      ];
      // None is for this user, so that each is asked and says what else stands against the client.
      const routes = matches.map(
        (each) => `  - { match: { user: z, clientCertificate: ${each} }, backends: [plant1] }`,
      );
      const last = '  - { backends: [plant1, plant2] }';
      const text = CONFIGURATION.replace(/routes:.*/s, ['routes:', ...routes, last, ''].join('\n'));
      const path = await file('certificates.yaml', text);
      const mismatches = async (name: 'alice' | 'bob'): Promise<readonly (readonly string[])[]> => {
        const shown = await file(`${name}.pem`, certificates.clients[name].cert);
        const { out } = await explain(path, '--address', '::1', '--user', 'x', '--certificate', shown, '--json');
        const found: { mismatches: { key: string; found: string[] }[] }[] = JSON.parse(out).routes.slice(0, -1);
        return found.map((route) => route.mismatches.map((each) => `${each.key} ${each.found}`));
      };
      expect(await mismatches('alice')).toEqual(matches.map(() => ['user x']));
      const bob = new X509Certificate(certificates.clients.bob.cert).fingerprint256;
      expect(await mismatches('bob')).toEqual([
        ['user x', 'clientCertificate.subject CN=bob,O=Example'],
        ...[1, 2, 3].map(() => ['user x', 'clientCertificate.subjectAltName ']),
        ...[1, 2].map(() => ['user x', `clientCertificate.fingerprint ${bob}`]),
      ]);
    } finally {
      await certificates.remove();
    }
  });

  it('says which rule set each value of the policy', async () => {
    const path = await file('b.yaml', CONFIGURATION);
    const policyOf = async (listener: string): Promise<Record<string, unknown>> => {
      const args = ['--address', '::1', '--user', 'x', '--certificate', 'CN=plant1', '--listener', listener, '--json'];
      const { policy } = JSON.parse((await explain(path, ...args)).out);
      return Object.fromEntries(
        policy.map(({ key, value, from, line }: Record<string, unknown>) => [key, [value, from, line]]),
      );
    };
    expect(await policyOf('partners')).toMatchObject({
      requireTls: ['enforce', 'default', undefined],
      requireProtP: ['report', 'listener', 4],
      uploadEnd: ['tolerant', 'global', 9],
      'clientCertificates.mode': ['off', 'default', undefined],
    });
    expect(await policyOf('inside')).toMatchObject({
      requireProtP: ['enforce', 'default', undefined],
      uploadEnd: ['tolerant', 'global', 9],
      'clientCertificates.mode': ['request', 'listener', 5],
    });
  });

  it('shows the folder that the client sees as /', async () => {
    const path = await file(
      'root.yaml',
      CONFIGURATION.replace('userTemplate:', 'root: /partners/zoë\n    userTemplate:'),
    );
    const args = ['--address', '192.0.2.1', '--user', 'zoë', '--host', 'plant2.example'];
    expect((await explain(path, ...args)).out).toContain('  sees /partners/zoë as /\n');
    const { target } = JSON.parse((await explain(path, ...args, '--json')).out);
    expect(target.root).toBe('/partners/zoë');
  });

  it('lists the limits that count for the client, as they are written and where', async () => {
    const limited = CONFIGURATION.replace(
      'userTemplate:',
      'limits: { uploadSize: 100MiB, perUser: { transfers: 1 } }\n    userTemplate:',
    );
    const limits = `limits:
  sessions: 5000
  perUser: { bandwidth: { up: 10MiB/s }, perDay: { bytesUp: 50GiB }, transfers: unlimited }
  perAddress: { sessions: 7, loginRate: 30/m }
`;
    const path = await file('limits.yaml', limited + limits);
    const args = ['--address', '192.0.2.1', '--user', 'zoë', '--host', 'plant2.example'];
    const { out } = await explain(path, ...args);
    expect(out.slice(out.indexOf('Limits'))).toBe(`Limits
  limits.sessions                     5000     line 22
  limits.perAddress.sessions          7        line 24
  limits.perAddress.loginRate         30/m     line 24
  limits.perUser.bandwidth.up         10MiB/s  line 23
  limits.perUser.perDay.bytesUp       50GiB    line 23
  routes[1].limits.uploadSize         100MiB   line 19
  routes[1].limits.perUser.transfers  1        line 19
  limits.timeZone                     UTC      default
`);
    const other = await explain(path, '--address', '192.0.2.1', '--user', 'x', '--certificate', 'CN=plant1', '--json');
    const keys: readonly string[] = JSON.parse(other.out).limits.map(({ key }: { key: string }) => key);
    expect(keys.filter((key) => key.startsWith('routes'))).toEqual([]);
  });

  it('ends with 1 when no route is for the client', async () => {
    const path = await file('c.yaml', CONFIGURATION);
    const { code, out } = await explain(path, '--address', '192.0.2.1', '--user', 'x');
    expect(code).toBe(1);
    expect(out).toContain('match.user is zoë; the client has x');
    expect(out).toContain('refused: no route is for this client');
  });

  it.each([
    [['--address', '10.0.0.0/8', '--user', 'x'], /--address: found "10\.0\.0\.0\/8", expected an IP address/],
    [
      ['--address', '::1', '--user', 'x', '--listener', 'public'],
      /--listener: found "public", expected one of partners, inside/,
    ],
    [['--address', '::1'], /--user/],
    [
      ['--address', '::1', '--user', 'x', '--certificate', 'none.pem'],
      /--certificate: found "none\.pem" \(no such file or directory\), expected a PEM file with a certificate, or a subject such as/,
    ],
    [
      ['--address', '::1', '--user', 'x', '--certificate', import.meta.filename],
      /--certificate: found .*, expected a PEM file with a certificate/,
    ],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, err } = await explain(await file('d.yaml', CONFIGURATION), ...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('ends with 2 and the list of errors when the configuration cannot be used', async () => {
    const path = await file('e.yaml', CONFIGURATION.replace('[plant1]', '[plant3]'));
    const { code, err } = await explain(path, '--address', '::1', '--user', 'x');
    expect(code).toBe(2);
    expect(err).toContain('which is no backend; did you mean plant1?');
  });
});

describe('docs/routing.md', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/routing.md'), 'utf8');
  const parts = [
    ...text.matchAll(/^```yaml configuration\n([\s\S]*?)^```[\s\S]*?^```console\n\$ sallyport (.*)\n([\s\S]*?)^```/gm),
  ];

  it('has examples', () => {
    expect(parts.length).toBe(4);
    expect(text.match(/^```yaml/gm)).toHaveLength(parts.length);
  });

  it.each(
    parts.map(([, yaml = '', command = '', out = '']) => [command, yaml, out]),
  )('%s', async (command, yaml, out) => {
    const path = await file('sallyport.yaml', yaml);
    const checked = await run('check', '--config', path);
    expect(checked).toMatchObject({ code: 0, out: `${path}: fine\n` });
    const explained = await run(...command.split(' ').map((word) => (word === 'sallyport.yaml' ? path : word)));
    expect(explained).toMatchObject({ code: 0, err: '' });
    expect(explained.out).toBe(out);
  });
});
