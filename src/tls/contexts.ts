/**
 * The certificates that clients see: read from files, joined by name (RSA and ECDSA side by side), chosen by SNI. One
 * value is one state of the files; a session keeps the one it began with.
 */
import { constants, randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsConfig } from '../config/schema.ts';
import { type CertificateSource, type SessionKeys, SessionTls } from './session-tls.ts';

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
  readonly notAfter: Date;
}

/** The certificates, ready for sessions. */
export interface ServerContexts {
  /** Keys and a session store of its own for one control session; `off`: its data connections cannot resume. */
  newSession(resumption: 'on' | 'off'): SessionTls;
  readonly certificates: readonly CertificateInUse[];
}

interface Loaded {
  readonly path: string;
  readonly certificate: X509Certificate;
  readonly cert: string;
  readonly key: string;
}

/** Reads all certificates; undefined where none is configured. Rejects when a file cannot be read or does not fit. */
export async function loadServerContexts(config: TlsConfig): Promise<ServerContexts | undefined> {
  const loaded = await Promise.all(
    config.certificates.map(async (files): Promise<Loaded> => {
      const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')]);
      return { path: files.cert, certificate: new X509Certificate(cert), cert, key };
    }),
  );
  const groups = Map.groupBy(loaded, ({ certificate }) => certificate.subjectAltName ?? certificate.subject);
  const entries = [...groups.values()].map((group) => ({ group, source: certificateSource(group, config) }));
  const first = entries[0];
  if (first === undefined) return undefined;
  // Wrong ciphers, or a key that does not fit, must be told now.
  first.source.context({ kind: 'ticketless' });
  for (const { source } of entries) source.context({ kind: 'resumable', ticketKeys: randomBytes(48) });
  const sessions: SessionKeys = new Map();
  const forName = (servername: string | undefined): CertificateSource => {
    if (servername === undefined) return first.source;
    const match = entries.find(({ group }) => group[0]?.certificate.checkHost(servername) !== undefined);
    return (match ?? first).source;
  };
  return {
    newSession: (resumption) => new SessionTls({ forName }, resumption, sessions),
    certificates: loaded.map(({ path, certificate }) => ({ name: path, notAfter: certificate.validToDate })),
  };
}

/** Contexts for one name. That without tickets holds nothing of a session, so all sessions share it. */
function certificateSource(group: readonly Loaded[], config: TlsConfig): CertificateSource {
  const common = {
    cert: group.map(({ cert }) => cert),
    key: group.map(({ key }) => key),
    minVersion: config.minVersion,
    ciphers: config.ciphers ?? MODERN_CIPHERS,
    honorCipherOrder: true,
    sessionIdContext: 'sallyport',
    sessionTimeout: SESSION_LIFETIME,
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
