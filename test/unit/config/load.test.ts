/** A configuration file as its author sees it: what it becomes, and what is said when it is wrong. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  ConfigError,
  describeProblem,
  loadConfig,
  loadConfigWithWarnings,
  parseConfig,
} from '../../../src/config/load.ts';
import { testCertificate } from '../../support/certificates.ts';

const MINIMAL = `
listeners: [{ name: public, port: 21 }]
tls: { certificates: [{ cert: tls.crt, key: tls.key }] }
backends: [{ name: legacy, host: 10.0.5.20 }]
`;

/** The problems as an operator reads them. */
function problemsOf(yaml: string, env: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(yaml, { env, file: 'f.yaml' });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => describeProblem(problem, 'f.yaml'));
    throw error;
  }
  return [];
}

const NO_CLIENT_CERTIFICATES = {
  mode: 'off',
  ca: null,
  crl: null,
  user: { from: 'none', pattern: null, password: 'required' },
};

/** A scope without limits. */
const UNBOUNDED = {
  transfers: 'unlimited',
  bandwidth: { up: 'unlimited', down: 'unlimited' },
  perDay: { bytesUp: 'unlimited', bytesDown: 'unlimited', filesUp: 'unlimited', filesDown: 'unlimited' },
};

describe('a minimal configuration', () => {
  const config = parseConfig(MINIMAL, { env: {}, file: '/etc/sallyport/sallyport.yaml' });

  it('has the documented defaults, in milliseconds and bytes', () => {
    expect(config).toEqual({
      listeners: [
        {
          name: 'public',
          address: '::',
          port: 21,
          mode: 'explicit',
          proxyProtocol: { control: 'off', data: 'off', trusted: [] },
          clientCertificates: NO_CLIENT_CERTIFICATES,
          policy: {
            requireTls: 'enforce',
            requireProtP: 'enforce',
            uploadEnd: 'strict',
            downloadEnd: 'tolerant',
            sessionReuse: 'prefer',
            ccc: 'deny',
          },
        },
      ],
      tls: {
        certificates: [{ cert: '/etc/sallyport/tls.crt', key: '/etc/sallyport/tls.key' }],
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        ciphers: null,
        clientCertificates: NO_CLIENT_CERTIFICATES,
      },
      data: { active: 'allow', peer: 'match', passive: { ports: { first: 50_000, last: 50_009 }, advertise: [] } },
      backends: [
        {
          name: 'legacy',
          host: '10.0.5.20',
          port: 21,
          tls: 'off',
          minVersion: 'TLSv1.2',
          maxVersion: 'TLSv1.3',
          ciphers: null,
          ca: null,
          servername: null,
          verify: true,
          fingerprint: null,
          cert: null,
          key: null,
          weight: 1,
          maxSessions: 'unlimited',
          health: {
            probe: 'auto',
            interval: 10_000,
            failures: 3,
            successes: 1,
            user: null,
            password: null,
            passwordFile: null,
          },
          sourceAddress: null,
          sendProxy: 'off',
          dataMode: 'auto',
          active: { address: null, ports: null },
          paths: { style: 'posix', caseInsensitive: false, backslash: 'refuse' },
        },
      ],
      routes: [],
      access: { default: 'allow', rules: [] },
      audit: { file: null, hash: 'off', onFailure: 'continue', xferlog: null },
      decisionHook: {
        url: null,
        timeout: 2_000,
        cache: null,
        secretFile: null,
        password: 'omit',
        onFailure: 'deny',
      },
      limits: {
        sessions: 10_000,
        sessionsPerAddress: 100,
        ...UNBOUNDED,
        uploadSize: 'unlimited',
        commandRate: 'unlimited',
        perSession: UNBOUNDED.perDay,
        perAddress: { ...UNBOUNDED, loginRate: 'unlimited' },
        perUser: { ...UNBOUNDED, sessions: 'unlimited', loginRate: 'unlimited' },
        timeZone: 'UTC',
        commandLine: 8192,
        replyLine: 8192,
        reply: 65_536,
        unknownCommands: 10,
        failedLogins: 3,
        loginDelay: { first: 250, most: 8000, within: 600_000 },
        ban: { failures: 'off', within: 600_000, for: 3_600_000, except: [] },
      },
      timeouts: {
        proxyHeader: 5000,
        tlsHandshake: 10_000,
        backendConnect: 10_000,
        backendGreeting: 30_000,
        login: 60_000,
        controlIdle: 300_000,
        dataArrival: 30_000,
        passivePort: 10_000,
        backendDataConnect: 10_000,
        dataStall: 120_000,
        finalReply: 60_000,
        linger: 5000,
        drain: 300_000,
        keepalive: 60_000,
      },
      admin: {
        address: '127.0.0.1',
        port: 9121,
        readToken: null,
        readTokenFile: null,
        writeToken: null,
        writeTokenFile: null,
        tls: { cert: null, key: null, clientCa: null },
      },
      log: { level: 'info', format: 'json' },
      reload: { watch: 'on', interval: 2000 },
      workers: 1,
      replication: {
        ...{ index: 0, count: 1, peers: null, listen: { address: '::', port: 7946 } },
        ...{ key: null, keyFile: null, tls: { cert: null, key: null, ca: null } },
      },
    });
  });

  it('is frozen to its leaves', () => {
    const { policy } = config.listeners[0]!;
    expect(() => Object.assign(policy, { requireTls: 'off' })).toThrow(TypeError);
    expect(Object.isFrozen(config.listeners)).toBe(true);
  });

  it('may have empty sections', () => {
    expect(parseConfig(`${MINIMAL}\npolicy:\ntimeouts:\ndata: { passive: { advertise: } }`, { env: {} }).data).toEqual(
      config.data,
    );
  });
});

