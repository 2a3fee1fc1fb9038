/**
 * Which route a client takes, and why it does not take the others. Pure. Knows backends by their names only.
 */
import type { RouteMatch } from '../config/route-match.ts';
import { effectiveRoutes, type RouteConfig, type RoutedConfig } from '../config/routes.ts';
import { canonicalAddress, parseNetwork } from '../net/address.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import { anyOf } from '../wire/pattern.ts';

/** What is known of a client's certificate. */
export interface CertificateFacts {
  readonly subject: string;
  /** As in `DNS:plant1.example.com`. */
  readonly subjectAltNames: readonly string[];
  /** SHA-256 in hexadecimal, with or without colons. */
  readonly fingerprint256: string;
}

/** What a route can ask of a client. */
export interface RouteFacts {
  readonly listener: string;
  /** SNI. */
  readonly servername: string | undefined;
  /** What HOST said (RFC 7151). */
  readonly host: string | undefined;
  /** Latin-1, one character for each byte, as the client sent it. */
  readonly user: string;
  readonly address: string;
  /** Of a certificate that was found valid. */
  readonly clientCertificate: CertificateFacts | undefined;
}

/** One thing that a route asks for and a client does not have. */
export interface Mismatch {
  /** Below `match`, as in `clientCertificate.subject`. */
  readonly key: string;
  readonly expected: readonly string[];
  /** Empty where the client has nothing of the kind. */
  readonly found: readonly string[];
}

/** One thing that a match asks for. */
export interface Condition {
  readonly key: string;
  readonly expected: readonly string[];
  readonly found: (facts: RouteFacts) => readonly string[];
  readonly holds: (value: string) => boolean;
}

/** One route, ready to be asked. */
export class Route {
  /** Place in the configuration; 0 for the route that stands in for none. */
  readonly index: number;
  readonly config: RouteConfig;
  readonly #conditions: readonly Condition[];

  constructor(config: RouteConfig, index: number) {
    this.index = index;
    this.config = config;
    this.#conditions = conditionsOf(config.match);
  }

  /** Whether it takes everybody. */
  get unconditional(): boolean {
    return this.#conditions.length === 0;
  }

  /** Everything that stands against a client; empty where the route is for it. */
  mismatches(facts: RouteFacts): readonly Mismatch[] {
    return this.#conditions.flatMap(({ key, expected, found, holds }) => {
      const values = found(facts);
      return values.some(holds) ? [] : [{ key, expected, found: values }];
    });
  }

  /** Whether it asks for a name of HOST that this is one of; undefined where it asks for none. */
  namesHost(host: string): boolean | undefined {
    return this.#conditions.find(({ key }) => key === 'host')?.holds(plainName(host));
  }
}

/** All routes of a configuration, in order. */
export class RouteTable {
  readonly routes: readonly Route[];

  constructor(config: RoutedConfig) {
    this.routes = effectiveRoutes(config).map((route, index) => new Route(route, index));
  }

  /** The first route for this client. */
  find(facts: RouteFacts): Route | undefined {
    return this.routes.find((route) => route.mismatches(facts).length === 0);
  }

  /** Whether a client can be for no route at all. */
  get mayMiss(): boolean {
    return !this.routes.some(({ unconditional }) => unconditional);
  }

  /** Whether HOST may say this name (RFC 7151 §3.1: 504 for others): a route names it, or all routes are for every name. */
  knowsHost(host: string): boolean {
    const named = this.routes.map((route) => route.namesHost(host));
    return named.includes(true) || named.every((each) => each === undefined);
  }
}

/** A name as it is compared: small letters, without the last dot. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** What a match asks of a client; only what is not null. */
export function conditionsOf(match: RouteMatch): readonly Condition[] {
  const conditions: Condition[] = [];
  const add = (
    key: string,
    expected: readonly string[] | null,
    found: (facts: RouteFacts) => string | readonly string[] | undefined,
    holds: (expected: readonly string[]) => (value: string) => boolean,
  ) => {
    if (expected === null) return;
    const all = (facts: RouteFacts) => [found(facts) ?? []].flat();
    conditions.push({ key, expected, found: all, holds: holds(expected) });
  };
  const { clientCertificate } = match;
  add('listener', match.listener, ({ listener }) => listener, exactly);
  add('servername', match.servername, ({ servername }) => servername && plainName(servername), ignoringCase);
  add('host', match.host, ({ host }) => host && plainName(host), ignoringCase);
  add(
    'user',
    match.user,
    ({ user }) => user,
    (patterns) => anyOf(patterns.map(bytesOf)),
  );
  add('clients', match.clients, ({ address }) => canonicalAddress(address), inNetworks);
  add(
    'clientCertificate.subject',
    clientCertificate.subject,
    (facts) => facts.clientCertificate?.subject,
    ignoringCase,
  );
  add(
    'clientCertificate.subjectAltName',
    clientCertificate.subjectAltName,
    (facts) => facts.clientCertificate?.subjectAltNames,
    ignoringCase,
  );
  add(
    'clientCertificate.fingerprint',
    clientCertificate.fingerprint,
    (facts) => facts.clientCertificate?.fingerprint256,
    (expected) => exactly(expected.map(hexDigits), hexDigits),
  );
  return conditions;
}

function exactly(expected: readonly string[], plain = (value: string) => value): (value: string) => boolean {
  const known = new Set(expected);
  return (value) => known.has(plain(value));
}

function hexDigits(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

function ignoringCase(patterns: readonly string[]): (value: string) => boolean {
  const holds = anyOf(patterns.map(plainName));
  return (value) => holds(value.toLowerCase());
}

function inNetworks(networks: readonly string[]): (value: string) => boolean {
  const compiled = networks.map(parseNetwork);
  return (value) => compiled.some((network) => network.contains(value));
}
