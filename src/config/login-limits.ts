/**
 * The part of the configuration about logins that fail: types, schema and defaults of delays and bans. Pure. Counts nothing.
 */
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';

/** How long the answer to a failed login is held back. All in milliseconds. */
export interface LoginDelayConfig {
  /** At the second failure; it doubles with each further one. */
  readonly first: number;
  readonly most: number;
  /** Failures count for this long. */
  readonly within: number;
}

/** When an address is turned away. Durations in milliseconds. */
export interface BanConfig {
  /** `off`: nobody is banned. */
  readonly failures: number | 'off';
  readonly within: number;
  readonly for: number;
  /** Networks that are never banned, in CIDR notation. */
  readonly except: readonly string[];
}

/** The section below `limits` as a person writes it. */
export const LOGIN_DELAY = field.section(
  'How long the refusal of a failed login is held back: counted by address and, across addresses, by user name. A login that succeeds is never delayed, nor is any other session.',
  {
    first: field.duration({
      meaning: 'At the second failure; each further one doubles it. The first is answered at once.',
      default: '250ms',
    }),
    most: field.duration({ meaning: 'At most.', default: '8s' }),
    within: field.duration({ meaning: 'How long a failure counts.', default: '10m' }),
  },
);

/** The section below `limits` as a person writes it. */
export const BAN = field.section(
  'Addresses from which too many logins failed, whatever the user names, are turned away with 421. IPv6 counts by networks of 64 bits. A user name is never banned: nobody can lock another one out.',
  {
    failures: field.countOr('off', {
      meaning: 'Failed logins of one address that begin a ban; `off` bans nobody.',
      default: 'off',
      maximum: 1000,
    }),
    within: field.duration({ meaning: 'Time within which they happen.', default: '10m' }),
    for: field.duration({ meaning: 'How long a ban lasts.', default: '1h' }),
    except: field.list(
      'Networks that are never banned: large partners behind one address, monitoring.',
      field.network({ meaning: 'A network.', example: '10.0.0.0/8' }),
      { examples: ['10.0.0.0/8'], commented: true },
    ),
  },
);

interface Limits {
  readonly loginDelay: LoginDelayConfig;
}

/** A first delay that is longer than the longest. */
export function loginLimitsErrors({ loginDelay }: Limits): ConfigProblem[] {
  if (loginDelay.first <= loginDelay.most) return [];
  const message = `found ${loginDelay.first} ms, expected at most limits.loginDelay.most (${loginDelay.most} ms)`;
  return [{ path: 'limits.loginDelay.first', message, related: ['limits.loginDelay.most'] }];
}
