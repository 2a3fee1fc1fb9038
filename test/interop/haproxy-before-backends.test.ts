/** PROXY headers to a backend (`sendProxy`), taken off by a real HAProxy: it learns who the client is, and the backend serves as ever. */
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { testCertificate } from '../support/certificates.ts';
import { ScriptedClient } from '../support/scripted-client.ts';
import { HAS_IPV6 } from '../support/test-gateway.ts';
import { type Backend, type BackendProgram, PASSWORD, type ServerTls, USER } from './backends/backend.ts';
import { proftpd } from './backends/proftpd.ts';
import { vsftpd } from './backends/vsftpd.ts';
import { curl } from './clients/curl.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { BEFORE_BACKEND, type Haproxy, startHaproxyBeforeBackend } from './haproxy.ts';
import { allInOne, numbered, SIZES } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

interface House {
  readonly program: BackendProgram;
  readonly tls: 'off' | ServerTls['security'];
  readonly sendProxy: 'v1' | 'v2';
}

const HOUSES: readonly House[] = [
  { program: vsftpd, tls: 'off', sendProxy: 'v1' },
  { program: proftpd, tls: 'implicit', sendProxy: 'v2' },
];
/** Clients by their own addresses, and where they connect to. */
const CLIENTS: readonly (readonly [string, string])[] = [
  ['127.0.0.5', '127.0.0.1'],
  ['127.0.0.6', '127.0.0.2'],
  ...(HAS_IPV6 ? ([['::1', '::1']] as const) : []),
];

await describeInterop(
  'HAProxy with accept-proxy before a backend',
  (bed) => {
    describe.each(HOUSES)('$program.name, tls $tls, $sendProxy', ({ program, tls, sendProxy }) => {
      let backend: Backend;
      let haproxy: Haproxy;
      let gateway: InteropGateway;

      beforeAll(async () => {
        const { ca, cert, key } = await testCertificate();
        backend = await program.start(bed.packages, tls === 'off' ? undefined : { security: tls, cert, key });
        haproxy = await startHaproxyBeforeBackend(bed.packages, { control: backend.port, passive: backend.passive });
        gateway = await startGateway({
          address: HAS_IPV6 ? '::' : '0.0.0.0',
          backendHost: BEFORE_BACKEND,
          backendPort: backend.port,
          backend: `sendProxy: ${sendProxy}, tls: ${tls}${tls === 'off' ? '' : `, ca: "${ca}", servername: localhost`}`,
        });
      });
      afterAll(async () => {
        await gateway?.stop();
        await Promise.all([haproxy?.stop(), backend?.stop()]);
      });

      /** What HAProxy has logged of the connections of a kind that have ended. */
      const ended = (kind: 'control' | 'data'): string[] =>
        haproxy.log.split('\n').flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));

      it.each([curl, python])('$name works through all of them', async (client) => {
        onTestFailed(() => gateway.showLog());
        const target = { ...gateway.target('explicit', 'TLSv1.3'), host: '127.0.0.1' };
        await allInOne({ bed, client, target, home: backend.home }, [...SIZES, ...numbered(5)]);
      });

      it.each(CLIENTS)('HAProxy learns that %s came to %s; data connections have no header', async (own, address) => {
        const { port } = gateway.target('explicit', 'TLSv1.3');
        const client = await ScriptedClient.connect({ address, port }, { localAddress: own });
        try {
          const { localPort } = client.socket;
          const before = ended('data').length;
          await client.expect(220);
          await client.auth('TLS', { servername: 'ftp.example.com' });
          await client.login(USER, PASSWORD);
          await client.protect();
          await client.upload('STOR here.bin', 'bytes');
          expect((await client.download('RETR here.bin')).toString()).toBe('bytes');
          await client.command('QUIT', 221);
          const authority = sendProxy === 'v2' ? 'ftp.example.com' : '-';
          const line = `${own} ${localPort} ${address} ${port} ${authority}`;
          await expect.poll(() => ended('control'), { timeout: 5000 }).toContain(line);
          await expect.poll(() => ended('data').slice(before), { timeout: 5000 }).toEqual(['127.0.0.1', '127.0.0.1']);
        } finally {
          client.destroy();
        }
      });

      it('probes find the backend up, and are of nobody but the gateway', async () => {
        expect(await gateway.metric('sallyport_backend_up')).toBe(1);
        const probes = ended('control').filter((line) => line.includes(` ${BEFORE_BACKEND} ${backend.port} `));
        expect(probes.length).toBeGreaterThan(0);
        for (const line of probes) expect(line).toMatch(/^127\.0\.0\.1 /);
      });
    });
  },
  { needsRoot: true },
);
