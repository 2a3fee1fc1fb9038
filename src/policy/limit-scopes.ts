/**
 * For whom the limits count that hold for a session, and where they stand: its user, its address, its route, all together, and what a
 * decision says. Read anew each time, so that a changed configuration holds at once. Counts nothing.
 */
import type { UserLimits } from '../config/decision.ts';
import type { Most } from '../config/limits.ts';
import type { RouteConfig } from '../config/routes.ts';
import type { LimitName, LimitScope } from '../observe/measures.ts';
import { addressKey } from './address-key.ts';
import type { BandwidthClaim, Way } from './bandwidth.ts';
import type { Claim, Spent } from './claims.ts';
import { type LimitsInForce, type RouteInForce, routeName } from './limits-in-force.ts';

/** Whose session it is. */
export interface SessionOwner {
  readonly address: string;
  /** Latin-1. */
  readonly user: string;
  /** Undefined where a decision took its place. */
  readonly route: RouteConfig | undefined;
  readonly decided: UserLimits;
}

/** Limits of a scope. */
export interface ScopedLimits {
  readonly sessions?: Most | undefined;
  readonly transfers?: Most | undefined;
  readonly bandwidth?: { readonly [W in Way]?: Most | undefined } | undefined;
  readonly perDay?: { readonly [A in Spent]?: Most | undefined } | undefined;
}

/** Limits of a scope, as one place of the configuration has them. */
interface ScopeSource {
  readonly key: string;
  readonly limits: ScopedLimits;
}

/** A limit, and the key that it stands under. */
export interface Bound {
  readonly key: string;
  readonly most: number;
}

/** Reads a limit; undefined where there is none. */
export type Read<S> = (source: S) => Most | undefined;

interface Scope {
  readonly scope: LimitScope;
  readonly whose: string;
  readonly sources: () => readonly ScopeSource[];
}

/** The path of what a decision says. */
export const DECISION = 'limits of the decision';

export class LimitScopes {
  /** The narrow ones first: what waits for a narrow bandwidth holds nothing of a wide one. */
  readonly #scopes: readonly Scope[];

  readonly #route: () => RouteInForce | undefined;

  constructor(inForce: LimitsInForce, { address, user, route, decided }: SessionOwner) {
    const name = route === undefined ? '' : routeName(route);
    const now = () => (route === undefined ? undefined : inForce.route(name, route));
    this.#route = now;
    const perUser = (): readonly ScopeSource[] => {
      const { key = '', limits } = now() ?? {};
      return limits === undefined ? [] : [{ key: `${key}.perUser`, limits: limits.perUser }];
    };
    this.#scopes = [
      {
        ...{ scope: 'user', whose: user },
        sources: () => [
          { key: 'limits.perUser', limits: inForce.limits.perUser },
          { key: DECISION, limits: decided },
        ],
      },
      {
        ...{ scope: 'address', whose: addressKey(address) },
        sources: () => [{ key: 'limits.perAddress', limits: inForce.limits.perAddress }],
      },
      { scope: 'user', whose: `${user} ${name}`, sources: perUser },
      { scope: 'route', whose: name, sources: () => [now() ?? []].flat() },
      { scope: 'total', whose: '', sources: () => [{ key: 'limits', limits: inForce.limits }] },
    ];
  }

  /** The limits of its route now. */
  get route(): RouteInForce | undefined {
    return this.#route();
  }

  /** What stands against it in each scope that bounds it; `read` is the key below that of the scope. */
  claims<L extends LimitName>(limit: L, key: string, read: Read<ScopedLimits>, of?: readonly LimitScope[]): Claim<L>[] {
    const claims: Claim<L>[] = [];
    for (const { scope, whose, sources } of this.#scopes) {
      if (of !== undefined && !of.includes(scope)) continue;
      const bound = tightest(sources(), key, read);
      if (bound !== undefined) claims.push({ limit, scope, whose, ...bound });
    }
    return claims;
  }

  /** The bandwidths in this direction, bounded or not. */
  bandwidths(way: Way): readonly BandwidthClaim[] {
    const read: Read<ScopedLimits> = ({ bandwidth }) => bandwidth?.[way];
    return this.#scopes.map(({ scope, whose, sources }) => ({
      ...{ scope, whose, way, key: `bandwidth.${way}` },
      most: () => tightest(sources(), '', read)?.most ?? 'unlimited',
    }));
  }
}

/** The tightest of several, with the path of its key; undefined where none bounds it. */
export function tightest<S>(
  sources: readonly { readonly key: string; readonly limits: S }[],
  key: string,
  read: Read<S>,
): Bound | undefined {
  let [least, where] = [Number.POSITIVE_INFINITY, ''];
  for (const { key: path, limits } of sources) {
    const most = read(limits);
    if (most === undefined || most === 'unlimited' || most >= least) continue;
    [least, where] = [most, path];
  }
  return least === Number.POSITIVE_INFINITY ? undefined : { key: `${where}.${key}`, most: least };
}
