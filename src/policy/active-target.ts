/**
 * Where the gateway may be told to connect to by PORT and EPRT: to the client itself and nowhere else (RFC 2577 §3: bounce
 * attacks). Pure: opens nothing and answers nobody.
 */
import { canonicalAddress, type Endpoint, withoutZone } from '../net/address.ts';

/** Ports below this belong to services (RFC 2577 §3). */
const FIRST_DATA_PORT = 1024;

export interface ActiveTargetFacts {
  /** Address of the client on the control connection. */
  readonly client: string;
  /** Whether a port is one that this gateway listens on, and connections to the client stay on this host. */
  readonly isOurs: (port: number) => boolean;
}

/** Why the gateway does not connect there; undefined when it does. */
export function refuseActiveTarget(target: Endpoint, { client, isOurs }: ActiveTargetFacts): string | undefined {
  const address = withoutZone(canonicalAddress(target.address));
  if (address !== withoutZone(canonicalAddress(client))) return 'not the address of the client';
  if (target.port < FIRST_DATA_PORT) return `a port below ${FIRST_DATA_PORT}`;
  if (isOurs(target.port)) return 'a port of the gateway itself';
  return undefined;
}
