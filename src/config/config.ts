/**
 * The configuration as the gateway sees it: frozen values, all defaults filled in. Durations are milliseconds, sizes bytes.
 * How it is written and what the keys mean is in `schema.ts`.
 */
import type { AccessConfig } from './access.ts';
import type { AdminConfig } from './admin.ts';
import type { AuditConfig } from './audit.ts';
import type { BackendConfig } from './backend.ts';
import type { ClientCertificatesConfig } from './client-certificates.ts';
import type { DecisionHookConfig } from './decision-hook.ts';
import type { PortRange } from './fields.ts';
import type { LimitsConfig } from './limits.ts';
import type { ProxyProtocolConfig } from './proxy-protocol.ts';
import type { ReloadConfig } from './reload.ts';
import type { ReplicationConfig } from './replication.ts';
import type { RouteConfig } from './routes.ts';
import type { WorkersConfig } from './workers.ts';

export type { LimitsConfig };

/** How a rule is applied: refuse, let through but log and count, or do not look. */
export type PolicyMode = 'enforce' | 'report' | 'off';

/** What is allowed on a listener. */
export interface Policy {
  /** No USER or PASS in clear. */
  readonly requireTls: PolicyMode;
  /** No data connection in clear. */
  readonly requireProtP: PolicyMode;
  /** Whether an upload that ends without TLS close_notify is aborted (`strict`) or accepted and counted (`tolerant`). */
  readonly uploadEnd: 'strict' | 'tolerant';
  /** Whether a download from an FTPS backend that ends without TLS close_notify fails (`strict`) or is accepted and counted (`tolerant`). */
  readonly downloadEnd: 'strict' | 'tolerant';
  /**
   * Whether data connections must resume the TLS session of their control connection (`require`), may (`prefer`), or
   * cannot (`off`).
   */
  readonly sessionReuse: 'require' | 'prefer' | 'off';
  /** Whether clients that are logged in may give TLS up on their control connection. */
  readonly ccc: 'deny' | 'allow';
}

/** One port on which clients are welcome. */
export interface ListenerConfig {
  readonly name: string;
  /** Literal IP address; `::` is every address of both families. */
  readonly address: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly mode: 'explicit' | 'implicit';
  readonly proxyProtocol: ProxyProtocolConfig;
  /** The global setting with the overrides of this listener. */
  readonly clientCertificates: ClientCertificatesConfig;
  /** The global policy with the overrides of this listener. */
  readonly policy: Policy;
}

/** Paths of PEM files: certificate with its chain, and private key. */
export interface CertificateConfig {
  readonly cert: string;
  readonly key: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** TLS towards clients. */
export interface TlsConfig {
  readonly certificates: readonly CertificateConfig[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL cipher list; null leaves the choice to the gateway: forward secrecy and AEAD. */
  readonly ciphers: string | null;
  /** What listeners have that say nothing else. */
  readonly clientCertificates: ClientCertificatesConfig;
}

/** Which address clients of a network are told for passive data connections. */
export interface AdvertiseRule {
  /** Network in CIDR notation; null is every client. */
  readonly clients: string | null;
  /** IP address or DNS name. */
  readonly address: string;
}

export interface DataConfig {
  /** PORT and EPRT of clients: only ever to their own address. */
  readonly active: 'allow' | 'deny';
  /** Whether the address of a data connection counts, or only its TLS session. */
  readonly peer: 'match' | 'any';
  readonly passive: { readonly ports: PortRange; readonly advertise: readonly AdvertiseRule[] };
}

/** All in milliseconds. */
export interface TimeoutsConfig {
  readonly proxyHeader: number;
  readonly tlsHandshake: number;
  readonly backendConnect: number;
  readonly backendGreeting: number;
  readonly login: number;
  readonly controlIdle: number;
  readonly dataArrival: number;
  /** For a free passive port, where clients of one address hold them all. */
  readonly passivePort: number;
  readonly backendDataConnect: number;
  readonly dataStall: number;
  readonly finalReply: number;
  readonly linger: number;
  readonly drain: number;
  readonly keepalive: number;
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
}

/** The whole configuration, validated and frozen. Durations are milliseconds, sizes bytes. */
export interface Config {
  readonly listeners: readonly ListenerConfig[];
  readonly tls: TlsConfig;
  readonly data: DataConfig;
  /** At least one. */
  readonly backends: readonly BackendConfig[];
  /** Who is led where; empty: everybody to all backends. */
  readonly routes: readonly RouteConfig[];
  readonly decisionHook: DecisionHookConfig;
  /** What clients may do with files. */
  readonly access: AccessConfig;
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
  readonly admin: AdminConfig;
  readonly log: LogConfig;
  readonly audit: AuditConfig;
  readonly reload: ReloadConfig;
  readonly workers: WorkersConfig;
  readonly replication: ReplicationConfig;
}
