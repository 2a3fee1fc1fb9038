/**
 * TLS towards a backend, as a part of its configuration: types, schema, defaults, and the rules about several keys. Knows nothing of
 * handshakes; whether OpenSSL accepts the ciphers is found out where contexts are made.
 */
import { z } from 'zod';
import { type ValueOptions, value } from './field-facts.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';

/** Versions that a backend may be spoken to with; the first two are broken and need `ciphers` of an old security level. */
export type BackendTlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** TLS towards one backend. Paths are those of PEM files. */
export interface BackendTlsConfig {
  /** `explicit` never falls back to clear (RFC 4217 §4). */
  readonly tls: 'off' | 'explicit' | 'implicit';
  readonly minVersion: BackendTlsVersion;
  readonly maxVersion: BackendTlsVersion;
  /** OpenSSL cipher list; null is that of Node. */
  readonly ciphers: string | null;
  /** Authorities that are trusted; null is those of the system. */
  readonly ca: string | null;
  /** Name to send and to verify; null is `host`. */
  readonly servername: string | null;
  /** Whether its certificate must be good. */
  readonly verify: boolean;
  /** SHA-256 of its certificate, 64 hexadecimal digits: decides in place of `ca`, name and time. */
  readonly fingerprint: string | null;
  /** Certificate that the gateway shows to it, with `key`. */
  readonly cert: string | null;
  readonly key: string | null;
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** A SHA-256 fingerprint as openssl prints it, or without colons; becomes 64 small digits. */
function fingerprintOrNull(options: ValueOptions): z.ZodType<string | null> {
  const error = 'a SHA-256 fingerprint (64 hexadecimal digits, colons allowed), or null';
  const schema = z
    .string({ error })
    .regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, { error })
    .transform((given) => given.replaceAll(':', '').toLowerCase());
  return value(z.union([schema, z.null()], { error }), 'fingerprint or null', options);
}

/** The keys as a person writes them, for the item of a backend. */
export const BACKEND_TLS = {
  tls: field.choice(['off', 'explicit', 'implicit'], {
    meaning:
      'TLS to the backend, on all of its connections. `explicit`: AUTH TLS (RFC 4217), never in clear when it is refused. `implicit`: from the first byte.',
    default: 'off',
  }),
  minVersion: field.choice(VERSIONS, { meaning: 'Oldest TLS version that is spoken to it.', default: 'TLSv1.2' }),
  maxVersion: field.choice(VERSIONS, { meaning: 'Newest TLS version that is offered to it.', default: 'TLSv1.3' }),
  ciphers: field.cipherList({
    meaning: 'Ciphers that are offered to it, in the words of OpenSSL; null is the default of Node.',
    default: null,
  }),
  ca: field.pathOrNull({
    meaning: 'PEM file: authorities that its certificate may come from; null is those of the system.',
    default: null,
  }),
  servername: field.hostOrNull({
    meaning: 'Name that it is asked for (SNI) and that its certificate must have; null is `host`.',
    default: null,
  }),
  verify: field.flag({
    meaning: 'Whether its certificate must be good; `false` lets anybody in between read passwords and files.',
    default: true,
  }),
  fingerprint: fingerprintOrNull({
    meaning:
      'SHA-256 of its certificate, for one that no authority has signed: this certificate is accepted and no other, whatever its name and time.',
    default: null,
  }),
  cert: field.pathOrNull({ meaning: 'PEM file: certificate that the gateway shows to it.', default: null }),
  key: field.pathOrNull({ meaning: 'PEM file: the private key of `cert`, not encrypted.', default: null }),
};

type Backends = readonly BackendTlsConfig[];

/** Keys that contradict each other. */
export function backendTlsErrors(backends: Backends): ConfigProblem[] {
  return backends.flatMap((backend, index) => {
    const path = `backends[${index}]`;
    const { minVersion, maxVersion, cert, key, verify, fingerprint } = backend;
    const found: ConfigProblem[] = [];
    if (VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion)) {
      const message = `found ${minVersion}, expected a version not newer than maxVersion (${maxVersion})`;
      found.push({ path: `${path}.minVersion`, message, related: [`${path}.maxVersion`] });
    }
    if ((cert === null) !== (key === null)) {
      const [given, missing] = cert === null ? ['key', 'cert'] : ['cert', 'key'];
      found.push({ path: `${path}.${given}`, message: `${missing} is missing, expected both or neither` });
    }
    if (!verify && fingerprint !== null) {
      const message = 'found a fingerprint and verify: false, expected one of the two';
      found.push({ path: `${path}.fingerprint`, message, related: [`${path}.verify`] });
    }
    return found;
  });
}

/** What is allowed and dangerous, or means nothing. */
export function backendTlsWarnings(
  backends: readonly (BackendTlsConfig & { readonly port: number })[],
): ConfigProblem[] {
  return backends.flatMap((backend, index) => {
    const path = `backends[${index}]`;
    const { tls, verify, minVersion, ca, fingerprint, port } = backend;
    const warn = (key: string, message: string): ConfigProblem => ({ path: `${path}.${key}`, message });
    if (tls === 'off') {
      return meaningless(backend).map((key) => ({
        ...warn(key, 'this means nothing: tls of this backend is off'),
        related: [`${path}.tls`],
      }));
    }
    return [
      ...(verify
        ? []
        : [warn('verify', 'verify is false: whoever is between gateway and backend can read passwords and files')]),
      ...(minVersion < 'TLSv1.2'
        ? [warn('minVersion', `${minVersion} is broken: use it in a network of its own`)]
        : []),
      ...(ca !== null && fingerprint !== null ? [warn('ca', 'this means nothing: fingerprint decides')] : []),
      ...(tls === 'implicit' && port === 21
        ? [warn('tls', 'implicit FTPS on port 21: most servers have it on 990')]
        : []),
    ];
  });
}

/** Keys that were set although TLS is off. */
function meaningless(backend: BackendTlsConfig): readonly string[] {
  const { ca, servername, fingerprint, cert, key, ciphers } = backend;
  const given = Object.entries({ ca, servername, fingerprint, cert, key, ciphers }).filter(([, set]) => set !== null);
  return [...given.map(([name]) => name), ...(backend.verify ? [] : ['verify'])];
}

/** The same with absolute paths; `resolve` makes one. */
export function withBackendPaths<B extends BackendTlsConfig>(backend: B, resolve: (path: string) => string): B {
  const { ca, cert, key } = backend;
  const whole = (path: string | null) => (path === null ? null : resolve(path));
  return { ...backend, ca: whole(ca), cert: whole(cert), key: whole(key) };
}
