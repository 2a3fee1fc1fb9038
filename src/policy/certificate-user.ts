/**
 * Which user a client's certificate makes of it. Pure: logs nobody in.
 */
import type { CertificateUserConfig } from '../config/client-certificates.ts';
import type { ClientCertificate } from '../tls/facts.ts';
import { bytesOf } from '../wire/bytes-of.ts';

/**
 * What USER leads to. `password`: as always, the backend decides. `authorized`: the certificate stands for the password (RFC 4217
 * §15.1: 232). `mismatch`: the certificate is another's.
 */
export type CertificateVerdict = 'password' | 'authorized' | 'mismatch';

/** Judges a name as the client said it, Latin-1. Who showed no certificate is judged by its password. */
export function judgeUser(
  config: CertificateUserConfig,
  certificate: ClientCertificate | undefined,
  user: string,
): CertificateVerdict {
  if (config.from === 'none' || certificate === undefined) return 'password';
  if (!userNames(config, certificate).includes(user)) return 'mismatch';
  return config.password === 'not-needed' ? 'authorized' : 'password';
}

/** The user names of a certificate, Latin-1 with one character for each byte; none where it has none of the kind. */
export function userNames({ from, pattern }: CertificateUserConfig, certificate: ClientCertificate): readonly string[] {
  // Anchored: a part of a value must never be taken for the whole.
  const whole = pattern === null ? undefined : new RegExp(`^(?:${pattern})$`, 'u');
  return valuesOf(from, certificate).flatMap((value) => {
    if (whole === undefined) return [bytesOf(value)];
    const match = whole.exec(value);
    const name = match?.[1] ?? match?.[0];
    return name === undefined || name === '' ? [] : [bytesOf(name)];
  });
}

const PREFIXES = { 'san-email': 'email:', 'san-dns': 'DNS:', 'san-uri': 'URI:' } as const;

function valuesOf(from: CertificateUserConfig['from'], certificate: ClientCertificate): readonly string[] {
  if (from === 'none') return [];
  if (from === 'subject-cn') return certificate.commonNames;
  const prefix = PREFIXES[from];
  return certificate.subjectAltNames.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
}
