/**
 * The part of the configuration about the side port: where it listens, and who may ask and tell it what. Pure except for reading
 * tokens. Who is let in is decided in `src/admin/access.ts`.
 */
import { z } from 'zod';
import { canonicalAddress } from '../net/address.ts';
import { type ValueOptions, value } from './field-facts.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import { readSecret } from './secret-file.ts';
import { fileOrNull, SECRET } from './text-fields.ts';

/** TLS of the side port. Paths are those of PEM files. */
export interface AdminTlsConfig {
  /** null: HTTP in clear. */
  readonly cert: string | null;
  readonly key: string | null;
  /** Authorities for certificates of clients; null asks for none. */
  readonly clientCa: string | null;
}

/** The side port. */
export interface AdminConfig {
  readonly address: string;
  /** 0 is any free port. */
  readonly port: number;
  /** For reading; the file takes its place. */
  readonly readToken: string | null;
  readonly readTokenFile: string | null;
  /** For writing, and for reading. */
  readonly writeToken: string | null;
  readonly writeTokenFile: string | null;
  readonly tls: AdminTlsConfig;
}

/** Shorter tokens can be guessed. */
const SHORTEST_TOKEN = 16;

const TOKEN = /^[!-~]+$/;
const TOKEN_EXPECTED = `a token of at least ${SHORTEST_TOKEN} printable ASCII characters without blanks, or null`;

function tokenOrNull(options: ValueOptions): z.ZodType<string | null> {
  const error = TOKEN_EXPECTED;
  return value(z.string({ error }).min(SHORTEST_TOKEN, { error }).regex(TOKEN, { error }).nullable(), SECRET, options);
}

const TOKEN_FILE = 'File with that token in its first line. Relative to the folder of this configuration.';

/** The section as a person writes it. */
export const ADMIN = field.section('Side port: health, metrics, what runs, and orders of operators, over HTTP.', {
  address: field.address({ meaning: 'Address to listen on.', default: '127.0.0.1' }),
  port: field.port({ meaning: 'Port to listen on; 0 is any free port.', default: 9121, anyFree: true }),
  readToken: tokenOrNull({
    meaning:
      'Who reads must show this token, also for `/metrics`. Without it, and without `tls.clientCa`, what runs can be read on a loopback address only.',
    default: null,
  }),
  readTokenFile: fileOrNull({ meaning: TOKEN_FILE, default: null }),
  writeToken: tokenOrNull({
    meaning:
      'Who gives orders (ends a session, drains a backend, reloads …) must show this token; it reads as well. Without it nobody can.',
    default: null,
  }),
  writeTokenFile: fileOrNull({ meaning: TOKEN_FILE, default: null }),
  tls: field.section('HTTPS in place of HTTP.', {
    cert: field.pathOrNull({
      meaning: 'PEM file: the certificate, then its intermediates; null is HTTP in clear.',
      default: null,
    }),
    key: field.pathOrNull({ meaning: 'PEM file: its private key.', default: null }),
    clientCa: field.pathOrNull({
      meaning:
        'PEM file: authorities. Who reads or gives orders must show a certificate of them, beside the token where one is configured.',
      default: null,
    }),
  }),
});

/** Whether this address is reached from this machine only. */
export function isLoopback(address: string): boolean {
  const plain = canonicalAddress(address);
  return plain === '::1' || plain.startsWith('127.');
}

/** Keys that exclude or need each other. */
export function adminErrors({ tls, ...tokens }: AdminConfig): ConfigProblem[] {
  return [
    ...excluding(tokens, 'readToken', 'readTokenFile'),
    ...excluding(tokens, 'writeToken', 'writeTokenFile'),
    ...needing(tls, 'cert', 'key'),
    ...needing(tls, 'key', 'cert'),
    ...needing(tls, 'clientCa', 'cert'),
    ...(tokens.readToken !== null && tokens.readToken === tokens.writeToken
      ? [
          {
            path: 'admin.writeToken',
            message: 'expected another token than admin.readToken',
            related: ['admin.readToken'],
          },
        ]
      : []),
  ];
}

type Tokens = Omit<AdminConfig, 'tls'>;

function excluding(tokens: Tokens, one: keyof Tokens, other: keyof Tokens): ConfigProblem[] {
  if (tokens[one] === null || tokens[other] === null) return [];
  const message = `found both this and admin.${one}, expected one of them`;
  return [{ path: `admin.${other}`, message, related: [`admin.${one}`] }];
}

function needing(tls: AdminTlsConfig, key: keyof AdminTlsConfig, needed: keyof AdminTlsConfig): ConfigProblem[] {
  if (tls[key] === null || tls[needed] !== null) return [];
  return [{ path: `admin.tls.${needed}`, message: `missing, but admin.tls.${key} needs it` }];
}

/** Tokens that travel in clear between machines. */
export function adminWarnings({ address, tls, ...tokens }: AdminConfig): ConfigProblem[] {
  const hasTokens = [tokens.readToken, tokens.readTokenFile, tokens.writeToken, tokens.writeTokenFile].some(
    (each) => each !== null,
  );
  if (!hasTokens || tls.cert !== null || isLoopback(address)) return [];
  const message = `tokens travel in clear to ${address}; expected admin.tls, or a loopback address`;
  return [{ path: 'admin.tls', message, related: ['admin.address'] }];
}

/** The section with its files resolved by `resolve`. */
export function withAdminPaths(admin: AdminConfig, resolve: (path: string) => string): AdminConfig {
  const at = (path: string | null) => path && resolve(path);
  const { cert, key, clientCa } = admin.tls;
  return {
    ...admin,
    readTokenFile: at(admin.readTokenFile),
    writeTokenFile: at(admin.writeTokenFile),
    tls: { cert: at(cert), key: at(key), clientCa: at(clientCa) },
  };
}

/** The tokens that count; null where there is none. Rejects with an Error that names the file that cannot be used. */
export async function readTokens(
  admin: AdminConfig,
): Promise<{ readonly read: string | null; readonly write: string | null }> {
  const tokens = {
    read: admin.readTokenFile === null ? admin.readToken : await readToken(admin.readTokenFile),
    write: admin.writeTokenFile === null ? admin.writeToken : await readToken(admin.writeTokenFile),
  };
  if (tokens.read === null || tokens.read !== tokens.write) return tokens;
  throw new Error(`${admin.writeTokenFile ?? admin.readTokenFile}: expected different tokens for reading and writing`);
}

/** The token in the first line of a file. Rejects with an Error that names the file and says why it cannot be used. */
export async function readToken(file: string): Promise<string> {
  const read = await readSecret(file);
  if (read.length >= SHORTEST_TOKEN && TOKEN.test(read)) return read;
  throw new Error(`${file}: expected in its first line ${TOKEN_EXPECTED.replace(', or null', '')}`);
}