describe('proxyProtocol', () => {
  const withProxy = (text: string) =>
    parseConfig(MINIMAL.replace('port: 21', `port: 21, proxyProtocol: ${text}`), {
      env: { LB: '10.0.0.7' },
    });

  it('requires the header of data connections where it requires that of control connections', () => {
    expect(
      withProxy(`{ control: required, trusted: [10.0.0.0/8, "2001:db8::/32", "\${LB}"] }`).listeners[0]?.proxyProtocol,
    ).toEqual({
      control: 'required',
      data: 'required',
      trusted: ['10.0.0.0/8', '2001:db8::/32', '10.0.0.7'],
    });
    const off = withProxy('{ control: required, data: off, trusted: [10.0.0.7] }').listeners[0]?.proxyProtocol;
    expect(off).toMatchObject({ control: 'required', data: 'off' });
  });

  it('tells which network is wrong, and that nobody is trusted', () => {
    expect(() => withProxy('{ control: required, trusted: [10.0.0.0/8, 10.0.0.0/99] }')).toThrow(
      /listeners\[0\]\.proxyProtocol\.trusted\[1\].*found "10\.0\.0\.0\/99", expected a network/,
    );
    expect(() => withProxy('{ control: required, trusted: 10.0.0.0/8 }')).toThrow(/expected a list/);
    expect(() => withProxy('{ control: required }')).toThrow(/proxyProtocol\.trusted/);
    expect(() => withProxy('required')).toThrow(/expected a mapping with the keys control, data, trusted/);
  });
});

describe('policy', () => {
  it('of a listener overrides the global one key by key', () => {
    const { listeners } = parseConfig(
      `
listeners:
  - { name: a, port: 21, policy: { requireTls: off, ccc: allow } }
  - { name: b, port: 22, policy: { uploadEnd: strict, downloadEnd: tolerant, requireTls: enforce } }
  - { name: c, port: 23 }
tls: { certificates: [{ cert: tls.crt, key: tls.key }] }
policy: { requireTls: report, requireProtP: off, uploadEnd: tolerant, downloadEnd: strict }
backends: [{ name: legacy, host: legacy }]`,
      { env: {} },
    );
    expect(listeners.map(({ policy }) => policy)).toEqual([
      {
        requireTls: 'off',
        requireProtP: 'off',
        uploadEnd: 'tolerant',
        downloadEnd: 'strict',
        sessionReuse: 'prefer',
        ccc: 'allow',
      },
      {
        requireTls: 'enforce',
        requireProtP: 'off',
        uploadEnd: 'strict',
        downloadEnd: 'tolerant',
        sessionReuse: 'prefer',
        ccc: 'deny',
      },
      {
        requireTls: 'report',
        requireProtP: 'off',
        uploadEnd: 'tolerant',
        downloadEnd: 'strict',
        sessionReuse: 'prefer',
        ccc: 'deny',
      },
    ]);
  });
});

