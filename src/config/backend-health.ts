/**
 * How much one backend takes, and how it is found out whether it can be used: types, schema, defaults, rules. Pure except
 * for {@link checkBackendHealthFiles}. Probes nothing.
 */
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import { checkSecretFile, readSecret } from './secret-file.ts';
import { argumentOrNull, fileOrNull, secretOrNull } from './text-fields.ts';

/** How it is found out whether a backend can be used. */
export interface BackendHealthConfig {
  readonly probe: 'auto' | 'tcp' | 'greeting' | 'tls' | 'login';
  /** Milliseconds from the end of a probe to the next. */
  readonly interval: number;
  /** In a row, after which it counts as down. */
  readonly failures: number;
  /** Probes in a row, after which one that is down counts as up. */
  readonly successes: number;
  /** For `probe: login`. */
  readonly user: string | null;
  readonly password: string | null;
  /** Path of a file with the password in its first line, in place of `password`. */
  readonly passwordFile: string | null;
}

/** How much a backend takes, and its health. */
export interface BackendShareConfig {
  readonly weight: number;
  readonly maxSessions: number | 'unlimited';
  readonly health: BackendHealthConfig;
}

/** The keys as a person writes them, for the item of a backend. */
export const BACKEND_SHARE = {
  weight: field.count({
    meaning: 'Its share of the sessions, compared with the other backends of a route.',
    default: 1,
    maximum: 1000,
  }),
  maxSessions: field.countOr('unlimited', {
    meaning: 'Sessions at once, of all workers together. When it is full another backend of the route is taken.',
    default: 'unlimited',
    maximum: 1_000_000,
  }),
  health: field.section('How it is found out whether it can be used.', {
    probe: field.choice(['auto', 'tcp', 'greeting', 'tls', 'login'], {
      meaning:
        'How far a probe goes: to the TCP connection, the greeting (220; with `tls: implicit` after the handshake), the TLS handshake, or a login. `auto` is `tls` for a backend with TLS, else `greeting`.',
      default: 'auto',
    }),
    interval: field.duration({ meaning: 'From one probe to the next.', default: '10s' }),
    failures: field.count({
      meaning:
        'Failures in a row until it counts as down: probes, and connections for clients that fail. Wrong passwords and failed transfers are none.',
      default: 3,
      maximum: 1000,
    }),
    successes: field.count({
      meaning: 'Successes in a row until it counts as up again.',
      default: 1,
      maximum: 1000,
    }),
    user: argumentOrNull({ meaning: 'Name for `probe: login`.', default: null }),
    password: secretOrNull({ meaning: 'Password for `probe: login`.', default: null }),
    passwordFile: fileOrNull({
      meaning:
        'File with that password in its first line, read anew for each probe. Relative to the folder of this configuration.',
      default: null,
    }),
  }),
};

type Backends = readonly (BackendShareConfig & { readonly tls: 'off' | 'explicit' | 'implicit' })[];

/** Probes that cannot be made. */
export function backendHealthErrors(backends: Backends): ConfigProblem[] {
  return backends.flatMap(({ health, tls }, index) => {
    const path = `backends[${index}].health`;
    const related = [`${path}.probe`];
    const absent = { user: health.user === null, password: health.password === null && health.passwordFile === null };
    const missing = (['user', 'password'] as const).filter((key) => health.probe === 'login' && absent[key]);
    const found: ConfigProblem[] = missing.map((key) => ({
      path: `${path}.${key}`,
      message: 'missing, but probe is login; expected name and password to log in with',
      related,
    }));
    if (health.password !== null && health.passwordFile !== null) {
      const against = `${path}.password`;
      const message = `found both this and ${against}, expected one of them`;
      found.push({ path: `${path}.passwordFile`, message, related: [against] });
    }
    if (health.probe !== 'tls' || tls !== 'off') return found;
    const message = 'found tls, but tls of this backend is off; expected auto, tcp, greeting or login';
    return [...found, { path: `${path}.probe`, message, related: [`backends[${index}].tls`] }];
  });
}

/** Credentials that are not used. */
export function backendHealthWarnings(backends: Backends): ConfigProblem[] {
  return backends.flatMap(({ health }, index) => {
    const key = (['user', 'password', 'passwordFile'] as const).find((each) => health[each] !== null);
    if (health.probe === 'login' || key === undefined) return [];
    const path = `backends[${index}].health`;
    return [
      { path: `${path}.${key}`, message: `this means nothing: probe is ${health.probe}`, related: [`${path}.probe`] },
    ];
  });
}

/** The same with an absolute path; `resolve` makes one. */
export function withHealthPaths<B extends BackendShareConfig>(backend: B, resolve: (path: string) => string): B {
  const { passwordFile } = backend.health;
  if (passwordFile === null) return backend;
  return { ...backend, health: { ...backend.health, passwordFile: resolve(passwordFile) } };
}

/** Reads the files with passwords. Never rejects: a file that cannot be used is an error found. */
export async function checkBackendHealthFiles(backends: readonly BackendShareConfig[]): Promise<ConfigProblem[]> {
  const found = await Promise.all(
    backends.map(({ health: { passwordFile } }, index) =>
      checkSecretFile(`backends[${index}].health.passwordFile`, passwordFile),
    ),
  );
  return found.flat();
}

/** The password for a probe, as it is now. Rejects with an Error that names the file where it cannot be read. */
export async function probePassword({ password, passwordFile }: BackendHealthConfig): Promise<string> {
  return passwordFile === null ? (password ?? '') : readSecret(passwordFile);
}
