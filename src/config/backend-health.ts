/**
 * How much one backend takes, and how it is found out whether it can be used: types, schema, defaults, rules. Pure. Probes nothing.
 */
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';
import { argumentOrNull, secretOrNull } from './text-fields.ts';

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
  }),
};

type Backends = readonly (BackendShareConfig & { readonly tls: 'off' | 'explicit' | 'implicit' })[];

/** Probes that cannot be made. */
export function backendHealthErrors(backends: Backends): ConfigProblem[] {
  return backends.flatMap(({ health, tls }, index) => {
    const path = `backends[${index}].health`;
    const related = [`${path}.probe`];
    const missing = (['user', 'password'] as const).filter((key) => health.probe === 'login' && health[key] === null);
    const found = missing.map((key) => ({
      path: `${path}.${key}`,
      message: 'missing, but probe is login; expected name and password to log in with',
      related,
    }));
    if (health.probe !== 'tls' || tls !== 'off') return found;
    const message = 'found tls, but tls of this backend is off; expected auto, tcp, greeting or login';
    return [...found, { path: `${path}.probe`, message, related: [`backends[${index}].tls`] }];
  });
}

/** Credentials that are not used. */
export function backendHealthWarnings(backends: Backends): ConfigProblem[] {
  return backends.flatMap(({ health }, index) => {
    if (health.probe === 'login' || (health.user === null && health.password === null)) return [];
    const path = `backends[${index}].health`;
    const key = health.user === null ? 'password' : 'user';
    return [
      { path: `${path}.${key}`, message: `this means nothing: probe is ${health.probe}`, related: [`${path}.probe`] },
    ];
  });
}
