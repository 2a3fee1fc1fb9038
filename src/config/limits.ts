/**
 * The part of the configuration about upper bounds: types, schema, defaults, and the rules about several of them. The same words
 * mean the same for everybody together, for each address, for each user and for each route. Pure. Counts nothing itself: see
 * `src/policy/`.
 */
import * as field from './fields.ts';
import type { EventRate, Most } from './limit-fields.ts';
import * as limit from './limit-fields.ts';
import { BAN, type BanConfig, LOGIN_DELAY, type LoginDelayConfig } from './login-limits.ts';
import type { ConfigProblem } from './problem.ts';

export type { EventRate, Most };

/** Bytes per second in each direction: `up` from clients, `down` to them. */
export interface BandwidthConfig {
  readonly up: Most;
  readonly down: Most;
}

/** What may be moved in some time: bytes, and whole files. */
export interface AmountsConfig {
  readonly bytesUp: Most;
  readonly bytesDown: Most;
  readonly filesUp: Most;
  readonly filesDown: Most;
}

/** What is bounded for everybody together, and again for each address, user and route. */
export interface ScopeLimits {
  /** Files that are moved at once. */
  readonly transfers: Most;
  readonly bandwidth: BandwidthConfig;
  readonly perDay: AmountsConfig;
}

/** What is bounded in each session. */
export interface EachSessionLimits {
  readonly uploadSize: Most;
  readonly commandRate: EventRate | 'unlimited';
  readonly perSession: AmountsConfig;
}

/** Of each user. */
export interface PerUserLimits extends ScopeLimits {
  readonly sessions: Most;
}

/** Of each user beside all routes: that also bounds how often it logs in. */
export interface UserScopeLimits extends PerUserLimits {
  readonly loginRate: EventRate | 'unlimited';
}

/** Of each address. */
export interface AddressScopeLimits extends ScopeLimits {
  /** In place of `limits.sessionsPerAddress`. */
  readonly sessions?: number | undefined;
  readonly loginRate: EventRate | 'unlimited';
}

/** Of one route: all of its sessions together, each of them, and each user that takes it. */
export interface RouteLimits extends ScopeLimits, EachSessionLimits {
  readonly sessions: Most;
  readonly perUser: PerUserLimits;
}

/** The section `limits`. Counts; `commandLine`, `replyLine` and `reply` in bytes. */
export interface LimitsConfig extends ScopeLimits, EachSessionLimits {
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  readonly perAddress: AddressScopeLimits;
  readonly perUser: UserScopeLimits;
  /** Of the days that `perDay` counts. */
  readonly timeZone: string;
  readonly commandLine: number;
  readonly replyLine: number;
  readonly reply: number;
  readonly unknownCommands: number;
  readonly failedLogins: number;
  readonly loginDelay: LoginDelayConfig;
  readonly ban: BanConfig;
}

const MOST_COUNT = 1_000_000;
const MOST_FILES = 1_000_000_000;

const sessions = (whose: string) =>
  field.countOr('unlimited', {
    meaning: `Sessions at once ${whose}.`,
    default: 'unlimited',
    maximum: MOST_COUNT,
  });

const amounts = (when: string, whose: string) =>
  field.section(`What may be moved in one ${when} ${whose}; listings do not count.`, {
    bytesUp: limit.amount({ meaning: 'Bytes that clients send.', default: 'unlimited' }),
    bytesDown: limit.amount({ meaning: 'Bytes that clients fetch.', default: 'unlimited' }),
    filesUp: field.countOr('unlimited', {
      meaning: 'Files that clients send.',
      default: 'unlimited',
      maximum: MOST_FILES,
    }),
    filesDown: field.countOr('unlimited', {
      meaning: 'Files that clients fetch.',
      default: 'unlimited',
      maximum: MOST_FILES,
    }),
  });

const scope = (whose: string) => ({
  transfers: field.countOr('unlimited', {
    meaning: `Files that are moved at once ${whose}; listings do not count. One more is told 450.`,
    default: 'unlimited',
    maximum: MOST_COUNT,
  }),
  bandwidth: field.section(`Bandwidth ${whose}, shared fairly among the transfers that run, listings included.`, {
    up: limit.bandwidth({ meaning: 'From clients to backends.', default: 'unlimited' }),
    down: limit.bandwidth({ meaning: 'From backends to clients.', default: 'unlimited' }),
  }),
  perDay: amounts('day', whose),
});

const eachSession = (whose: string) => ({
  uploadSize: limit.amount({
    meaning: `Largest file that may be sent ${whose}: refused where its size is known before, else cut and aborted; 552.`,
    default: 'unlimited',
  }),
  commandRate: limit.eventRate({
    meaning: `Commands of one session ${whose}; so many may come at once. More are answered later, none is refused.`,
    default: 'unlimited',
  }),
  perSession: amounts('session', whose),
});

const loginRate = (whose: string) =>
  limit.eventRate({ meaning: `Logins ${whose}; so many may come at once. More are told 421.`, default: 'unlimited' });

const LINE = { minimum: 64, maximum: 1024 ** 2 } as const;

