/** What a stream of TLS takes from its socket while its reader does not want more. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WithheldEof } from '../../../src/tls/withheld-eof.ts';
import { testCertificate } from '../../support/certificates.ts';

const MESSAGE = Buffer.alloc(1000, 'm');

let server: Server;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

it('a stream that is held decrypts nothing more, and goes on where it was when it is released', async () => {
  const { cert, key } = await testCertificate();
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const peer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false });
  const [raw] = await accepted;
  sockets.push(peer, raw);
  const withheld = new WithheldEof(raw);
  const secureContext = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
  const secure = new TLSSocket(withheld, { isServer: true, secureContext });
  sockets.push(secure);
  const proven = withheld.proven(secure);
  await Promise.all([once(secure, 'secure'), once(peer, 'secureConnect')]);
  let received = 0;
  secure.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  peer.write(MESSAGE);
  await expect.poll(() => received, { interval: 2 }).toBe(MESSAGE.length);
  secure.pause();
  proven.hold();
  const before = raw.bytesRead;
  peer.write(MESSAGE);
  await expect.poll(() => raw.bytesRead, { interval: 2 }).toBeGreaterThan(before + MESSAGE.length);
  for (let count = 0; count < 5; count += 1) await turn();
  expect({ decrypted: secure.readableLength, left: raw.readableLength }).toEqual({
    decrypted: 0,
    left: raw.bytesRead - before,
  });
  secure.resume();
  proven.release();
  await expect.poll(() => received, { interval: 2 }).toBe(2 * MESSAGE.length);
  peer.end();
  expect(await proven.end).toBe('close-notify');
});
