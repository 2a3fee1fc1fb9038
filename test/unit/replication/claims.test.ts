/** Who can be who he says: what is judged while another one with the same index may live. */
import { expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { Claims } from '../../../src/replication/claims.ts';

const CONFIG = JSON.stringify({
  listeners: [{ name: 'public', mode: 'explicit', port: 0 }],
  tls: { certificates: [{ cert: '/cert.pem', key: '/key.pem' }] },
  backends: [{ name: 'legacy', host: '192.0.2.1' }],
});
const OTHER = { version: 1, revision: 0, index: 1, count: 3, instance: 'b'.repeat(32), ports: '', range: '' };

it('is not waited for any longer when this replica stops', async () => {
  const stop = new AbortController();
  const known = { introduction: { ...OTHER, instance: 'c'.repeat(32) }, heardAt: 0 };
  const claims = new Claims({
    ...{ index: 0, instance: 'a'.repeat(32), signal: stop.signal },
    config: parseConfig(CONFIG, { env: {}, file: 'test.yaml' }).replication,
    tls: () => {
      throw new Error('not asked for');
    },
    caller: () => known,
    link: () => undefined,
    dismiss: () => expect.fail('dismissed'),
  });
  const judged = claims.judge(OTHER);
  const since = performance.now();
  stop.abort();
  await expect(judged).rejects.toMatchObject({ code: 'shutting-down' });
  expect(performance.now() - since).toBeLessThan(500);
});
