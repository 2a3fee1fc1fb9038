/** A backend that sends a ticket for each data connection and takes only that, as servers on GnuTLS may (protocol case T097). */
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { testCertificate } from '../support/certificates.ts';
import type { Backend } from './backends/backend.ts';
import { startWithNewestTicket } from './backends/pyftpdlib.ts';
import { python } from './clients/python.ts';
import { type InteropGateway, startGateway } from './gateway.ts';
import { manyFiles } from './scenarios.ts';
import { describeInterop } from './test-bed.ts';

await describeInterop('a backend that demands its newest ticket', (bed) => {
  let backend: Backend;
  let gateway: InteropGateway;
  beforeAll(async () => {
    const { ca, cert, key } = await testCertificate();
    backend = await startWithNewestTicket(bed.packages, { security: 'explicit', cert, key });
    gateway = await startGateway({ backendPort: backend.port, backend: `tls: explicit, ca: "${ca}"` });
  });
  afterAll(async () => {
    await gateway?.stop();
    await backend?.stop();
  });

  it('T097: forty transfers, each with the ticket that came last', async () => {
    onTestFailed(() => {
      gateway.showLog();
      process.stderr.write(`\nThe backend said:\n${backend.log.slice(-2000)}\n`);
    });
    const target = gateway.target('explicit', 'TLSv1.3');
    await manyFiles({ bed, client: python, target, home: backend.home });
    const handshakes = { side: 'backend', channel: 'data', version: 'TLSv1.3' };
    expect(await gateway.metric('sallyport_tls_handshakes_total', { ...handshakes, resumed: 'true' })).toBe(40);
    expect(await gateway.metric('sallyport_tls_handshakes_total', { ...handshakes, resumed: 'false' })).toBe(0);
  });
});
