/**
 * The part of the configuration about the FTP servers behind the gateway: types, schema, defaults, and the rules about active
 * mode. Pure. Knows nothing of how a backend is reached.
 */
import { canonicalAddress } from '../net/address.ts';
import type { PathStyle } from '../wire/path.ts';
import { BACKEND_SHARE, type BackendShareConfig } from './backend-health.ts';
import { BACKEND_PATHS } from './backend-paths.ts';
import { BACKEND_TLS, type BackendTlsConfig } from './backend-tls.ts';
import type { PortRange } from './fields.ts';
import * as field from './fields.ts';
import type { ConfigProblem } from './problem.ts';

/** Where a backend in active mode connects to. */
export interface BackendActiveConfig {
  /** Literal IP address that it is told; null is the address of the control connection to it. */
  readonly address: string | null;
  /** Ports to listen on, one for each transfer; null is any free port. */
  readonly ports: PortRange | null;
}

/** An FTP server behind the gateway. */
export interface BackendConfig extends BackendTlsConfig, BackendShareConfig {
  readonly name: string;
  /** IP address or DNS name. */
  readonly host: string;
  readonly port: number;
  /** Literal IP address that connections to it come from; null leaves it to the system. */
  readonly sourceAddress: string | null;
  /** PROXY header on its control connections. */
  readonly sendProxy: 'off' | 'v1' | 'v2';
  readonly dataMode: 'auto' | 'epsv' | 'pasv' | 'active';
  /** For `dataMode: active`. */
  readonly active: BackendActiveConfig;
  readonly paths: PathStyle;
}

/** The item as a person writes it. */
export const BACKEND = field.item('An FTP server behind the gateway.', {
  name: field.label({ meaning: 'Label in logs and metrics; unique.', example: 'legacy' }),
  host: field.host({ meaning: 'Address or name of the FTP server.', example: '10.0.5.20' }),
  port: field.port({ meaning: 'Port of the FTP server.', default: 21 }),
  ...BACKEND_TLS,
  ...BACKEND_SHARE,
  sourceAddress: field.addressOrNull({
    meaning: 'Address of this host that connections to it come from; null leaves it to the system.',
    default: null,
  }),
  sendProxy: field.choice(['off', 'v1', 'v2'], {
    meaning:
      'PROXY header at the beginning of control connections to it: who the client is; `v2` says also what is known of its TLS. The backend must expect it. Data connections have none.',
    default: 'off',
  }),
  dataMode: field.choice(['auto', 'epsv', 'pasv', 'active'], {
    meaning:
      'How its data connections are made; `auto` is EPSV, then PASV if it does not know EPSV; with `active` the backend connects to the gateway.',
    default: 'auto',
  }),
  active: field.section('Where it connects to with `dataMode: active`.', {
    address: field.addressOrNull({
      meaning: 'Address that it is told; null is that of the control connection to it.',
      default: null,
    }),
    ports: field.portRangeOrNull({
      meaning: 'Ports to listen on, from 1024 on, one for each transfer that is set up; null is any free port.',
      default: null,
    }),
  }),
  paths: BACKEND_PATHS,
});

/** Backends accept no data port below this (RFC 2577 §3). */
const FIRST_DATA_PORT = 1024;

/** Ports that other parts of the gateway listen on, with the key where they can be changed. */
export interface TakenPorts extends PortRange {
  readonly key: string;
}

type Backends = readonly Pick<BackendConfig, 'dataMode' | 'active'>[];

/** Addresses nobody can connect to, and ports that no backend accepts or that are taken. */
export function backendErrors(backends: Backends, taken: readonly TakenPorts[]): ConfigProblem[] {
  return backends.flatMap(({ active }, index) => [
    ...unusableAddress(active.address, `backends[${index}].active.address`),
    ...unusablePorts(active.ports, `backends[${index}].active.ports`, taken),
  ]);
}

function unusableAddress(address: string | null, path: string): ConfigProblem[] {
  if (address === null || !/^[0:.]+$/.test(canonicalAddress(address))) return [];
  return [{ path, message: `found "${address}", expected an address that the backend can connect to` }];
}

function unusablePorts(ports: PortRange | null, path: string, taken: readonly TakenPorts[]): ConfigProblem[] {
  if (ports === null) return [];
  const found = ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
  const low =
    ports.first < FIRST_DATA_PORT
      ? [{ path, message: `found ${found}, expected ports from ${FIRST_DATA_PORT} on` }]
      : [];
  const shared = taken.flatMap(({ key, first, last }) =>
    first <= ports.last && last >= ports.first
      ? [{ path, message: `found ${found}, expected ports outside ${key}`, related: [key] }]
      : [],
  );
  return [...low, ...shared];
}

/** Settings for a mode that is not used. */
export function backendWarnings(backends: Backends): ConfigProblem[] {
  return backends.flatMap(({ dataMode, active }, index) => {
    if (dataMode === 'active' || (active.address === null && active.ports === null)) return [];
    const message = `this means nothing: dataMode of this backend is ${dataMode}`;
    return [{ path: `backends[${index}].active`, message, related: [`backends[${index}].dataMode`] }];
  });
}
