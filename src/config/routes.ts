/**
 * The part of the configuration about who is led to which backend: types, schema, defaults, and the rules about routes. Pure
 * except for {@link checkRouteFiles}. Matches nobody itself: see `src/routing/`.
 */
import * as field from './fields.ts';
import { NO_ROUTE_LIMITS, ROUTE_LIMITS, type RouteLimits } from './limits.ts';
import { MATCH } from './match-fields.ts';
import type { ConfigProblem } from './problem.ts';
import { rootFolderOrNull } from './root-folder.ts';
import { covers, type RouteMatch, withoutMeaning } from './route-match.ts';
import { checkSecretFile } from './secret-file.ts';
import * as text from './text-fields.ts';

export type { CertificateMatch, RouteMatch } from './route-match.ts';

/** What the backend is told in place of what the client said. */
export interface RouteCredentials {
  readonly user: string | null;
  readonly password: string | null;
  readonly passwordFile: string | null;
}

/** How one of several backends is chosen. */
export type Balance = 'round-robin' | 'least-sessions' | 'client-address' | 'user';

/** One way from clients to backends. */
export interface RouteConfig {
  readonly match: RouteMatch;
  /** Names of backends. */
  readonly backends: readonly string[];
  readonly balance: Balance;
  readonly credentials: RouteCredentials;
  readonly userTemplate: string | null;
  /** A folder of the backend that clients see as `/`. */
  readonly root: string | null;
  /** Nothing can be changed. */
  readonly readOnly: boolean;
  /** Files can be sent and nothing else: a drop box. */
  readonly uploadOnly: boolean;
  readonly limits: RouteLimits;
}

const BALANCES = ['round-robin', 'least-sessions', 'client-address', 'user'] as const;

const ROUTE = field.item('One route.', {
  match: field.section('Whom it is for: everything that is given must hold; of a list, one. Empty: everybody.', MATCH),
  backends: field.list(
    'Names of the backends it leads to.',
    field.label({ meaning: 'Name of a backend.', example: 'legacy' }),
    { required: { expected: 'a list of at least one name of a backend' }, examples: ['legacy'], commented: true },
  ),
  balance: field.choice(BALANCES, {
    meaning:
      'Which of them comes first: each in turn, the one with the fewest sessions, or always the same for a client address or a user. The others follow when it fails. `weight` of a backend counts in each.',
    default: 'round-robin',
  }),
  credentials: field.section('What the backend is told in place of what the client said.', {
    user: text.argumentOrNull({ meaning: 'Name for USER; null is that of the client.', default: null }),
    password: text.secretOrNull({
      meaning:
        'Password for PASS; null is that of the client. With a password here nobody checks that of the client: `match` must say who may come.',
      default: null,
    }),
    passwordFile: text.fileOrNull({
      meaning: 'File with that password in its first line. Relative to the folder of this configuration.',
      default: null,
    }),
  }),
  userTemplate: text.userTemplateOrNull({
    meaning: 'Name for USER made of that of the client, as in `"{user}@plant1"`.',
    default: null,
  }),
  root: rootFolderOrNull({
    meaning:
      'A folder of the backend that clients see as `/`, as in `/partners/acme`; nothing leads out of it. See [virtual root](virtual-root.md). null is the whole backend.',
    default: null,
  }),
  readOnly: field.flag({
    meaning: 'Clients see and read files, and change nothing.',
    default: false,
  }),
  uploadOnly: field.flag({
    meaning: 'A drop box: clients send new files, and see, read, replace and delete none.',
    default: false,
  }),
  limits: ROUTE_LIMITS,
});

/** The list as a person writes it. */
export const ROUTES = field.list(
  'Who is led to which backends. The first route that matches counts; who matches none cannot log in. Without routes everybody is led to all backends.',
  ROUTE,
  {
    examples: [
      { match: { user: 'plant1-*' }, backends: ['legacy'] },
      {
        match: { servername: '*.example.com', clients: '10.0.0.0/8' },
        backends: ['legacy'],
        userTemplate: '{user}@plant1',
      },
    ],
    commented: true,
  },
);

/** The route that holds where the configuration has none: everybody to all backends. */
export function defaultRoute(backends: readonly string[]): RouteConfig {
  return {
    match: {
      listener: null,
      servername: null,
      host: null,
      user: null,
      clients: null,
      clientCertificate: { subject: null, subjectAltName: null, fingerprint: null },
    },
    backends,
    balance: 'round-robin',
    credentials: { user: null, password: null, passwordFile: null },
    userTemplate: null,
    root: null,
    readOnly: false,
    uploadOnly: false,
    limits: NO_ROUTE_LIMITS,
  };
}

/** The routes that hold. */
export function effectiveRoutes(config: RoutedConfig): readonly RouteConfig[] {
  return config.routes.length > 0 ? config.routes : [defaultRoute(config.backends.map(({ name }) => name))];
}

/** The parts of a configuration that routes are about. */
export interface RoutedConfig {
  readonly routes: readonly RouteConfig[];
  readonly listeners: readonly { readonly name: string }[];
  readonly backends: readonly { readonly name: string }[];
}

