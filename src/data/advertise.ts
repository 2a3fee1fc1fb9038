/**
 * Which address is written into a 227 reply: the first rule that matches the client's network, else the address that the
 * client connected to. Names are resolved by request and remembered briefly.
 */
import type { AdvertiseRule } from '../config/schema.ts';
import { GatewayError } from '../errors/errors.ts';
import { familyOf, parseNetwork } from '../net/address.ts';

/** Resolves a name to its IPv4 addresses. */
export type ResolveIpv4 = (name: string) => Promise<readonly string[]>;

/** How long an answer of the resolver is used (milliseconds). */
const REMEMBERED = 30_000;

interface Rule {
  readonly matches: (client: string) => boolean;
  readonly address: string;
}

export class AdvertisedAddress {
  readonly #rules: readonly Rule[];
  readonly #resolve: ResolveIpv4;
  readonly #answers = new Map<string, { readonly address: Promise<string>; readonly until: number }>();

  constructor(rules: readonly AdvertiseRule[], resolve: ResolveIpv4) {
    this.#resolve = resolve;
    this.#rules = rules.map(({ clients, address }) => {
      const network = clients === null ? undefined : parseNetwork(clients);
      return { matches: (client) => network?.contains(client) ?? true, address };
    });
  }

  /** The IPv4 address for a client that is connected to `local`. Raises `advertised-address-unknown`. */
  for(client: string, local: string): Promise<string> {
    const rule = this.#rules.find(({ matches }) => matches(client));
    if (rule === undefined) return Promise.resolve(local);
    if (isLiteral(rule.address)) {
      if (familyOf(rule.address) === 1) return Promise.resolve(rule.address);
      return Promise.reject(unknown(rule.address, 'an IPv6 address cannot be written into a 227 reply'));
    }
    return this.#lookUp(rule.address);
  }

  #lookUp(name: string): Promise<string> {
    const now = Date.now();
    const remembered = this.#answers.get(name);
    if (remembered !== undefined && remembered.until > now) return remembered.address;
    const address = this.#resolve(name).then(
      ([first]) => {
        if (first === undefined) throw unknown(name, 'no IPv4 address');
        return first;
      },
      (error: unknown) => {
        throw unknown(name, error instanceof Error ? error.message : String(error));
      },
    );
    this.#answers.set(name, { address, until: now + REMEMBERED });
    address.catch(() => this.#answers.delete(name));
    return address;
  }
}

function isLiteral(address: string): boolean {
  return address.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(address);
}

function unknown(name: string, reason: string): GatewayError {
  return new GatewayError('advertised-address-unknown', { detail: `${name}: ${reason}` });
}
