/** The routes of a configuration: what is written, what is wrong, and what is doubtful. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig, checkRules } from '../../../src/config/check.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';

function config(routes: readonly object[], backend: object = {}, folder = '.'): Config {
  const settings = {
    listeners: [{ name: 'public', port: 21 }],
    tls: { certificates: [{ cert: 'a', key: 'b' }] },
    backends: [
      { name: 'legacy', host: 'legacy', ...backend },
      { name: 'second', host: 'second' },
    ],
    routes,
  };
  return parseConfig(JSON.stringify(settings), { env: { SECRET: 's3cret' }, file: join(folder, 'sallyport.yaml') });
}

function errors(routes: readonly object[], backend: object = {}): readonly string[] {
  try {
    config(routes, backend);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

function warnings(routes: readonly object[], backend: object = {}): readonly string[] {
  return checkRules(config(routes, backend)).warnings.map(({ path }) => path);
}

const ALL = ['legacy', 'second'];

describe('routes that cannot be used', () => {
  it.each<[string, object, string]>([
    [
      'an unknown backend',
      { backends: ['legasy'] },
      'routes[0].backends[0]: found "legasy", which is no backend; did you mean legacy?',
    ],
    ['a backend twice', { backends: ['legacy', 'legacy'] }, 'routes[0].backends[1]: found "legacy" twice'],
    [
      'an unknown listener',
      { match: { listener: 'publik' }, backends: ALL },
      'routes[0].match.listener: found "publik", which is no listener; did you mean public?',
    ],
    ['no backend', { backends: [] }, 'routes[0].backends: found a list of 0'],
    [
      'a network that is none',
      { match: { clients: ['10.0.0.0/33'] }, backends: ALL },
      'routes[0].match.clients[0]: found "10.0.0.0/33"',
    ],
    [
      'a fingerprint that is too short',
      { match: { clientCertificate: { fingerprint: 'ab' } }, backends: ALL },
      'routes[0].match.clientCertificate.fingerprint: ',
    ],
    ['a template without user', { userTemplate: 'plant1', backends: ALL }, 'routes[0].userTemplate: '],
    [
      'a name and a template',
      { userTemplate: '{user}@a', credentials: { user: 'b' }, backends: ALL },
      'routes[0].userTemplate: found both',
    ],
    [
      'a password and a file',
      { credentials: { password: 'a', passwordFile: 'b' }, backends: ALL },
      'routes[0].credentials.passwordFile: found both',
    ],
    ['an unknown key', { match: { usr: 'a' }, backends: ALL }, 'routes[0].match.usr: unknown key; did you mean user?'],
  ])('%s', (_what, route, expected) => {
    const found = errors([route]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it('a wrong password is never shown', () => {
    const found = errors([{ credentials: { password: 's3cret\r\nDELE *' }, backends: ALL }]);
    expect(found[0]).toContain('routes[0].credentials.password: ');
    expect(found.join()).not.toContain('s3cret');
    expect(errors([{ credentials: { password: 12_345 }, backends: ALL }]).join()).not.toContain('12345');
  });
});

it('passwords come from the environment', () => {
  const [route] = config([{ credentials: { password: `\${SECRET}` }, backends: ALL }]).routes;
  expect(route?.credentials.password).toBe('s3cret');
});

it('one pattern or several are written alike', () => {
  const [route] = config([{ match: { user: 'a', servername: ['b', 'c'] }, backends: ALL }]).routes;
  expect(route?.match).toMatchObject({ user: ['a'], servername: ['b', 'c'], host: null });
});

describe('routes that can never match', () => {
  it.each<[object, object, boolean]>([
    [{}, {}, true],
    [{}, { user: 'a' }, true],
    [{ user: 'a' }, {}, false],
    [{ user: 'a*' }, { user: ['ab', 'a?c*'] }, true],
    [{ user: 'a*' }, { user: ['ab', 'b'] }, false],
    [{ user: ['a', 'b'] }, { user: 'b', clients: '10.0.0.0/8' }, true],
    [{ servername: '*.Example.com' }, { servername: 'ftp.example.COM' }, true],
    [{ user: 'A*' }, { user: 'ab' }, false],
    [{ clients: '10.0.0.0/8' }, { clients: ['10.1.0.0/16', '10.2.3.4'] }, true],
    [{ clients: '10.1.0.0/16' }, { clients: '10.0.0.0/8' }, false],
    [{ clients: '0.0.0.0/0' }, { clients: '::/0' }, false],
    [{ listener: 'public' }, { listener: ['public'], user: 'a' }, true],
    [{ clientCertificate: { subject: '*' } }, {}, false],
    [{ clientCertificate: { subject: 'cn=*' } }, { clientCertificate: { subject: 'CN=a' } }, true],
  ])('%j before %j: %s', (first, second, shadowed) => {
    const found = warnings([
      { match: first, backends: ALL },
      { match: second, backends: ALL },
    ]);
    expect(found).toEqual(shadowed ? ['routes[1]'] : []);
  });
});

it('a backend that no route names is doubtful; without routes all are used', () => {
  expect(warnings([{ backends: ['legacy'] }])).toEqual(['backends[1]']);
  expect(warnings([])).toEqual([]);
});

it('a password of the route is doubtful where everybody may use it', () => {
  const credentials = { password: 'x' };
  expect(warnings([{ match: { user: 'a' }, credentials, backends: ALL }])).toEqual(['routes[0].credentials']);
  expect(warnings([{ match: { clients: '10.0.0.0/8' }, credentials, backends: ALL }])).toEqual([]);
  expect(warnings([{ match: { clientCertificate: { subject: 'CN=a' } }, credentials, backends: ALL }])).toEqual([]);
});

it('a file with a password must be there and have one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  try {
    const [good, empty] = [join(folder, 'good'), join(folder, 'empty')];
    await writeFile(good, 's3cret\n');
    await writeFile(empty, '\n');
    const route = (passwordFile: string) => ({ credentials: { passwordFile }, backends: ALL });
    const { errors: found } = await checkConfig(config([route(good), route(empty), route(join(folder, 'none'))]));
    const ours = found.filter(({ path }) => path.startsWith('routes'));
    expect(ours.map(({ path }) => path)).toEqual([
      'routes[1].credentials.passwordFile',
      'routes[2].credentials.passwordFile',
    ]);
    expect(JSON.stringify(ours)).not.toContain('s3cret');
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('the health of a backend', () => {
  it('a login probe needs name and password', () => {
    expect(errors([], { health: { probe: 'login', user: 'a' } })).toEqual([
      expect.stringContaining('backends[0].health.password: missing'),
    ]);
    expect(errors([], { health: { probe: 'login', user: 'a', password: 'b' } })).toEqual([]);
    expect(errors([], { health: { probe: 'login', user: 'a', passwordFile: 'b' } })).toEqual([]);
    expect(errors([], { health: { probe: 'login', user: 'a', password: 'b', passwordFile: 'c' } })).toEqual([
      expect.stringContaining('backends[0].health.passwordFile: found both'),
    ]);
  });

  it('the password may come from the environment or from a file beside the configuration, which must be there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-health-'));
    const health = (keys: object) => config([], { health: { probe: 'login', user: 'a', ...keys } }, folder);
    try {
      await writeFile(join(folder, 'probe'), 's3cret\n');
      expect(health({ password: `\${SECRET}` }).backends[0]?.health.password).toBe('s3cret');
      const good = health({ passwordFile: 'probe' });
      expect(good.backends[0]?.health.passwordFile).toBe(join(folder, 'probe'));
      const about = async (checked: Config) =>
        (await checkConfig(checked)).errors.filter(({ path }) => path.startsWith('backends'));
      expect(await about(good)).toEqual([]);
      const [problem] = await about(health({ passwordFile: 'none' }));
      expect(problem).toMatchObject({
        path: 'backends[0].health.passwordFile',
        message: expect.stringContaining('none'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a TLS probe needs a backend with TLS', () => {
    expect(errors([], { health: { probe: 'tls' } })).toEqual([expect.stringContaining('backends[0].health.probe: ')]);
  });

  it('credentials without a login probe are doubtful', () => {
    expect(warnings([], { health: { user: 'a' } })).toEqual(['backends[0].health.user']);
    expect(warnings([], { health: { passwordFile: 'a' } })).toEqual(['backends[0].health.passwordFile']);
  });
});
