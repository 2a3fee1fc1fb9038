/** Aliases that stand for nothing, and variables that are empty: neither may silently become a default. */
import { describe, expect, it } from 'vitest';
import { ConfigError, describeProblem, parseConfig } from '../../../src/config/load.ts';

const MINIMAL = `listeners: [{ name: public, port: 21, address: 127.0.0.1 }]
backends: [{ name: legacy, host: legacy }]
`;
const CERTIFICATES = 'tls: { certificates: [{ cert: a.crt, key: a.key }] }\n';

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

describe('an alias without an anchor', () => {
  const UNKNOWN = 'no anchor of that name stands before it (a text that begins with * wants quotes)';

  it.each([
    ['policy: *strikt', `f.yaml:4:1 policy: unknown alias *strikt: ${UNKNOWN}`],
    ['policy: { requireTls: *strikt }', `f.yaml:4:11 policy.requireTls: unknown alias *strikt: ${UNKNOWN}`],
    ['policy: { requireTls: *self, requireProtP: &self off }', 'policy.requireTls: unknown alias *self'],
    ['data: { passive: { advertise: [*one] } }', 'f.yaml:4:32 data.passive.advertise[0]: unknown alias *one'],
    ['policy: { <<: *base }', 'f.yaml:4:11 policy["<<"]: unknown alias *base'],
    ['admin: *x', `f.yaml:4:1 admin: unknown alias: ${UNKNOWN}`],
    ['admin: { readToken: *x }', `f.yaml:4:10 admin.readToken: unknown alias: ${UNKNOWN}`],
    ['routes: [*x]', `f.yaml:4:10 routes[0]: unknown alias: ${UNKNOWN}`],
  ])('%s', (line, problem) => {
    const found = problemsOf(`${MINIMAL}${CERTIFICATES}${line}\n`);
    expect(found).toEqual([expect.stringContaining(problem)]);
  });

  it('in place of the certificates of clients', () => {
    const yaml = `${MINIMAL}tls:\n  certificates: [{ cert: a.crt, key: a.key }]\n  clientCertificates: *strikt\n`;
    expect(problemsOf(yaml)).toEqual([`f.yaml:5:3 tls.clientCertificates: unknown alias *strikt: ${UNKNOWN}`]);
  });

  it('in place of everything', () => {
    expect(problemsOf('*x').join('\n')).toContain('unknown alias');
  });

  it.each(['*x : 1', '? *x\n: 1', 'policy: { *x : off }'])('is no key either: %j', (line) => {
    expect(problemsOf(`${MINIMAL}${CERTIFICATES}${line}\n`)).toEqual([
      expect.stringContaining('YAML: With stringKeys, all keys must be strings'),
    ]);
  });
});

describe('an alias with an anchor', () => {
  it('does not merge, because YAML 1.2 has no merge keys', () => {
    const yaml = `${MINIMAL}${CERTIFICATES}policy: &base { requireTls: report }\nlog: { <<: *base }\n`;
    expect(problemsOf(yaml)).toEqual([expect.stringContaining('log["<<"]: unknown key')]);
  });

  it.each([
    ['policy: &a { requireTls: *a }', 'policy.requireTls'],
    ['data: &a { passive: { advertise: [*a] } }', 'data.passive.advertise[0]'],
    ['log: &a { level: &b [*a, *b] }', 'log.level[0]'],
  ])('that contains itself is an error: %s', (line, path) => {
    expect(problemsOf(`${MINIMAL}${CERTIFICATES}${line}\n`).join('\n')).toContain(
      `${path}: found an alias that contains itself`,
    );
  });
});

describe('a variable that is empty', () => {
  const env = { EMPTY: '', OTHER: '' };
  const empty = (key: string) =>
    `${key}: the environment variable EMPTY is empty; for none write null, or \${EMPTY:-null}`;
  const at = (path: string, text: string): string => {
    const keys = path.split('.');
    const lines = keys.map((key, depth) => `${'  '.repeat(depth)}${key}:`);
    return `${MINIMAL.replace('21', '21, policy: { requireTls: off, requireProtP: off }')}${lines.join('\n')} ${text}\n`;
  };

  it.each([
    'admin.readToken',
    'admin.writeTokenFile',
    'admin.tls.clientCa',
    'tls.clientCertificates.ca',
    'tls.clientCertificates.crl',
    'decisionHook.secretFile',
    'audit.file',
    'admin.tls',
    'policy',
    'tls.clientCertificates',
    'routes',
  ])('is an error at %s', (path) => {
    for (const text of [`\${EMPTY}`, `\${EMPTY}\${OTHER}`, `\${EMPTY:-}`]) {
      expect(problemsOf(at(path, text), env)).toEqual([expect.stringContaining(empty(path))]);
    }
  });

  it.each([
    'null',
    `\${EMPTY:-null}`,
    `\${EMPTY:-~}`,
    `\${NOPE:-null}`,
    '',
  ])('may be no token by choice: %j', (text) => {
    expect(problemsOf(at('admin.readToken', text), env)).toEqual([]);
  });

  it('is an error in a password and in the path of a certificate', () => {
    const yaml = `${MINIMAL}tls:
  certificates:
    - cert: \${EMPTY}
      key: a.key
routes:
  - match: { user: robot }
    backends: [legacy]
    credentials:
      password: \${EMPTY}
`;
    expect(problemsOf(yaml, env)).toEqual([
      expect.stringContaining(empty('tls.certificates[0].cert')),
      expect.stringContaining(empty('routes[0].credentials.password')),
    ]);
  });

  it('is an error in quotes, too', () => {
    expect(problemsOf(at('admin.readToken', `"\${EMPTY}"`), env)).toHaveLength(1);
    expect(problemsOf(at('tls.clientCertificates.crl', `"\${EMPTY}"`), env)).toHaveLength(1);
  });

  it('means null elsewhere', () => {
    expect(problemsOf(at('tls.ciphers', `\${EMPTY}`), env)).toEqual([]);
  });
});