/** The section as a person writes it. */
export const LIMITS = field.section('Upper bounds. Of all that apply to a client the tightest holds.', {
  sessions: field.count({ meaning: 'Sessions at once.', default: 10_000, maximum: MOST_COUNT }),
  sessionsPerAddress: field.count({
    meaning: 'Sessions at once of one client address. IPv6 counts by networks of 64 bits.',
    default: 100,
    maximum: MOST_COUNT,
  }),
  ...scope('of all clients together'),
  ...eachSession('of any client'),
  perAddress: field.section('Of each client address. IPv6 counts by networks of 64 bits.', {
    sessions: field.optional(
      field.count({ meaning: 'Sessions at once of one address.', maximum: MOST_COUNT }),
      'as `limits.sessionsPerAddress`',
    ),
    ...scope('of one address'),
    loginRate: loginRate('that one address begins, whatever comes of them'),
  }),
  perUser: field.section('Of each user, by the name that it has logged in with.', {
    sessions: sessions('of one user'),
    ...scope('of one user'),
    loginRate: loginRate('of one user that a backend has accepted: nobody can lock another one out'),
  }),
  timeZone: limit.timeZone({ meaning: 'Whose midnight begins a day of `perDay`.', default: 'UTC' }),
  commandLine: field.size({ meaning: 'One command line of a client.', default: '8KiB', ...LINE }),
  replyLine: field.size({ meaning: 'One line of a reply of the backend.', default: '8KiB', ...LINE }),
  reply: field.size({
    meaning: 'A whole reply of the backend.',
    default: '64KiB',
    minimum: 64,
    maximum: 16 * 1024 ** 2,
  }),
  unknownCommands: field.count({ meaning: 'Unknown commands before 421.', default: 10, maximum: MOST_COUNT }),
  failedLogins: field.count({
    meaning: 'Failed logins before 421, in one session; and so many times may USER come in place of the password.',
    default: 3,
    maximum: MOST_COUNT,
  }),
  loginDelay: LOGIN_DELAY,
  ban: BAN,
});

/** The key `limits` of a route as a person writes it. */
export const ROUTE_LIMITS = field.section('Upper bounds for who takes this route, beside `limits`.', {
  sessions: sessions('on this route'),
  ...scope('on this route'),
  ...eachSession('on this route'),
  perUser: field.section('Of each user on this route.', {
    sessions: sessions('of one user on this route'),
    ...scope('of one user on this route'),
  }),
});

const NO_AMOUNTS: AmountsConfig = {
  bytesUp: 'unlimited',
  bytesDown: 'unlimited',
  filesUp: 'unlimited',
  filesDown: 'unlimited',
};
const NO_SCOPE: ScopeLimits = {
  transfers: 'unlimited',
  bandwidth: { up: 'unlimited', down: 'unlimited' },
  perDay: NO_AMOUNTS,
};

/** Of a route that bounds nothing. */
export const NO_ROUTE_LIMITS: RouteLimits = {
  sessions: 'unlimited',
  ...NO_SCOPE,
  uploadSize: 'unlimited',
  commandRate: 'unlimited',
  perSession: NO_AMOUNTS,
  perUser: { sessions: 'unlimited', ...NO_SCOPE },
};

interface LimitedConfig {
  readonly limits: LimitsConfig;
  readonly routes: readonly { readonly limits: RouteLimits }[];
}

/** Limits that can never be reached, because a wider one is tighter. */
export function limitsWarnings({ limits, routes }: LimitedConfig): ConfigProblem[] {
  const perAddress = { ...limits.perAddress, sessions: limits.perAddress.sessions ?? 'unlimited' } as const;
  return [
    ...loose('limits.perAddress', perAddress, 'limits', limits),
    ...loose('limits.perUser', limits.perUser, 'limits', limits),
    ...routes.flatMap(({ limits: route }, index) => {
      const path = `routes[${index}].limits`;
      return [
        ...loose(path, route, 'limits', limits),
        ...loose(`${path}.perUser`, route.perUser, path, route),
        ...loose(`${path}.perUser`, route.perUser, 'limits.perUser', limits.perUser),
      ];
    }),
  ];
}

/** The keys of two scopes that are compared. */
const COMPARED = [
  ['sessions'],
  ['transfers'],
  ['bandwidth', 'up'],
  ['bandwidth', 'down'],
  ['perDay', 'bytesUp'],
  ['perDay', 'bytesDown'],
  ['perDay', 'filesUp'],
  ['perDay', 'filesDown'],
  ['perSession', 'bytesUp'],
  ['perSession', 'bytesDown'],
  ['perSession', 'filesUp'],
  ['perSession', 'filesDown'],
  ['uploadSize'],
] as const;

function loose(path: string, narrow: object, widePath: string, wide: object): ConfigProblem[] {
  return COMPARED.flatMap((keys) => {
    const [own, other] = [valueAt(narrow, keys), valueAt(wide, keys)];
    if (own === undefined || other === undefined || own <= other) return [];
    const key = keys.join('.');
    const message = `found ${own}, but ${widePath}.${key} is ${other}: that is reached first, so this never counts`;
    return [{ path: `${path}.${key}`, message, related: [`${widePath}.${key}`] }];
  });
}

/** The number there; undefined where nothing is bounded. */
function valueAt(limits: object, keys: readonly string[]): number | undefined {
  const found = keys.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    limits,
  );
  return typeof found === 'number' ? found : undefined;
}