describe('environment variables', () => {
  const yaml = `
listeners:
  - name: "\${NAME}"
    port: \${PORT:-2121}
    address: \${ADDRESS:-127.0.0.1}
tls:
  certificates:
    - cert: \${DIR}/tls.crt
      key: \${DIR}/tls.key
  ciphers: \${CIPHERS:-}
backends: [{ name: legacy, host: legacy, port: "\${BACKEND_PORT:-2100}" }]
timeouts: { login: "\${LOGIN:-90}" }
data: { passive: { ports: "\${PORTS:-50000-50003}" } }`;

  it('may stand for texts, numbers, durations, ranges and nothing', () => {
    const config = parseConfig(yaml, { env: { NAME: '42', PORT: '990', DIR: '/tls' } });
    expect(config.listeners[0]).toMatchObject({ name: '42', port: 990, address: '127.0.0.1' });
    expect(config.tls).toMatchObject({ certificates: [{ cert: '/tls/tls.crt', key: '/tls/tls.key' }], ciphers: null });
    expect(config.backends[0]?.port).toBe(2100);
    expect(config.timeouts.login).toBe(90_000);
    expect(config.data.passive.ports).toEqual({ first: 50_000, last: 50_003 });
  });

  it('that are missing are told together with everything else, once', () => {
    expect(problemsOf(yaml, { PORT: 'ftp', NAME: 'a' })).toEqual([
      'f.yaml:4:5 listeners[0].port: found "ftp", expected a port from 1 to 65535, or 0 for any free port',
      `f.yaml:8:7 tls.certificates[0].cert: the environment variable DIR is not set; set it, or write \${DIR:-default}`,
      `f.yaml:9:7 tls.certificates[0].key: the environment variable DIR is not set; set it, or write \${DIR:-default}`,
    ]);
  });

  it('come from the process unless given', () => {
    vi.stubEnv('SALLYPORT_TEST_NAME', 'from-process');
    try {
      const config = parseConfig(MINIMAL.replace('public', `"\${SALLYPORT_TEST_NAME}"`));
      expect(config.listeners[0]?.name).toBe('from-process');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('want quotes inside brackets, and the problem says so', () => {
    expect(problemsOf(MINIMAL.replace('port: 21', `port: \${PORT}`), { PORT: '21' })).toEqual([
      expect.stringMatching(/^f\.yaml:2:\d+: YAML: .* \(inside \[ \] and \{ \}, write "\$\{NAME\}" in quotes\)$/),
    ]);
  });
});

describe('a wrong configuration', () => {
  it('tells everything at once, in order, with line and column', () => {
    const yaml = `listeners:
  - name: public
    port: 70000
    mod: implicit
  - name: public
    port: 2121
    policy: { requireTls: enforec }
  - port: 2121
tls:
  certificates: [{ cert: a.crt, key: a.key }]
  minVersion: TLSv1.3
  maxVersion: TLSv1.2
requireTls: off
timeouts: { login: 5 minutes }
backends: []
`;
    expect(problemsOf(yaml)).toEqual([
      'f.yaml:3:5 listeners[0].port: found 70000, expected a port from 1 to 65535, or 0 for any free port',
      'f.yaml:4:5 listeners[0].mod: unknown key; did you mean mode?',
      'f.yaml:5:5 listeners[1].name: found "public", expected a name that listeners[0] does not have already',
      'f.yaml:7:15 listeners[1].policy.requireTls: found "enforec", expected one of enforce, report, off; did you mean enforce?',
      'f.yaml:8:5 listeners[2].name: missing, expected a name of at most 63 letters, digits, ".", "_" and "-", beginning with a letter or digit',
      'f.yaml:8:5 listeners[2].port: found 2121, expected a port that listeners[1] does not have on the same address',
      'f.yaml:11:3 tls.minVersion: found TLSv1.3, expected a version not newer than tls.maxVersion (TLSv1.2)',
      'f.yaml:13:1 requireTls: unknown key; did you mean policy.requireTls or listeners[].policy.requireTls?',
      'f.yaml:14:13 timeouts.login: found "5 minutes", expected a duration such as 500ms, 30s, 5m or 2h, or a number of seconds (from 1ms to 596h)',
      'f.yaml:15:1 backends: found a list of 0, expected a list of at least one backend',
    ]);
  });

  it('is not blamed for what follows from a broken part', () => {
    // Port and range collide only through the defaults that stand in for broken values.
    const yaml = `
listeners: [{ name: a, port: 50005 }, { name: b, port: many }]
policy: { requireTls: of }
data: { passive: { ports: 60009-60000 } }
backends: [{ name: legacy, host: legacy }]`;
    expect(problemsOf(yaml).map((line) => line.split(' ')[1])).toEqual([
      'listeners[1].port:',
      'policy.requireTls:',
      'data.passive.ports:',
    ]);
  });

  it.each([
    ['', ['listeners: missing', 'backends: missing']],
    ['# nothing', ['listeners: missing', 'backends: missing']],
    ['just text', ['expected a mapping with the keys listeners']],
    ['- 1', ['found a list of 1, expected a mapping']],
    [`${MINIMAL}admin: {}\nadmin: {}`, ['f.yaml:6:1: YAML: Map keys must be unique']],
    [`${MINIMAL}log: 5\nlog: 6`, ['YAML: Map keys must be unique', 'log: found 6']],
    ['listeners: [', ['YAML: ']],
    ['\tlisteners: 1', ['YAML: ']],
    [`${MINIMAL}---\na: 1`, ['YAML: Source contains multiple documents']],
    [`${MINIMAL}log: !pretty {}`, ['YAML: Unresolved tag (a text that begins with ! wants quotes)']],
    [`${MINIMAL}? [a, b]\n: 1`, ['YAML: With stringKeys, all keys must be strings']],
    [`${MINIMAL}log: &log { level: *log }`, ['log.level: found an alias that contains itself']],
    [`${MINIMAL}__proto__: { a: 1 }`, ['__proto__: unknown key']],
    [`${MINIMAL}log: { "a.b[0]": 1 }`, ['log["a.b[0]"]: unknown key']],
    [`${MINIMAL}log: 5`, ['log: found 5, expected a mapping with the keys level, format']],
    [`${MINIMAL}log: { level: }`, ['log.level: found nothing (null), expected one of']],
    [`${MINIMAL}log: { level: Info }`, ['log.level: found "Info", expected one of']],
  ])('%j is refused', (yaml, expected) => {
    const found = problemsOf(yaml);
    for (const part of expected) expect(found.join('\n')).toContain(part);
    expect(found).toHaveLength(expected.length);
  });

  it('does not print texts of any length', () => {
    const [line] = problemsOf(`${MINIMAL}log: { level: ${'x'.repeat(100_000)} }`);
    expect(line?.length).toBeLessThan(300);
  });

  it('ends aliases that multiply', () => {
    const bomb = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi', 'ij']) {
      bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`);
    }
    expect(problemsOf(bomb.join('\n')).join('\n')).toContain('too many aliases');
  });
});

describe('aliases', () => {
  it('repeat a part, with environment variables expanded once', () => {
    const yaml = `
listeners:
  - { name: a, port: 21, policy: &lenient { requireTls: "\${MODE}" } }
  - { name: b, port: 22, policy: *lenient }
tls: { certificates: [{ cert: a.crt, key: a.key }] }
backends: [{ name: legacy, host: legacy }]`;
    const { listeners } = parseConfig(yaml, { env: { MODE: 'report' } });
    expect(listeners.map(({ policy }) => policy.requireTls)).toEqual(['report', 'report']);
  });
});

describe('loadConfig', () => {
  async function withFile(yaml: string, use: (file: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-config-'));
    try {
      await writeFile(join(folder, 'sallyport.yaml'), yaml);
      await use(join(folder, 'sallyport.yaml'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  it('reads a file and its certificates, and warns of what is doubtful', async () => {
    const { cert, key } = await testCertificate();
    const yaml = MINIMAL.replace('tls.crt', cert)
      .replace('tls.key', key)
      .replace('21 }', '21, policy: { requireTls: off } }');
    await withFile(yaml, async (file) => {
      const { config, warnings } = await loadConfigWithWarnings(file, { env: {} });
      expect(config.tls.certificates).toEqual([{ cert, key }]);
      expect(await loadConfig(file, { env: {} })).toEqual(config);
      expect(warnings).toContainEqual({
        path: 'listeners[0].policy.requireTls',
        line: 2,
        column: 49,
        message: 'requireTls is off on listener public: user names and passwords may travel in clear',
      });
    });
  });

  it('looks for certificates beside the file and tells their faults with the others', async () => {
    await withFile(`${MINIMAL}log: { level: loud }`, async (file) => {
      const failure = await loadConfig(file, { env: {} }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ConfigError);
      const lines = String((failure as ConfigError).message).split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toContain(
        `${file}:3:25 tls.certificates[0].cert: ${join(file, '..', 'tls.crt')} cannot be read`,
      );
      expect(lines[2]).toContain(`${file}:5:8 log.level: found "loud"`);
    });
  });

  it('says that a file cannot be read', async () => {
    await expect(loadConfig('/nonexistent/sallyport.yaml')).rejects.toThrow(
      /^\/nonexistent\/sallyport\.yaml: cannot be read: no such file or directory/,
    );
  });
});
