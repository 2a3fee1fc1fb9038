/**
 * The part of the configuration about certificates of clients: its types, its schema, its defaults, and the rules that it
 * must keep. Pure. Its files are looked at in `check-client-certificates.ts`.
 */
import type { z } from 'zod';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';

const MODES = ['off', 'request', 'require'] as const;
const SOURCES = ['none', 'subject-cn', 'san-email', 'san-dns', 'san-uri'] as const;
const PASSWORDS = ['required', 'not-needed'] as const;

/** Which names a certificate gives its owner the right to. */
export interface CertificateUserConfig {
  /** What the name is read from; `none`: a certificate says nothing about the user. */
  readonly from: (typeof SOURCES)[number];
  /** Regular expression that the whole value must match; its first group is the name. Null: the value is the name. */
  readonly pattern: string | null;
  /** Whether a certificate stands for the password. */
  readonly password: (typeof PASSWORDS)[number];
}

/** Certificates of clients on a listener. */
export interface ClientCertificatesConfig {
  /** `off`: none is asked for. `request`: none is fine, one that is shown must be valid. `require`: nobody comes in without. */
  readonly mode: (typeof MODES)[number];
  /** Path of a PEM file: whose certificates are valid. */
  readonly ca: string | null;
  /** Path of a PEM file: lists of revoked certificates. */
  readonly crl: string | null;
  readonly user: CertificateUserConfig;
}

const MODE =
  'Certificates of clients (mutual TLS). `request`: one that is shown must be valid, none is fine. `require`: nobody comes in without; needs `requireTls: enforce`. A client that came with one must show the same on its data connections, or resume its TLS session there.';
const CA =
  'PEM file: the authorities whose certificates are valid, one or more; not those of the system. One below a root will do by itself, but not together with `crl`. Relative to the folder of this configuration.';
const CRL =
  'PEM file: lists of revoked certificates, one from each authority between the client and the root, also where the client shows that authority itself; null looks at none. With lists, certificates of an authority that has none, or an expired one, are not valid.';
const FROM =
  'Where the user name of a certificate is read. Whoever has a certificate may then log in under its name only. `none` leaves names alone.';
const PATTERN =
  'Regular expression that the whole value must match; its first group is the user name. Null: the value itself is.';
const PASSWORD =
  '`not-needed`: the certificate logs in (232), and the gateway uses the `credentials` of the route at the backend.';

/** The section as a person writes it below `tls`. */
export const CLIENT_CERTIFICATES = field.section('Certificates of clients; each listener may differ.', {
  mode: field.choice(MODES, { meaning: MODE, default: 'off' }),
  ca: field.pathOrNull({ meaning: CA, default: null }),
  crl: field.pathOrNull({ meaning: CRL, default: null }),
  user: field.section('User names by certificate.', {
    from: field.choice(SOURCES, { meaning: FROM, default: 'none' }),
    pattern: field.patternOrNull({ meaning: PATTERN, default: null }),
    password: field.choice(PASSWORDS, { meaning: PASSWORD, default: 'required' }),
  }),
});

const AS_GLOBAL = 'as in `tls.clientCertificates`';

/** The same section on a listener: what differs there. */
export const CLIENT_CERTIFICATES_OVERRIDE = field.section(
  'What differs from `tls.clientCertificates` on this listener; the same keys.',
  {
    mode: field.override(MODES, MODE, AS_GLOBAL),
    ca: field.optional(field.pathOrNull({ meaning: CA }), AS_GLOBAL),
    crl: field.optional(field.pathOrNull({ meaning: CRL }), AS_GLOBAL),
    user: field.section('User names by certificate.', {
      from: field.override(SOURCES, FROM, AS_GLOBAL),
      pattern: field.optional(field.patternOrNull({ meaning: PATTERN }), AS_GLOBAL),
      password: field.override(PASSWORDS, PASSWORD, AS_GLOBAL),
    }),
  },
);

/** What holds on a listener. */
export function resolveClientCertificates(
  global: ClientCertificatesConfig,
  own: z.output<typeof CLIENT_CERTIFICATES_OVERRIDE>,
): ClientCertificatesConfig {
  return { ...given(global, own), user: given(global.user, own.user) };
}

/** The values, with those that are given in place of them; null is a value. */
function given<T extends object>(values: T, own: object): T {
  const kept = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...values, ...Object.fromEntries(kept) };
}

interface Holder {
  readonly clientCertificates: ClientCertificatesConfig;
}

