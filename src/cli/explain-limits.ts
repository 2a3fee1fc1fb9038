/**
 * The part of `sallyport explain` about limits: all that count for a client, as they are written and where. Pure.
 */
import { NO_ROUTE_LIMITS } from '../config/limits.ts';
import type { Config } from '../config/schema.ts';
import type { Source } from '../config/source.ts';

/** One limit. */
export interface ExplainedLimit {
  /** Path in the configuration. */
  readonly key: string;
  /** As it is written there. */
  readonly value: string;
  /** Where in the file; undefined for a default. */
  readonly line?: number;
}

/** What can be limited, by its path in a section. No section has all of it. */
const LIMITS = [...pathsIn({ ...NO_ROUTE_LIMITS, perUser: {} }), 'sessionsPerAddress', 'loginRate'];

/**
 * The limits of all together, of the client's address, of its user and of the route with that index (undefined where none is taken), wide ones
 * first. What is unlimited is left out.
 */
export function explainLimits(config: Config, route: number | undefined, source: Source): readonly ExplainedLimit[] {
  const ofRoute = route === undefined ? [] : [`routes[${route}].limits`, `routes[${route}].limits.perUser`];
  const limits = ['limits', 'limits.perAddress', 'limits.perUser', ...ofRoute]
    .flatMap((section) => LIMITS.map((name) => `${section}.${name}`))
    .flatMap((key) => limitAt(key, config, source));
  const replaced = limits.some(({ key }) => key === 'limits.perAddress.sessions');
  const inForce = limits.filter(({ key }) => !replaced || key !== 'limits.sessionsPerAddress');
  const hasDays = inForce.some(({ key }) => key.includes('.perDay.'));
  return hasDays ? [...inForce, ...limitAt('limits.timeZone', config, source)] : inForce;
}

function limitAt(key: string, config: Config, { data, places }: Source): readonly ExplainedLimit[] {
  const inForce = valueAt(config, key);
  if (inForce === undefined || inForce === 'unlimited') return [];
  const line = places.get(key)?.line;
  return [{ key, value: String(valueAt(data, key) ?? inForce), ...(line !== undefined && { line }) }];
}

function valueAt(data: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .reduce<unknown>(
      (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
      data,
    );
}

/** Of all texts in it: `bandwidth.up`. */
function pathsIn(section: object): readonly string[] {
  return Object.entries(section).flatMap(([key, value]) =>
    typeof value === 'object' ? pathsIn(value).map((path) => `${key}.${path}`) : [key],
  );
}
