/** Real clients through HAProxy, which tells the gateway of them by the PROXY protocol on control and data connections. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Backend } from './backends/backend.ts';
import { pyftpdlib } from './backends/pyftpdlib.ts';
import type { Security, TlsVersion } from './clients/client.ts';
import { curl, curlWithProxyHeader } from './clients/curl.ts';
import { lftp } from './clients/lftp.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { HAPROXY_ADDRESS, type Haproxy, startHaproxy } from './haproxy.ts';
import { manyFiles, roundTrip, SIZES } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

const WAYS: readonly (readonly [Security, TlsVersion])[] = [
  ['plain', 'TLSv1.3'],
  ['explicit', 'TLSv1.2'],
  ['explicit', 'TLSv1.3'],
  ['implicit', 'TLSv1.3'],
];

await describeInterop('HAProxy in front', (bed) => {
  let backend: Backend;
  let gateway: InteropGateway;
  let haproxy: Haproxy;

  const headers = (channel: string, outcome: string) =>
    gateway.metric('sallyport_proxy_headers_total', { channel, outcome });

  beforeAll(async () => {
    backend = await pyftpdlib.start(bed.packages);
    gateway = await startGateway({ backendPort: backend.port, clearText: 'allowed', balancer: HAPROXY_ADDRESS });
    const control = (['explicit', 'implicit'] as const).map((security) => gateway.target(security, 'TLSv1.3').port);
    haproxy = await startHaproxy(bed.packages, { control, passive: gateway.passivePorts });
    await vi.waitFor(async () => expect(await headers('control', 'local'), haproxy.log).toBeGreaterThan(1), 30_000);
  });
  afterAll(async () => {
    await haproxy?.stop();
    await gateway?.stop();
    await backend?.stop();
  });

  for (const client of [curl, lftp, python]) {
    describe.each(WAYS)(`${client.name}, %s, %s`, (security, tls) => {
      const pairing = () => ({ bed, client, target: gateway.target(security, tls), home: backend.home });
      it('T143: makes a folder, uploads, lists, downloads, renames and deletes', () => roundTrip(pairing(), SIZES));
      it('T143: moves twenty files in one session', () => manyFiles(pairing()));
    });
  }

  it('T144: health checks are neither sessions nor failures', async () => {
    const checks = await headers('control', 'local');
    await expect.poll(() => headers('control', 'local'), { timeout: 15_000 }).toBeGreaterThan(checks);
    const seen = await headers('control', 'accepted');
    expect(await gateway.metric('sallyport_proxy_headers_total', { channel: 'control' })).toBe(
      seen + (await headers('control', 'local')),
    );
    expect(await gateway.metric('sallyport_proxy_headers_total', { channel: 'data' })).toBe(
      await headers('data', 'accepted'),
    );
  });

  it('leaves no session behind', async () => {
    await expect.poll(() => gateway.metric('sallyport_sessions_active'), { timeout: 10_000 }).toBe(0);
  });
});

await describeInterop('curl with PROXY headers of version 1', (bed) => {
  let backend: Backend;
  let gateway: InteropGateway;
  beforeAll(async () => {
    backend = await pyftpdlib.start(bed.packages);
    gateway = await startGateway({ backendPort: backend.port, clearText: 'allowed', balancer: '127.0.0.1' });
  });
  afterAll(async () => {
    await gateway?.stop();
    await backend?.stop();
  });

  it.each(
    WAYS,
  )('T143: %s, %s: makes a folder, uploads, lists, downloads, renames and deletes', async (security, tls) => {
    const target = gateway.target(security, tls);
    await roundTrip({ bed, client: curlWithProxyHeader, target, home: backend.home }, SIZES);
  });
});