/** The same with every path made absolute. */
export function withClientCertificatePaths<T extends Holder, L extends Holder>(
  { tls, listeners }: { readonly tls: T; readonly listeners: readonly L[] },
  absolute: (path: string) => string,
): { readonly tls: T; readonly listeners: readonly L[] } {
  const made = <H extends Holder>(holder: H): H => {
    const { ca, crl } = holder.clientCertificates;
    const paths = { ca: ca && absolute(ca), crl: crl && absolute(crl) };
    return { ...holder, clientCertificates: { ...holder.clientCertificates, ...paths } };
  };
  return { tls: made(tls), listeners: listeners.map(made) };
}

/** A listener, as far as the rules look at it. */
interface Listener {
  readonly name: string;
  readonly clientCertificates: ClientCertificatesConfig;
  readonly policy: { readonly requireTls: 'enforce' | 'report' | 'off' };
}

const GLOBAL = 'tls.clientCertificates';

/** No authority to ask, a way around the certificate, or nobody who could log in. */
export function clientCertificatesErrors(
  listeners: readonly Listener[],
  routes: readonly RouteTaken[],
): ConfigProblem[] {
  return listeners.flatMap(({ name, clientCertificates, policy }, index) => {
    const path = `listeners[${index}].clientCertificates`;
    const { mode, ca, user } = clientCertificates;
    if (mode === 'off') return [];
    const problems: ConfigProblem[] = [];
    if (ca === null) {
      const message = `none, but mode is ${mode}; expected the PEM file of the authorities whose certificates are valid`;
      problems.push({ path: `${path}.ca`, message, related: [`${path}.mode`, GLOBAL] });
    }
    if (mode === 'require' && policy.requireTls !== 'enforce') {
      const message = `found require, expected policy.requireTls to be enforce, not ${policy.requireTls}: whoever stays in clear shows no certificate`;
      problems.push({ path: `${path}.mode`, message, related: [GLOBAL, `listeners[${index}].policy`, 'policy'] });
    }
    if (logsIn(user) && !routesFrom(routes, name).some(([route]) => hasPassword(route))) {
      const message =
        'found not-needed, expected a route with credentials: without a password of the client the gateway has none for the backend';
      problems.push({ path: `${path}.user.password`, message, related: [GLOBAL, 'routes'] });
    }
    return problems;
  });
}

/** A route, as far as the rules look at it. */
interface RouteTaken {
  readonly match: { readonly listener: readonly string[] | null };
  readonly credentials: { readonly password: string | null; readonly passwordFile: string | null };
}

function logsIn({ from, password }: CertificateUserConfig): boolean {
  return from !== 'none' && password === 'not-needed';
}

function routesFrom(routes: readonly RouteTaken[], listener: string): readonly (readonly [RouteTaken, number])[] {
  const numbered = routes.map((route, index) => [route, index] as const);
  return numbered.filter(([{ match }]) => match.listener === null || match.listener.includes(listener));
}

function hasPassword({ credentials: { password, passwordFile } }: RouteTaken): boolean {
  return password !== null || passwordFile !== null;
}

/** Settings that mean nothing, and routes on which a certificate does not stand for the password. */
export function clientCertificatesWarnings(
  listeners: readonly Listener[],
  routes: readonly RouteTaken[],
): ConfigProblem[] {
  return [...withoutMeaning(listeners), ...routesWithoutPassword(listeners, routes)];
}

function routesWithoutPassword(listeners: readonly Listener[], routes: readonly RouteTaken[]): ConfigProblem[] {
  return listeners.flatMap(({ name, clientCertificates: { mode, user } }) => {
    if (mode === 'off' || !logsIn(user)) return [];
    return routesFrom(routes, name).flatMap(([route, index]) => {
      if (hasPassword(route)) return [];
      const message = `no password for the backend: on listener ${name} certificates stand for passwords, but whom this route leads is asked for one`;
      return [{ path: `routes[${index}].credentials`, message }];
    });
  });
}

function withoutMeaning(listeners: readonly Listener[]): ConfigProblem[] {
  return listeners.flatMap(({ name, clientCertificates }, index) => {
    const path = `listeners[${index}].clientCertificates`;
    const { mode, user } = clientCertificates;
    const warn = (key: string, why: string) => ({
      path: `${path}.${key}`,
      message: `this means nothing on listener ${name}: ${why}`,
    });
    if (mode === 'off') return user.from === 'none' ? [] : [warn('user.from', 'mode is off')];
    if (user.from !== 'none') return [];
    return [
      ...(user.pattern === null ? [] : [warn('user.pattern', 'user.from is none')]),
      ...(user.password === 'required' ? [] : [warn('user.password', 'user.from is none')]),
    ];
  });
}
