/** Users by certificate. */
import { describe, expect, it } from 'vitest';
import type { CertificateUserConfig } from '../../../src/config/client-certificates.ts';
import { judgeUser, userNames } from '../../../src/policy/certificate-user.ts';
import type { ClientCertificate } from '../../../src/tls/facts.ts';

const CERTIFICATE: ClientCertificate = {
  subject: 'CN=plänt1,O=Example',
  commonNames: ['plänt1'],
  subjectAltNames: [
    'DNS:plant1.example.com',
    'email:plant1@example.com',
    'email:second@other.example',
    'URI:spiffe://example.com/plant/plant1',
    'othername:DNS:root',
  ],
  fingerprint256: 'AB:CD',
  notAfter: new Date(0),
};

function config(changes: Partial<CertificateUserConfig>): CertificateUserConfig {
  return { from: 'subject-cn', pattern: null, password: 'required', ...changes };
}

describe('the names of a certificate', () => {
  it.each([
    ['subject-cn', null, [Buffer.from('plänt1').toString('latin1')]],
    ['san-dns', null, ['plant1.example.com']],
    ['san-email', null, ['plant1@example.com', 'second@other.example']],
    ['san-email', '(.*)@example\\.com', ['plant1']],
    ['san-uri', 'spiffe://example\\.com/plant/(\\w+)', ['plant1']],
    ['san-email', 'plant1', []],
    ['san-email', 'x|plant1@example.com', ['plant1@example.com']],
    ['san-email', '()plant1@example.com', []],
    ['none', null, []],
  ] as const)('from %s by %s are %j', (from, pattern, names) => {
    expect(userNames(config({ from, pattern }), CERTIFICATE)).toEqual(names);
  });
});

describe('USER', () => {
  const byDns = config({ from: 'san-dns', pattern: '(\\w+)\\..*' });

  it.each([
    ['without certificates in use', config({ from: 'none', password: 'not-needed' }), CERTIFICATE, 'password'],
    ['without a certificate', byDns, undefined, 'password'],
    ['with the name of the certificate', byDns, CERTIFICATE, 'password'],
    ['with it, where that is enough', { ...byDns, password: 'not-needed' }, CERTIFICATE, 'authorized'],
    ['with a certificate that has no name', config({ from: 'san-uri', pattern: 'x' }), CERTIFICATE, 'mismatch'],
  ] as const)('%s', (_, user, certificate, verdict) => {
    expect(judgeUser(user, certificate, 'plant1')).toBe(verdict);
  });

  it.each(['Plant1', 'plant', 'plant1 ', 'plant1.example.com', ''])('as %j is a mismatch', (name) => {
    expect(judgeUser({ ...byDns, password: 'not-needed' }, CERTIFICATE, name)).toBe('mismatch');
  });
});
