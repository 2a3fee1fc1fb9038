/** Certificates of clients in the configuration: what listeners have, which rules hold, and the files. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFiles, checkRules } from '../../../src/config/check.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { makeCertificateChain } from '../../support/certificate-chain.ts';
import { type ClientCertificates, makeClientCertificates, revocationList } from '../../support/client-certificates.ts';

let made: ClientCertificates;
beforeAll(async () => {
  made = await makeClientCertificates();
});
afterAll(() => made.remove());

type Section = Readonly<Record<string, unknown>>;

function yaml(global: Section, own: Section = {}, more: Section = {}): string {
  return JSON.stringify({
    listeners: [{ name: 'public', port: 21, clientCertificates: own }],
    tls: { certificates: [{ cert: '/tls.crt', key: '/tls.key' }], clientCertificates: global },
    backends: [{ name: 'legacy', host: 'legacy' }],
    ...more,
  });
}

function problems(global: Section, own?: Section, more?: Section): string {
  try {
    parseConfig(yaml(global, own, more), { env: {}, file: '/etc/f.yaml' });
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a listener', () => {
  it('has what is global, unless it says otherwise; paths are relative to the file, null is a value', () => {
    const global = { mode: 'require', ca: 'ca.pem', crl: 'crl.pem', user: { from: 'san-dns', pattern: '(.*)' } };
    const parse = (own: Section) =>
      parseConfig(yaml(global, own), { env: {}, file: '/etc/f.yaml' }).listeners[0]?.clientCertificates;
    const user = { from: 'san-dns', pattern: '(.*)', password: 'required' };
    expect(parse({})).toEqual({ mode: 'require', ca: '/etc/ca.pem', crl: '/etc/crl.pem', user });
    expect(parse({ mode: 'request', ca: 'own.pem', crl: null, user: { pattern: null } })).toEqual({
      mode: 'request',
      ca: '/etc/own.pem',
      crl: null,
      user: { ...user, pattern: null },
    });
    expect(parseConfig(yaml({}), { env: {} }).listeners[0]?.clientCertificates.mode).toBe('off');
  });

  it('needs authorities', () => {
    expect(problems({ mode: 'request' })).toContain('listeners[0].clientCertificates.ca: none');
    expect(problems({ mode: 'request' }, { ca: 'ca.pem' })).toBe('');
  });

  it.each(['report', 'off'])('with require must demand TLS, not %s', (requireTls) => {
    const policy = { policy: { requireTls } };
    expect(problems({ mode: 'require', ca: 'ca.pem' }, {}, policy)).toContain('listeners[0].clientCertificates.mode');
    expect(problems({ mode: 'request', ca: 'ca.pem' }, {}, policy)).toBe('');
  });

  it('cannot do without passwords where no route has one', () => {
    const global = { mode: 'require', ca: 'ca.pem', user: { from: 'subject-cn', password: 'not-needed' } };
    const route = (listener: string | null) => ({
      listeners: [
        { name: 'public', port: 21 },
        { name: 'other', port: 22, clientCertificates: { mode: 'off' } },
      ],
      routes: [{ match: { listener }, backends: ['legacy'], credentials: { password: 'x' } }],
    });
    expect(problems(global)).toContain('listeners[0].clientCertificates.user.password');
    expect(problems(global, {}, route('other'))).toContain('listeners[0].clientCertificates.user.password');
    expect(problems(global, {}, route('public'))).toBe('');
    expect(problems(global, {}, route(null))).toBe('');
  });

  it.each(['(', 'a{2,1}', '\\'])('takes no pattern %s', (pattern) => {
    expect(problems({ user: { pattern } })).toContain('expected a regular expression');
  });

  it('is told what means nothing, and which routes ask for a password all the same', () => {
    const warnings = (global: Section, more: Section = {}) =>
      checkRules(parseConfig(yaml(global, {}, more), { env: {} })).warnings.map(({ path }) => path);
    const path = 'listeners[0].clientCertificates';
    expect(warnings({ user: { from: 'subject-cn' } })).toEqual([`${path}.user.from`]);
    expect(warnings({ mode: 'request', ca: 'a', user: { pattern: 'x', password: 'not-needed' } })).toEqual([
      `${path}.user.pattern`,
      `${path}.user.password`,
    ]);
    const routes = [
      { match: { user: 'a' }, backends: ['legacy'] },
      { match: { clients: '10.0.0.0/8' }, backends: ['legacy'], credentials: { password: 'x' } },
    ];
    const user = { from: 'subject-cn', password: 'not-needed' };
    expect(warnings({ mode: 'require', ca: 'a', user }, { routes })).toEqual(['routes[0].credentials']);
  });
});

describe('the files', () => {
  async function findings(own: Section) {
    const config = parseConfig(yaml({ mode: 'request', ...own }), { env: {} });
    const { errors, warnings } = await checkFiles(config);
    const ours = (found: typeof errors) =>
      found.filter(({ path }) => path.includes('clientCertificates')).map(({ path, message }) => `${path}: ${message}`);
    return { errors: ours(errors), warnings: ours(warnings) };
  }

  it('are fine when they are', async () => {
    // The authority of the tests lives for less than thirty days.
    const { errors, warnings } = await findings({ ca: made.ca, crl: made.crl });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('expires in 29 days')]);
  });

  it('that cannot be used are told with their key', async () => {
    const { errors } = await findings({ ca: '/nonexistent', crl: made.ca });
    expect(errors).toEqual([
      expect.stringContaining('tls.clientCertificates.ca: /nonexistent cannot be read'),
      expect.stringContaining('has no PEM list of revoked certificates'),
    ]);
    const broken = join(made.folder, 'broken.pem');
    await writeFile(broken, '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n');
    expect((await findings({ ca: made.ca, crl: broken })).errors).toEqual([
      expect.stringContaining('cannot be parsed'),
    ]);
  });

  it('tell of an authority that has expired, of a list that has, and of an authority without a list', async () => {
    expect((await findings({ ca: made.expiredCa })).errors).toEqual([
      expect.stringContaining('the authority CN=Partners, O=Example in'),
    ]);
    expect((await findings({ ca: made.ca, crl: made.expiredCrl })).errors).toEqual([
      expect.stringContaining('no certificate of its authority is valid'),
    ]);
    const long = join(made.folder, 'long.pem');
    const serials = Array.from({ length: 1001 }, (_, index) => (0x100000 + index).toString(16).padStart(8, '0'));
    await writeFile(long, revocationList('Partners', serials, 5));
    expect((await findings({ ca: made.ca, crl: long })).warnings).toContainEqual(
      expect.stringContaining('has 1001 certificates: every session keeps a copy of about 200 KiB'),
    );
    expect((await findings({ ca: made.foreignCa, crl: made.crl })).warnings).toContainEqual(
      expect.stringContaining('has no list of the authority CN=Strangers, O=Example'),
    );
  });

  it('tell of an authority without its root, where lists are looked at', async () => {
    const chain = await makeCertificateChain();
    const { root, partners, lists } = chain;
    try {
      const crl = await chain.file(lists.root, lists.partners);
      const alone = await chain.file(partners);
      expect((await findings({ ca: alone })).errors).toEqual([]);
      expect((await findings({ ca: await chain.file(partners, root), crl })).errors).toEqual([]);
      const needed = 'with crl the authority CN=Partners, O=Example needs those above it in';
      expect((await findings({ ca: alone, crl })).errors).toEqual([expect.stringContaining(needed)]);
      const beside = await findings({ ca: await chain.file(partners, await readFile(made.foreignCa, 'utf8')), crl });
      expect(beside.errors).toEqual([]);
      expect(beside.warnings).toContainEqual(expect.stringContaining(needed));
    } finally {
      await chain.remove();
    }
  });
});
