/**
 * The limits of the configuration in force, with who counts what they are about. Shared by all sessions of a process, also those that
 * began under an older configuration: a limit that was changed holds for them from then on.
 */
import type { LimitsConfig, RouteLimits } from '../config/limits.ts';
import { effectiveRoutes, type RouteConfig, type RoutedConfig } from '../config/routes.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import type { Bandwidth } from './bandwidth.ts';
import type { Counts } from './claims.ts';

/** The parts of a configuration that limits are in. */
export interface LimitedConfig extends RoutedConfig {
  readonly limits: LimitsConfig;
}

/** The limits of a route, and the path of its key in the configuration. */
export interface RouteInForce {
  readonly key: string;
  readonly limits: RouteLimits;
}

export class LimitsInForce {
  readonly counts: Counts;
  readonly bandwidth: Bandwidth;
  #limits: LimitsConfig;
  #routes: ReadonlyMap<string, RouteInForce>;

  constructor(config: LimitedConfig, counts: Counts, bandwidth: Bandwidth) {
    this.counts = counts;
    this.bandwidth = bandwidth;
    this.#limits = config.limits;
    this.#routes = routesOf(config);
  }

  /** Another configuration. Counts go on; bandwidths change at once. */
  change(config: LimitedConfig): void {
    this.#limits = config.limits;
    this.#routes = routesOf(config);
    this.bandwidth.change();
  }

  /** Those that are not of a route. */
  get limits(): LimitsConfig {
    return this.#limits;
  }

  /** Those of the route with this {@link routeName} now; those that it had, where the configuration has it no more. */
  route(name: string, { limits }: RouteConfig): RouteInForce {
    return this.#routes.get(name) ?? { key: 'routes[].limits', limits };
  }
}

/** What a route is called where it is counted, Latin-1: whom it is for. So it is the same one when others come before it. */
export function routeName({ match }: RouteConfig): string {
  return bytesOf(JSON.stringify(match, (_key, value) => (value === null || isEmpty(value) ? undefined : value)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((each) => each === null);
}

function routesOf(config: LimitedConfig): ReadonlyMap<string, RouteInForce> {
  const all = effectiveRoutes(config).map(
    (route, index) => [routeName(route), { key: `routes[${index}].limits`, limits: route.limits }] as const,
  );
  // Of two that are for the same clients nobody takes the second.
  return new Map(all.toReversed());
}