/** The routes with their files resolved by `resolve`. */
export function withRoutePaths(routes: readonly RouteConfig[], resolve: (path: string) => string): RouteConfig[] {
  return routes.map((route) => {
    const { passwordFile } = route.credentials;
    if (passwordFile === null) return route;
    return { ...route, credentials: { ...route.credentials, passwordFile: resolve(passwordFile) } };
  });
}

/** Names that nobody has, and keys that exclude each other. `nearest` finds the name that was meant. */
export function routeErrors(
  { routes, listeners, backends }: RoutedConfig,
  nearest: (given: string, names: readonly string[]) => string | undefined,
): ConfigProblem[] {
  const unknown = (path: string, what: string, given: string, known: readonly { readonly name: string }[]) => {
    const names = known.map(({ name }) => name);
    if (names.includes(given)) return [];
    const meant = nearest(given, names);
    const hint = meant === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${meant}?`;
    return [{ path, message: `found ${JSON.stringify(given)}, which is no ${what}; ${hint}`, related: [`${what}s`] }];
  };
  return routes.flatMap(({ match, backends: named, credentials, userTemplate }, index) => {
    const path = `routes[${index}]`;
    return [
      ...named.flatMap((name, at) => [
        ...unknown(`${path}.backends[${at}]`, 'backend', name, backends),
        ...(named.indexOf(name) === at
          ? []
          : [
              {
                path: `${path}.backends[${at}]`,
                message: `found ${JSON.stringify(name)} twice, expected each backend once`,
              },
            ]),
      ]),
      ...(match.listener ?? []).flatMap((name) => unknown(`${path}.match.listener`, 'listener', name, listeners)),
      ...excluding(credentials.user, userTemplate, `${path}.userTemplate`, `${path}.credentials.user`),
      ...excluding(
        credentials.password,
        credentials.passwordFile,
        `${path}.credentials.passwordFile`,
        `${path}.credentials.password`,
      ),
    ];
  });
}

function excluding(one: string | null, other: string | null, path: string, against: string): ConfigProblem[] {
  if (one === null || other === null) return [];
  return [{ path, message: `found both this and ${against}, expected one of them`, related: [against] }];
}

/** Backends that nobody reaches, routes that nobody takes, and passwords that nobody checks. */
export function routeWarnings({ routes, backends }: RoutedConfig): ConfigProblem[] {
  if (routes.length === 0) return [];
  const named = new Set(routes.flatMap((route) => route.backends));
  return [
    ...backends.flatMap(({ name }, index) =>
      named.has(name) ? [] : [{ path: `backends[${index}]`, message: `no route leads to backend ${name}` }],
    ),
    ...routes.flatMap(({ match }, index) => {
      const first = routes.slice(0, index).findIndex((earlier) => covers(earlier.match, match));
      if (first === -1) return [];
      const message = `this route never matches: routes[${first}] takes everybody whom it is for; put it first`;
      return [{ path: `routes[${index}]`, message }];
    }),
    ...otherCase(routes),
    ...routes.flatMap(({ match, credentials }, index) => {
      const rewritten = credentials.password !== null || credentials.passwordFile !== null;
      if (!rewritten || match.clients !== null || !withoutMeaning(match.clientCertificate)) return [];
      const message =
        'nobody checks the password of the client here: whoever matches is logged in; expected match.clientCertificate or match.clients';
      return [{ path: `routes[${index}].credentials`, message }];
    }),
  ];
}

/** Names are compared with case; a backend that does not do so knows the same user under a name that the next route takes. */
function otherCase(routes: readonly RouteConfig[]): ConfigProblem[] {
  return routes.flatMap(({ match, backends, ...route }, index) => {
    const confined = route.root !== null || route.readOnly || route.uploadOnly;
    const shouted = match.user?.map((name) => (name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase()));
    if (!confined || match.user === null || shouted === undefined) return [];
    const other = { ...match, user: shouted };
    if (covers(match, other)) return [];
    const open = routes.findIndex(
      (later, at) =>
        at > index &&
        later.root === null &&
        !later.readOnly &&
        !later.uploadOnly &&
        later.backends.some((name) => backends.includes(name)) &&
        covers(later.match, other),
    );
    if (open === -1) return [];
    const message = `names are compared with case: at a backend that does not count it, who says ${shouted[0]} for ${match.user[0]} comes by routes[${open}], which has neither root nor view`;
    return [{ path: `routes[${index}].match.user`, message, related: [`routes[${open}]`] }];
  });
}

/** Reads the files with passwords. Never rejects: a file that cannot be used is an error found. */
export async function checkRouteFiles(routes: readonly RouteConfig[]): Promise<ConfigProblem[]> {
  const found = await Promise.all(
    routes.map(({ credentials: { passwordFile } }, index) =>
      checkSecretFile(`routes[${index}].credentials.passwordFile`, passwordFile),
    ),
  );
  return found.flat();
}
