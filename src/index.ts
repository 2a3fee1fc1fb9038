/**
 * The public API of the package: read a configuration, run a gateway. Nothing else is exported; everything else may change.
 */

export type { AdminConfig } from './config/admin.ts';
export {
  ConfigError,
  type ConfigProblem,
  loadConfig,
  type ParseOptions,
  parseConfig,
} from './config/load.ts';
export type {
  AdvertiseRule,
  BackendConfig,
  CertificateConfig,
  Config,
  DataConfig,
  LimitsConfig,
  ListenerConfig,
  LogConfig,
  Policy,
  PolicyMode,
  PortRange,
  TimeoutsConfig,
  TlsConfig,
  TlsVersion,
} from './config/schema.ts';
export { Gateway } from './gateway.ts';
export { type Service, startService } from './service.ts';
