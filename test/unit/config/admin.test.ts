/** The side port in the configuration. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTokens } from '../../../src/config/admin.ts';
import { ConfigError, loadConfigWithWarnings, parseConfig } from '../../../src/config/load.ts';
import { maskedConfig } from '../../../src/config/masked.ts';
import { testCertificate } from '../../support/certificates.ts';
import { makeClientCertificates } from '../../support/client-certificates.ts';

const TOKEN = '0123456789abcdef';
const OTHER = 'fedcba9876543210';

const yaml = (admin: object, more: object = {}): string =>
  JSON.stringify({
    listeners: [{ name: 'public', port: 21, policy: { requireTls: 'off', requireProtP: 'off' } }],
    backends: [{ name: 'legacy', host: 'legacy' }],
    admin,
    ...more,
  });

function problems(admin: object): readonly string[] {
  try {
    parseConfig(yaml(admin), { env: {} });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('keys that contradict each other', () => {
  it.each([
    [{ readToken: TOKEN, readTokenFile: 'f' }, 'admin.readTokenFile: found both this and admin.readToken'],
    [{ writeToken: TOKEN, writeTokenFile: 'f' }, 'admin.writeTokenFile: found both this and admin.writeToken'],
    [{ readToken: TOKEN, writeToken: TOKEN }, 'admin.writeToken: expected another token than admin.readToken'],
    [{ tls: { cert: 'c' } }, 'admin.tls.key: missing, but admin.tls.cert needs it'],
    [{ tls: { key: 'k' } }, 'admin.tls.cert: missing, but admin.tls.key needs it'],
    [{ tls: { clientCa: 'ca' } }, 'admin.tls.cert: missing, but admin.tls.clientCa needs it'],
  ])('%j', (admin, problem) => {
    expect(problems(admin)).toEqual([expect.stringContaining(problem)]);
  });
});

it.each(['short', 'with blanks in it, and long', `${TOKEN}ü`])('a token that is none is not shown: %s', (token) => {
  const [problem = ''] = problems({ writeToken: token });
  expect(problem).toContain('admin.writeToken');
  expect(problem).toContain('expected a token of at least 16 printable ASCII characters');
  expect(problem).not.toContain(token);
});

describe('files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (admin: object) => {
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, yaml(admin));
    return loadConfigWithWarnings(file, { env: {} });
  };

  it('have the tokens in their first line, relative to the configuration', async () => {
    await writeFile(join(folder, 'read'), `${TOKEN}\nmore\n`);
    await writeFile(join(folder, 'write'), OTHER);
    const { config, warnings } = await load({ readTokenFile: 'read', writeTokenFile: 'write' });
    expect(await readTokens(config.admin)).toEqual({ read: TOKEN, write: OTHER });
    expect(warnings.filter(({ path }) => path.startsWith('admin'))).toEqual([]);
  });

  it('that cannot be used are told, and what is in them is not', async () => {
    await writeFile(join(folder, 'read'), 'guess-me\n');
    const failure = await load({ readTokenFile: 'read', writeTokenFile: 'nowhere' }).catch((error) => error);
    expect(failure.message).toContain('admin.readTokenFile');
    expect(failure.message).toContain('admin.writeTokenFile');
    expect(failure.message).not.toContain('guess-me');
  });

  it('must not have the same token', async () => {
    await writeFile(join(folder, 'token'), TOKEN);
    const failure = await load({ readTokenFile: 'token', writeTokenFile: 'token' }).catch((error) => error);
    expect(failure.message).toContain('expected different tokens');
  });

  it('may be certificates, which are checked', async () => {
    const { cert, key } = await testCertificate();
    const made = await makeClientCertificates();
    try {
      await load({ tls: { cert, key, clientCa: made.ca } });
      const failure = await load({ tls: { cert, key: made.ca, clientCa: key } }).catch((error) => error);
      expect(failure.message).toContain('admin.tls.key');
      expect(failure.message).toContain('admin.tls.clientCa');
    } finally {
      await made.remove();
    }
  });

  it('a token that travels in clear between machines is doubtful', async () => {
    const paths = async (admin: object) => (await load(admin)).warnings.map(({ path }) => path);
    expect(await paths({ address: '0.0.0.0', readToken: TOKEN })).toContain('admin.tls');
    expect(await paths({ address: '::1', readToken: TOKEN })).not.toContain('admin.tls');
    expect(await paths({ address: '0.0.0.0' })).not.toContain('admin.tls');
  });
});

describe('the configuration without its secrets', () => {
  const SECRETS = [TOKEN, OTHER, 'route-password', 'probe-password', 'hook-key'];

  it('has every other value, and none of them', () => {
    const config = parseConfig(
      yaml(
        { readToken: TOKEN, writeToken: OTHER },
        {
          decisionHook: { url: 'https://decide.example.com/ftp?key=hook-key' },
          backends: [
            { name: 'legacy', host: 'legacy', health: { probe: 'login', user: 'probe', password: 'probe-password' } },
          ],
          routes: [
            { match: { clients: '10.0.0.0/8' }, backends: ['legacy'], credentials: { password: 'route-password' } },
          ],
        },
      ),
      { env: {} },
    );
    const masked = maskedConfig(config);
    const text = JSON.stringify(masked);
    for (const secret of SECRETS) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64'));
    }
    expect(text.match(/"\*{4}"/g)).toHaveLength(4);
    expect(masked).toMatchObject({
      listeners: [{ name: 'public', port: 21, policy: { requireTls: 'off', uploadEnd: 'strict' } }],
      decisionHook: { url: 'https://decide.example.com/****', password: 'omit' },
      routes: [{ credentials: { user: null, password: '****' } }],
      admin: { readToken: '****', readTokenFile: null, address: '127.0.0.1' },
    });
  });

  it('says where there is none', () => {
    expect(maskedConfig(parseConfig(yaml({}), { env: {} }))).toMatchObject({
      admin: { readToken: null, writeToken: null },
    });
  });
});
