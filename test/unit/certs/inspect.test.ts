/** What is read from a PEM certificate and key. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type GeneratedCertificate,
  generateAuthority,
  generateServerCertificate,
} from '../../../src/certs/generate.ts';
import { inspectCertificate, keyMatches } from '../../../src/certs/inspect.ts';

let authority: GeneratedCertificate;
let server: GeneratedCertificate;

beforeAll(async () => {
  authority = await generateAuthority({ commonName: 'Test CA, with a comma' });
  server = await generateServerCertificate(authority, { names: ['ftp.example.com', '192.0.2.1', '2001:db8::1'] });
});

describe('inspectCertificate', () => {
  it('tells subject, names, validity, key and fingerprint of the first certificate', () => {
    const facts = inspectCertificate(server.cert);
    expect(facts.subject).toBe('CN=ftp.example.com');
    expect(facts.names).toEqual(['ftp.example.com', '192.0.2.1', '2001:DB8:0:0:0:0:0:1']);
    expect(facts.keyType).toBe('rsa-3072');
    expect(facts.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(facts.notBefore.getTime()).toBeLessThan(facts.notAfter.getTime());
  });

  it('has no names for a certificate without subject alternative name', () => {
    const facts = inspectCertificate(authority.cert);
    expect(facts.names).toEqual([]);
    expect(facts.subject).toContain('Test CA');
  });

  it('throws for text that holds no certificate', () => {
    expect(() => inspectCertificate('nothing here')).toThrow(Error);
    expect(() => inspectCertificate(server.key)).toThrow(Error);
  });
});

describe('keyMatches', () => {
  it('tells whether the key belongs to the leaf', () => {
    expect(keyMatches(server.cert, server.key)).toBe(true);
    expect(keyMatches(server.cert, authority.key)).toBe(false);
  });

  it('throws for text that holds no key', () => {
    expect(() => keyMatches(server.cert, server.cert)).toThrow(Error);
  });
});
