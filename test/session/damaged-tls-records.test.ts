/**
 * Damaged and cut TLS records: a connection on which one arrives can be trusted no more, and ends; what was uploaded over
 * it is never told as whole, also where a missing close_notify is allowed.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { only, withGateway } from '../support/test-gateway.ts';

/** A record of application data (RFC 8446 §5.1) whose content nobody has encrypted. */
const FORGED = Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0x00, 0x40]), randomBytes(64)]);
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const CASES = VERSIONS.flatMap((version) => (['strict', 'tolerant'] as const).map((end) => [version, end] as const));

describe.each(CASES)('an upload over %s, uploadEnd %s', (version, uploadEnd) => {
  it.each([
    ['a damaged record', FORGED, false],
    ['a damaged record, then FIN', FORGED, true],
    ['FIN in the middle of a record', FORGED.subarray(0, 20), true],
    ['FIN in the header of a record', FORGED.subarray(0, 3), true],
  ] as const)('%s: 426 at once, nothing is stored', async (_what, bytes, fin) => {
    await withGateway({ policy: { uploadEnd } }, async ({ loggedIn, backend }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      const data = await client.openData();
      await client.command('STOR a', 150);
      await data.startTls({ ...only(version), session: client.session });
      await data.write('the beginning');
      await backend.until(() => backend.lastSession.lastData.received.length > 0, 'bytes of the upload');
      const since = performance.now();
      data.raw.write(bytes);
      if (fin) data.raw.end();
      await client.expect(426);
      expect(performance.now() - since).toBeLessThan(3000);
      await data.ending;
      expect(backend.lastSession.lastData.ended).toBe('reset');
      expect(backend.files.has('/a')).toBe(false);
      await client.upload('STOR a', 'whole');
      expect(backend.files.get('/a')?.toString()).toBe('whole');
    });
  });
});

describe('a damaged record on the control connection', () => {
  it.each(VERSIONS)('ends the session, and the connection to the backend (%s)', async (version) => {
    await withGateway({}, async ({ loggedIn, backend, logs, gateway }) => {
      const client = await loggedIn('explicit', { tls: only(version) });
      client.socket.write(FORGED);
      await logs.until({ event: 'session-ended' });
      await backend.disconnected();
      await expect.poll(() => gateway.openSockets, { interval: 5, timeout: 3000 }).toBe(0);
    });
  });
});
