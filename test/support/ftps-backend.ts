/**
 * Options for {@link withGateway} with an FTPS backend whose certificate the gateway trusts.
 */
import type { BackendTlsOptions } from './backend-tls.ts';
import { testCertificate } from './certificates.ts';
import type { BackendOptions } from './scripted-backend.ts';
import type { HouseOptions } from './test-gateway.ts';

/** What differs from a backend with explicit TLS. */
export interface FtpsOptions extends Omit<HouseOptions, 'legacy'> {
  readonly tls?: Partial<BackendTlsOptions>;
  readonly legacy?: Omit<BackendOptions, 'tls'>;
}

/** A house with an FTPS backend. */
export async function ftpsHouse({ tls, legacy, ...overrides }: FtpsOptions = {}): Promise<HouseOptions> {
  const security = tls?.security ?? 'explicit';
  const { ca } = await testCertificate();
  return {
    ...overrides,
    legacy: { ...legacy, tls: { ...tls, security } },
    backend: { tls: security, ca, ...overrides.backend },
  };
}
