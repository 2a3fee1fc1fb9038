import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataLeg } from '../../../src/data/leg.ts';
import { tlsFacts } from '../../../src/tls/facts.ts';
import { testCertificate } from '../../support/certificates.ts';

/** Enough that a peer which does not read leaves most of it unsent. */
const MUCH = Buffer.alloc(8 * 1024 * 1024);

let server: Server;
let context: SecureContext;
let accepted: Promise<Socket>;

beforeAll(async () => {
  const { cert, key } = await testCertificate();
  context = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.close();
});

/** A TLS leg of the gateway and the client at its other end, which reads nothing yet. */
async function tlsLeg(): Promise<{ leg: DataLeg; raw: Socket; client: TLSSocket }> {
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  const { port } = server.address() as { port: number };
  const socketOfClient = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  socketOfClient.on('error', () => {});
  const client = connect({ socket: socketOfClient, rejectUnauthorized: false });
  client.on('error', () => {});
  const raw = await accepted;
  const socket = new TLSSocket(raw, { isServer: true, secureContext: context });
  await Promise.all([once(socket, 'secure'), once(client, 'secureConnect')]);
  const leg = new DataLeg({ side: 'client', raw, secure: { socket, facts: tlsFacts(socket), proven: undefined } });
  leg.discardInput();
  return { leg, raw, client };
}

describe('reset of a TLS leg', () => {
  it.each([
    'idle',
    'with bytes unsent',
    'while it ends',
    'after it has ended',
  ] as const)('%s: closes at once, never crashes, and is felt as no proper end', async (state) => {
    for (let time = 0; time < 20; time += 1) {
      const { leg, raw, client } = await tlsLeg();
      const closed = Promise.all([once(raw, 'close'), once(leg.stream, 'close')]);
      if (state === 'with bytes unsent') leg.stream.write(MUCH);
      if (state === 'while it ends') {
        leg.stream.write(MUCH.subarray(0, 10_000));
        void leg.flush(1000);
      }
      if (state === 'after it has ended') {
        client.resume();
        await leg.flush(1000);
      }
      let ended = false;
      client.once('end', () => {
        ended = true;
      });
      leg.reset();
      leg.reset();
      await closed;
      if (state !== 'after it has ended') expect(ended).toBe(false);
      client.destroy();
    }
  });
});

describe('flush', () => {
  it('stalls when the peer reads nothing for the whole time', async () => {
    const { leg, client } = await tlsLeg();
    leg.stream.write(MUCH);
    expect(await leg.flush(50)).toBe('stalled');
    leg.reset();
    client.destroy();
  });

  it('is broken when the peer resets before all was sent', async () => {
    const { leg, client } = await tlsLeg();
    leg.stream.write(MUCH);
    const flush = leg.flush(5000);
    client.destroy();
    expect(await flush).toBe('broken');
    leg.close();
  });
});
