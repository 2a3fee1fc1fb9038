/** Generated certificates, judged by Node's own X.509 reader and by real TLS handshakes. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type PeerCertificate, type SecureVersion, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type GeneratedCertificate,
  generateAuthority,
  generateClientCertificate,
  generateServerCertificate,
  MAX_LEAF_DAYS,
  UnusableAuthorityError,
} from '../../../src/certs/generate.ts';
import { inspectCertificate } from '../../../src/certs/inspect.ts';

const DAY = 86_400_000;
let authority: GeneratedCertificate;
let server: GeneratedCertificate;
let client: GeneratedCertificate;

beforeAll(async () => {
  authority = await generateAuthority({ commonName: 'Prüf-CA' });
  server = await generateServerCertificate(authority, {
    names: ['localhost', '127.0.0.1', '::1', '*.ftp.example.com', 'bücher.example'],
  });
  client = await generateClientCertificate(authority, { commonName: 'Zoë of partner 7' });
});

describe('generateAuthority', () => {
  it('makes a self-signed CA with an RSA key of 3072 bits', () => {
    const certificate = new X509Certificate(authority.cert);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=Prüf-CA');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect(authority.key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
  });

  it('refuses an impossible common name or validity', async () => {
    await expect(generateAuthority({ commonName: '' })).rejects.toThrow(RangeError);
    await expect(generateAuthority({ commonName: 'x'.repeat(65) })).rejects.toThrow(RangeError);
    await expect(generateAuthority({ days: 0 })).rejects.toThrow(RangeError);
  });
});

describe('generateServerCertificate', () => {
  it('names DNS names and IP literals, and is signed by the authority', () => {
    const leaf = new X509Certificate(server.cert);
    const issuer = new X509Certificate(authority.cert);
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(leaf.checkIssued(issuer)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkHost('a.ftp.example.com')).toBe('*.ftp.example.com');
    expect(leaf.checkHost('xn--bcher-kva.example')).toBe('xn--bcher-kva.example');
    expect(leaf.checkHost('other.example')).toBeUndefined();
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBe('::1');
    expect(leaf.checkIP('127.0.0.2')).toBeUndefined();
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('carries the chain, leaf first', () => {
    const parts = server.cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    expect(parts).toHaveLength(2);
    expect(new X509Certificate(parts[1]!).fingerprint256).toBe(new X509Certificate(authority.cert).fingerprint256);
    expect(server.cert).not.toContain('\r');
  });

  it('is valid since an hour ago, for at most 397 days, with a positive random serial', () => {
    const facts = inspectCertificate(server.cert);
    expect(Math.abs(Date.now() - 3_600_000 - facts.notBefore.getTime())).toBeLessThan(60_000);
    expect(facts.notAfter.getTime() - facts.notBefore.getTime()).toBe(MAX_LEAF_DAYS * DAY);
    const serials = [authority, server, client].map(({ cert }) => new X509Certificate(cert).serialNumber);
    expect(new Set(serials).size).toBe(3);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('never outlives its authority', async () => {
    const short = await generateAuthority({ days: 3 });
    const leaf = await generateServerCertificate(short, { names: ['localhost'] });
    expect(inspectCertificate(leaf.cert).notAfter).toEqual(inspectCertificate(short.cert).notAfter);
  });

  it.each([
    [[]],
    [['']],
    [['two words']],
    [['-a.example']],
    [['a..example']],
    [['ftp.*.example']],
    [['::1%eth0']],
  ])('refuses the names %j', async (names) => {
    await expect(generateServerCertificate(authority, { names })).rejects.toThrow(RangeError);
  });

  it('refuses more than 397 days', async () => {
    await expect(generateServerCertificate(authority, { names: ['a'], days: 398 })).rejects.toThrow(RangeError);
  });

  it('refuses an authority that cannot sign', async () => {
    const names = ['localhost'];
    await expect(generateServerCertificate(server, { names })).rejects.toThrow(UnusableAuthorityError);
    await expect(generateServerCertificate({ ...authority, key: server.key }, { names })).rejects.toThrow(
      UnusableAuthorityError,
    );
  });
});

describe('generateClientCertificate', () => {
  it('makes a certificate for client authentication only', () => {
    const leaf = new X509Certificate(client.cert);
    expect(leaf.subject).toBe('CN=Zoë of partner 7');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(leaf.checkIssued(new X509Certificate(authority.cert))).toBe(true);
  });
});

describe('a TLS handshake with generated certificates', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('verifies both chains over %s', async (version) => {
    const seen = await handshake(version, server, client);
    expect(seen.clientError).toBeUndefined();
    expect(seen.protocol).toBe(version);
    expect(seen.peer?.subject.CN).toBe('Zoë of partner 7');
    expect(seen.serverAuthorized).toBe(true);
  });

  it('fails when a client certificate is presented as a server', async () => {
    const seen = await handshake('TLSv1.3', client, client);
    expect(seen.clientError).toMatch(/unsuitable certificate purpose|INVALID_PURPOSE/i);
  });

  it('fails when the server certificate comes from another authority', async () => {
    const stranger = await generateAuthority({ commonName: 'Prüf-CA' });
    const foreign = await generateServerCertificate(stranger, { names: ['localhost'] });
    const seen = await handshake('TLSv1.3', foreign, client);
    expect(seen.clientError).toBeTruthy();
  });
});

interface Handshake {
  readonly protocol: string | null;
  readonly clientError: string | undefined;
  readonly serverAuthorized: boolean | undefined;
  readonly peer: PeerCertificate | undefined;
}

/** One mutual handshake on loopback; both sides trust only {@link authority}. */
async function handshake(
  version: SecureVersion,
  presented: GeneratedCertificate,
  own: GeneratedCertificate,
): Promise<Handshake> {
  const listener = createServer({ ...presented, ca: authority.cert, requestCert: true, rejectUnauthorized: false });
  let accepted: TLSSocket | undefined;
  listener.on('secureConnection', (socket) => {
    accepted = socket.on('error', () => {});
    socket.write('hello');
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: authority.cert,
    ...own,
    minVersion: version,
    maxVersion: version,
  });
  const clientError = await Promise.race([
    once(socket, 'data').then(() => undefined),
    once(socket, 'close').then(() => 'closed'),
  ]).catch((error: Error & { code?: string }) => `${error.code} ${error.message}`);
  const result = {
    protocol: socket.getProtocol(),
    clientError,
    serverAuthorized: accepted?.authorized,
    peer: accepted?.getPeerCertificate(),
  };
  socket.destroy();
  accepted?.destroy();
  await new Promise((resolve) => listener.close(resolve));
  return result;
}
