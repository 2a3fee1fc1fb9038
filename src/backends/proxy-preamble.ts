/**
 * What a backend that knows the PROXY protocol is told before the first byte of a control connection: whose session it is.
 */
import type { BackendConfig } from '../config/schema.ts';
import { familyOf, withoutZone } from '../net/address.ts';
import {
  formatProxyHeaderV1,
  formatProxyHeaderV2,
  formatWithoutClient,
  type ProxyEnds,
  type ProxyFacts,
} from '../wire/proxy-header-format.ts';

/** The client for whom a link is opened. */
export interface ProxiedClient extends ProxyFacts {
  readonly ends: ProxyEnds;
}

/** The header, empty where the backend wants none. Without a client the gateway speaks for itself, as with a health check. */
export function proxyPreamble(wanted: BackendConfig['sendProxy'], client: ProxiedClient | undefined): Buffer {
  if (wanted === 'off') return Buffer.alloc(0);
  if (client === undefined) return formatWithoutClient(wanted);
  const { ends, ...facts } = client;
  const source = { ...ends.source, address: withoutZone(ends.source.address) };
  const destination = { ...ends.destination, address: withoutZone(ends.destination.address) };
  if (wanted === 'v2') return formatProxyHeaderV2({ source, destination }, facts);
  // Version 1 has no words for ends of two families.
  const sameFamily = familyOf(source.address) === familyOf(destination.address);
  return sameFamily ? formatProxyHeaderV1({ source, destination }) : formatWithoutClient('v1');
}
