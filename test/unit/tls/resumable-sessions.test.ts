import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { ResumableSessions } from '../../../src/tls/resumable-sessions.ts';
import { endOfTicket } from '../../../src/wire/tls-session.ts';
import { testCertificate } from '../../support/certificates.ts';

const NO_TICKET = 0x4000;

/** A session as a server issues it to Node. */
async function issue(options: TlsOptions): Promise<Buffer> {
  const { cert, key } = await testCertificate();
  const files = { cert: await readFile(cert), key: await readFile(key) };
  const server = createServer({ ...files, ...options }, (socket) => socket.on('error', () => {}).write('x'));
  server.on('newSession', (_id, _data, done) => done());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('data', () => {});
  try {
    const [session] = await once(socket, 'session');
    return session as Buffer;
  } finally {
    socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

describe('the end of a ticket', () => {
  it.each([
    ['TLSv1.2', 60],
    ['TLSv1.2', 86_400],
    ['TLSv1.3', 60],
    ['TLSv1.3', 86_400],
  ] as const)('%s, %i seconds', async (version, sessionTimeout) => {
    const end = endOfTicket(await issue({ minVersion: version, maxVersion: version, sessionTimeout }));
    expect(Math.abs((end ?? 0) - Date.now() - sessionTimeout * 1000)).toBeLessThan(5000);
  });

  it('is not known of a session without a ticket', async () => {
    const session = await issue({ maxVersion: 'TLSv1.2', secureOptions: NO_TICKET });
    expect(session.length).toBeGreaterThan(100);
    expect(endOfTicket(session)).toBeUndefined();
  });

  it('is not known of anything that is cut or damaged, and that is no error', async () => {
    const session = await issue({ sessionTimeout: 60 });
    for (let length = 0; length < session.length; length++) endOfTicket(session.subarray(0, length));
    for (let at = 0; at < session.length; at++) {
      const damaged = Buffer.from(session);
      damaged[at] = 0xff;
      endOfTicket(damaged);
    }
    expect(endOfTicket(session.subarray(0, session.length - 1))).toBeUndefined();
    expect(endOfTicket(Buffer.alloc(0))).toBeUndefined();
    expect(endOfTicket(Buffer.from('nothing of the kind'))).toBeUndefined();
  });
});

describe('the best session', async () => {
  const [older, control, data] = [await issue({}), await issue({ sessionTimeout: 60 }), await issue({})];
  const later = Date.now() + 61_000;

  it('is none where there is none', () => {
    expect(new ResumableSessions().best()).toBeUndefined();
  });

  it('is the newest of the control connection, whatever data connections bring (T097)', () => {
    const sessions = new ResumableSessions();
    sessions.addOfControl(older);
    sessions.addOfControl(control);
    sessions.addOfData(data);
    expect(sessions.best()).toBe(control);
  });

  it('is that of a data connection when the other is over, and the other way round when a new one comes', () => {
    const sessions = new ResumableSessions();
    sessions.addOfControl(control);
    expect(sessions.best(later)).toBe(control);
    sessions.addOfData(data);
    expect(sessions.best(later)).toBe(data);
    sessions.addOfControl(older);
    expect(sessions.best(later)).toBe(older);
  });

  it('is that of a data connection when the backend does not resume the other, as when it has forgotten it', () => {
    const sessions = new ResumableSessions();
    sessions.addOfControl(control);
    sessions.decline(control);
    expect(sessions.best()).toBe(control);
    sessions.addOfData(data);
    expect(sessions.best()).toBe(data);
  });

  it('is that of a data connection where the control connection brings none', () => {
    const sessions = new ResumableSessions();
    sessions.addOfData(data);
    expect(sessions.best()).toBe(data);
  });
});
