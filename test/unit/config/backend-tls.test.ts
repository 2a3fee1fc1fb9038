/** TLS towards backends: what its keys mean, and what is refused or doubtful about them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkFiles, checkRules } from '../../../src/config/check.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';
import { type TestCertificate, testCertificate } from '../../support/certificates.ts';

let files: TestCertificate;
let folder: string;

beforeAll(async () => {
  files = await testCertificate();
  folder = await mkdtemp(join(tmpdir(), 'sallyport-backend-tls-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function parse(keys: string) {
  return parseConfig(
    `listeners: [{ name: public, port: 2121 }]
tls: { certificates: [{ cert: "${files.cert}", key: "${files.key}" }] }
backends: [{ name: legacy, host: legacy${keys === '' ? '' : `, ${keys}`} }]`,
    { env: {}, file: '/etc/sallyport/sallyport.yaml' },
  );
}

function problemsOf(keys: string): readonly string[] {
  try {
    parse(keys);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

const warningsOf = (keys: string) => checkRules(parse(keys)).warnings.map(({ path, message }) => `${path}: ${message}`);

describe('keys', () => {
  it('has fingerprints with and without colons, and paths beside the configuration', () => {
    const colons = Array.from({ length: 32 }, () => 'AB').join(':');
    const [backend] = parse(`tls: implicit, port: 990, fingerprint: "${colons}", cert: own.crt, key: own.key`).backends;
    expect(backend).toMatchObject({
      tls: 'implicit',
      fingerprint: 'ab'.repeat(32),
      cert: '/etc/sallyport/own.crt',
      key: '/etc/sallyport/own.key',
      ca: null,
    });
  });

  it.each([
    ['tls: always', 'backends[0].tls: found "always", expected one of off, explicit, implicit'],
    ['verify: perhaps', 'backends[0].verify: found "perhaps", expected true or false'],
    ['fingerprint: abc', 'backends[0].fingerprint: found "abc", expected a SHA-256 fingerprint'],
    ['minVersion: TLSv1.3, maxVersion: TLSv1.2', 'backends[0].minVersion: found TLSv1.3, expected a version not newer'],
    ['cert: a.pem', 'backends[0].cert: key is missing, expected both or neither'],
    ['key: a.pem', 'backends[0].key: cert is missing, expected both or neither'],
    [
      `tls: explicit, verify: false, fingerprint: "${'ab'.repeat(32)}"`,
      'backends[0].fingerprint: found a fingerprint and verify: false, expected one of the two',
    ],
  ])('refuses %s', (keys, problem) => {
    expect(problemsOf(keys).join('\n')).toContain(problem);
  });

  it.each([
    ['tls: explicit, verify: false', 'backends[0].verify: verify is false'],
    ['tls: explicit, minVersion: TLSv1', 'backends[0].minVersion: TLSv1 is broken'],
    ['tls: implicit', 'backends[0].tls: implicit FTPS on port 21'],
    ['ca: a.pem', 'backends[0].ca: this means nothing: tls of this backend is off'],
    ['verify: false', 'backends[0].verify: this means nothing: tls of this backend is off'],
    [`tls: explicit, ca: a.pem, fingerprint: "${'ab'.repeat(32)}"`, 'backends[0].ca: this means nothing: fingerprint'],
  ])('warns of %s', (keys, warning) => {
    expect(warningsOf(keys).join('\n')).toContain(warning);
  });

  it.each(['', 'tls: explicit', 'tls: implicit, port: 990'])('has nothing against %j', (keys) => {
    expect(warningsOf(keys)).toEqual([]);
  });
});

describe('files', () => {
  const errorsOf = async (keys: string) =>
    (await checkFiles(parse(keys))).errors.map(({ path, message }) => `${path}: ${message}`);

  it('may be read and used', async () => {
    expect(await errorsOf(`tls: explicit, ca: "${files.ca}", cert: "${files.cert}", key: "${files.key}"`)).toEqual([]);
  });

  it('are not looked at where TLS is off', async () => {
    expect(await errorsOf('ca: /nonexistent/ca.pem')).toEqual([]);
  });

  it('that are missing, empty, or no certificates', async () => {
    const broken = join(folder, 'broken.pem');
    await writeFile(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(await errorsOf('tls: explicit, ca: /nonexistent/ca.pem')).toEqual([
      expect.stringContaining('backends[0].ca: /nonexistent/ca.pem cannot be read'),
    ]);
    expect(await errorsOf(`tls: explicit, ca: "${files.key}"`)).toEqual([
      expect.stringContaining('has no PEM certificate'),
    ]);
    expect(await errorsOf(`tls: explicit, ca: "${broken}"`)).toEqual([expect.stringContaining('cannot be parsed')]);
  });

  it('that do not belong together', async () => {
    const other = join(folder, 'other.crt');
    await writeFile(other, await readFile(files.ca));
    expect(await errorsOf(`tls: explicit, cert: "${other}", key: "${files.key}"`)).toEqual([
      expect.stringContaining('backends[0].key: the key in'),
    ]);
  });
});
