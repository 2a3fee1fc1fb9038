/** Certificates and keys in files: what makes a pair unusable, and what is only doubtful. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectCertificate } from '../../../src/certs/inspect.ts';
import { checkCertificate } from '../../../src/config/check-certificate.ts';
import { type TestCertificate, testCertificate } from '../../support/certificates.ts';

const DAY = 86_400_000;
let folder: string;
let real: TestCertificate;
let leaf: string;
let begins: Date;
let ends: Date;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-certificates-'));
  real = await testCertificate();
  leaf = await readFile(real.cert, 'utf8');
  const facts = inspectCertificate(leaf);
  begins = facts.notBefore;
  ends = facts.notAfter;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

function daysBeforeEnd(days: number): Date {
  return new Date(ends.getTime() - days * DAY);
}

it('a pair within its time is fine', async () => {
  // Certificates of 30 days: one second after the beginning, as much as possible is left.
  const now = new Date(ends.getTime() - 30 * DAY);
  expect(await checkCertificate(real, 'c', now)).toEqual({ errors: [], warnings: [] });
});

describe('time', () => {
  it('an expired certificate is an error', async () => {
    const { errors } = await checkCertificate(real, 'c', new Date(ends.getTime() + 1000));
    expect(errors[0]).toEqual({
      path: 'c.cert',
      message: `the certificate in ${real.cert} expired at ${ends.toISOString()}`,
    });
  });

  it('a certificate that expires within 30 days is a warning', async () => {
    const { errors, warnings } = await checkCertificate(real, 'c', daysBeforeEnd(5.5));
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      { path: 'c.cert', message: `the certificate in ${real.cert} expires in 5 days, at ${ends.toISOString()}` },
    ]);
  });

  it('a certificate that is not valid yet is an error', async () => {
    const { errors } = await checkCertificate(real, 'c', new Date(begins.getTime() - 1000));
    expect(errors[0]?.message).toContain('is not valid before');
  });
});

describe('what cannot be used', () => {
  it('a key of another certificate', async () => {
    const { errors } = await checkCertificate({ cert: real.ca, key: real.key }, 'c', daysBeforeEnd(10));
    expect(errors.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      `c.key: the key in ${real.key} does not belong to the certificate in ${real.ca}`,
    ]);
  });

  it('files that do not exist, both told', async () => {
    const { errors } = await checkCertificate({ cert: '/nonexistent/a', key: '/nonexistent/b' }, 'c', new Date());
    expect(errors.map(({ path }) => path)).toEqual(['c.cert', 'c.key']);
    expect(errors[0]?.message).toContain('/nonexistent/a cannot be read: no such file or directory');
  });

  it('certificate and key the wrong way round', async () => {
    const { errors } = await checkCertificate({ cert: real.key, key: real.cert }, 'c', new Date());
    expect(errors.map(({ message }) => message)).toEqual([
      `${real.key} has no PEM certificate (-----BEGIN CERTIFICATE-----)`,
      `${real.cert} has no PEM private key`,
    ]);
  });

  it('damaged PEM', async () => {
    const cert = await file('damaged.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const key = await file('damaged.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    const { errors } = await checkCertificate({ cert, key }, 'c', new Date());
    expect(errors.map(({ message }) => message.split(':')[0])).toEqual([
      `${cert} has a certificate that cannot be parsed`,
      `${key} has a private key that cannot be parsed`,
    ]);
  });

  it('an encrypted key', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
    });
    const key = await file('encrypted.key', privateKey);
    const { errors } = await checkCertificate({ cert: real.cert, key }, 'c', daysBeforeEnd(10));
    expect(errors[0]?.message).toBe(`${key} is encrypted, expected a private key without passphrase`);
  });
});

describe('what is doubtful', () => {
  it('a chain out of order', async () => {
    const [first = ''] = leaf.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/s) ?? [];
    const cert = await file('disorder.crt', `${first}\n${first}\n`);
    const { errors, warnings } = await checkCertificate({ cert, key: real.key }, 'c', daysBeforeEnd(30));
    expect(errors).toEqual([]);
    expect(warnings[0]?.message).toContain(`certificate 2 in ${cert} is not the issuer of certificate 1`);
  });

  it('a certificate without names', async () => {
    const { warnings } = await checkCertificate({ cert: real.ca, key: real.key }, 'c', daysBeforeEnd(30));
    expect(warnings[0]?.message).toContain('has no subject alternative name');
  });
});
