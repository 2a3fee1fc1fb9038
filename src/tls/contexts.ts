/**
 * The certificates that clients see: read from files, joined by name (RSA and ECDSA side by side), chosen by SNI. One
 * value is one state of the files; a session keeps the one it began with.
 */
import { constants, randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { revocationListBlocks } from '../certs/revocation.ts';
import type { ClientCertificatesConfig } from '../config/client-certificates.ts';
import type { TlsConfig } from '../config/schema.ts';
import { type CertificateChoice, type CertificateSource, type SessionKeys, SessionTls } from './session-tls.ts';

/** TLS 1.2 suites with forward secrecy and AEAD (RFC 9325 §4.2), and all of TLS 1.3. */
const MODERN_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Sessions may be resumed for a day: longer than any control session (Node's default of 300 s breaks FileZilla). */
const SESSION_LIFETIME = 86_400;

/** One certificate as an operator sees it. */
export interface CertificateInUse {
  /** Path of the certificate file. */
  readonly name: string;
  /** Such as `CN=ftp.example.com`. */
  readonly subject: string;
  /** Such as `DNS:ftp.example.com`. */
  readonly subjectAltNames: readonly string[];
  readonly notAfter: Date;
}

/** The certificates, ready for sessions. */
export interface ServerContexts {
  /**
   * Keys and a session store of its own for one control session. `clients` must be one of those that the contexts were made for;
   * `address` is that of the client.
   */
  newSession(clients: ClientCertificatesConfig, address: string): SessionTls;
  readonly certificates: readonly CertificateInUse[];
}

interface Loaded {
  readonly path: string;
  readonly certificate: X509Certificate;
  readonly cert: string;
  readonly key: string;
}

/** By whom and by which lists certificates of clients are judged: PEM texts, for OpenSSL. */
interface Trust {
  readonly ca?: string;
  readonly crl?: readonly string[];
}

/**
 * Reads all certificates, and the authorities for those of clients; undefined where no certificate is configured. `clients` are the
 * settings of all listeners, `replica` is the number of this one where there are several. Rejects when a file cannot be read or does not fit.
 */
export async function loadServerContexts(
  config: TlsConfig,
  clients: readonly ClientCertificatesConfig[],
  replica?: number,
): Promise<ServerContexts | undefined> {
  const loaded = await Promise.all(
    config.certificates.map(async (files): Promise<Loaded> => {
      const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]);
      return { path: files.cert, certificate: new X509Certificate(cert), cert, key };
    }),
  );
  if (loaded.length === 0) return undefined;
  const choices = new Map<string, CertificateChoice>();
  for (const each of clients) {
    const key = trustKey(each);
    if (!choices.has(key)) choices.set(key, certificateChoice(loaded, config, await readTrust(each)));
  }
  const sessions: SessionKeys = new Map();
  return {
    newSession: (each, address) => {
      const choice = choices.get(trustKey(each));
      if (choice === undefined) throw new Error('contexts were not made for these client certificates');
      return new SessionTls({ choice, asksCertificate: each.mode !== 'off', address, sessions, replica });
    },
    certificates: loaded.map(({ path, certificate }) => ({
      name: path,
      subject: certificate.subject.replaceAll('\n', ', '),
      subjectAltNames: certificate.subjectAltName?.split(', ') ?? [],
      notAfter: certificate.validToDate,
    })),
  };
}

function trustKey({ mode, ca, crl }: ClientCertificatesConfig): string {
  return mode === 'off' ? 'none' : JSON.stringify([ca, crl]);
}

async function readTrust({ mode, ca, crl }: ClientCertificatesConfig): Promise<Trust> {
  if (mode === 'off' || ca === null) return {};
  const authorities = { ca: await readFile(ca, 'utf8') };
  if (crl === null) return authorities;
  const lists = revocationListBlocks(await readFile(crl, 'utf8'));
  // Without any list Node would look at none.
  if (lists.length === 0) throw new Error(`${crl} has no list of revoked certificates`);
  return { ...authorities, crl: lists };
}

/** Contexts by server name; the first certificate where none matches. Throws what OpenSSL does not take. */
function certificateChoice(loaded: readonly Loaded[], config: TlsConfig, trust: Trust): CertificateChoice {
  const groups = Map.groupBy(loaded, ({ certificate }) => certificate.subjectAltName ?? certificate.subject);
  const entries = [...groups.values()].map((group) => ({ group, source: certificateSource(group, config, trust) }));
  const first = entries[0];
  if (first === undefined) throw new Error('no certificate');
  // Wrong ciphers, or a key that does not fit, must be told now.
  first.source.context({ kind: 'ticketless' });
  for (const { source } of entries) source.context({ kind: 'resumable', ticketKeys: randomBytes(48) });
  return {
    forName: (servername) => {
      if (servername === undefined) return first.source;
      const match = entries.find(({ group }) => group[0]?.certificate.checkHost(servername) !== undefined);
      return (match ?? first).source;
    },
  };
}

/** Contexts for one name. That without tickets holds nothing of a session, so all sessions share it. */
function certificateSource(group: readonly Loaded[], config: TlsConfig, { ca, crl }: Trust): CertificateSource {
  const common = {
    cert: group.map(({ cert }) => cert),
    key: group.map(({ key }) => key),
    minVersion: config.minVersion,
    ciphers: config.ciphers ?? MODERN_CIPHERS,
    honorCipherOrder: true,
    sessionIdContext: 'sallyport',
    sessionTimeout: SESSION_LIFETIME,
    // An authority need not be a root: what the operator names is trusted. With lists OpenSSL wants one of each authority in the chain, and
    // takes none for the last where that is no root: so the chain must not end before it.
    ...(ca !== undefined && { ca, allowPartialTrustChain: crl === undefined }),
    ...(crl !== undefined && { crl: [...crl] }),
  };
  let ticketless: SecureContext | undefined;
  return {
    context(variant) {
      if (variant.kind === 'resumable') {
        return createSecureContext({ ...common, maxVersion: config.maxVersion, ticketKeys: variant.ticketKeys });
      }
      if (config.minVersion !== 'TLSv1.2') return undefined;
      ticketless ??= createSecureContext({
        ...common,
        maxVersion: 'TLSv1.2',
        secureOptions: constants.SSL_OP_NO_TICKET,
      });
      return ticketless;
    },
  };
}
