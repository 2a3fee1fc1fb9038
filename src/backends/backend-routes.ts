/**
 * The routes of a configuration with their backends: where a client is led, in which order, and with which credentials.
 */
import type { RouteConfig, RoutedConfig } from '../config/routes.ts';
import { GatewayError } from '../errors/errors.ts';
import { Credentials } from '../routing/credentials.ts';
import { type Route, type RouteFacts, RouteTable } from '../routing/route-table.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import type { Backend } from './backend.ts';
import { Choice } from './choice.ts';

/** What somebody else than a route says about where a client is led. */
export interface RouteDecision {
  /** Names of backends. */
  readonly backends: readonly string[] | undefined;
  readonly credentials: { readonly user: string | null; readonly password: string | null } | undefined;
  /** A folder in place of the route's; null is the whole backend. */
  readonly root?: string | null | undefined;
}

/** Where a route leads. */
export interface BackendRoute {
  readonly choice: Choice<Backend>;
  readonly credentials: Credentials;
  /** What the client sees in place of the whole backend; Latin-1, one character for each byte. */
  readonly root: string | undefined;
  /** Its row in the configuration; undefined where a decision leads elsewhere. */
  readonly config: RouteConfig | undefined;
}

function rootOf(folder: string | null): string | undefined {
  return folder === null ? undefined : bytesOf(folder);
}

export class BackendRoutes {
  readonly #table: RouteTable;
  readonly #targets: ReadonlyMap<Route, BackendRoute>;
  readonly #backends: readonly Backend[];
  /** By the names of the backends: turns go on from one decision to the next. */
  readonly #decided = new Map<string, Choice<Backend>>();

  private constructor(table: RouteTable, targets: ReadonlyMap<Route, BackendRoute>, backends: readonly Backend[]) {
    this.#table = table;
    this.#targets = targets;
    this.#backends = backends;
  }

  /** Prepares the routes and reads the files with their passwords. Rejects with an Error that names what cannot be read. */
  static async load(config: RoutedConfig, backends: readonly Backend[]): Promise<BackendRoutes> {
    const table = new RouteTable(config);
    const targets = new Map<Route, BackendRoute>();
    for (const route of table.routes) {
      const named = route.config.backends.map((name) => backends.find((backend) => backend.name === name));
      const choice = new Choice(
        named.filter((backend) => backend !== undefined),
        route.config.balance,
      );
      const root = rootOf(route.config.root);
      targets.set(route, { choice, credentials: await Credentials.load(route.config), root, config: route.config });
    }
    return new BackendRoutes(table, targets, backends);
  }

  /** Where this client is led; undefined where no route is for it. */
  find(facts: RouteFacts): BackendRoute | undefined {
    const route = this.#table.find(facts);
    return route && this.#targets.get(route);
  }

  /** The settings of the route for this client. */
  configOf(facts: RouteFacts): RouteConfig | undefined {
    return this.#table.find(facts)?.config;
  }

  /**
   * Where a decision leads in place of a route; undefined where neither names a backend. Raises `decision-hook-malformed` for a
   * name that no backend has.
   */
  decided(route: BackendRoute | undefined, decision: RouteDecision): BackendRoute | undefined {
    const choice = decision.backends === undefined ? route?.choice : this.#choiceOf(decision.backends);
    if (choice === undefined) return undefined;
    const own = decision.credentials && Credentials.of(decision.credentials);
    const credentials = own ?? route?.credentials ?? Credentials.of({ user: null, password: null });
    const root = decision.root === undefined ? route?.root : rootOf(decision.root);
    return { choice, credentials, root, config: decision.backends === undefined ? route?.config : undefined };
  }

  #choiceOf(names: readonly string[]): Choice<Backend> {
    const key = JSON.stringify(names);
    const known = this.#decided.get(key);
    if (known !== undefined) return known;
    const named = names.map((name) => {
      const backend = this.#backends.find((each) => each.name === name);
      if (backend !== undefined) return backend;
      throw new GatewayError('decision-hook-malformed', { detail: `no backend is called ${JSON.stringify(name)}` });
    });
    const choice = new Choice([...new Set(named)], 'round-robin');
    this.#decided.set(key, choice);
    return choice;
  }

  /** Whether a client can be for no route at all. */
  get mayMiss(): boolean {
    return this.#table.mayMiss;
  }

  /** Whether HOST may say this name (RFC 7151). */
  knowsHost(host: string): boolean {
    return this.#table.knowsHost(host);
  }
}
