/** What a relay takes from its source while its sink takes nothing. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataLeg } from '../../../src/data/leg.ts';
import { relay } from '../../../src/data/relay.ts';
import { tlsFacts } from '../../../src/tls/facts.ts';
import { WithheldEof } from '../../../src/tls/withheld-eof.ts';
import { testCertificate } from '../../support/certificates.ts';

const MESSAGE = Buffer.alloc(1000, 'm');
/** How long a socket takes nothing before the kernel counts as full (milliseconds). */
const FULL_AFTER = 100;

let server: Server;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** Our end of a connection, and the peer's, which reads nothing yet. */
async function pair(): Promise<{ raw: Socket; peer: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const peer = connectTcp({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [raw] = await accepted;
  sockets.push(raw, peer);
  return { raw, peer };
}

/** A leg with a peer that sends. */
async function sourceLeg(protection: 'clear' | 'private'): Promise<{ leg: DataLeg; raw: Socket; peer: Socket }> {
  const { raw, peer } = await pair();
  if (protection === 'clear') return { leg: new DataLeg({ side: 'client', raw }), raw, peer };
  const { cert, key } = await testCertificate();
  const withheld = new WithheldEof(raw);
  const secureContext = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
  const socket = new TLSSocket(withheld, { isServer: true, secureContext });
  const secure = connect({ socket: peer, rejectUnauthorized: false });
  sockets.push(socket, secure);
  await Promise.all([once(socket, 'secure'), once(secure, 'secureConnect')]);
  const proven = withheld.proven(socket);
  const leg = new DataLeg({ side: 'client', raw, secure: { socket, facts: tlsFacts(socket), proven } });
  return { leg, raw, peer: secure };
}

/** A leg whose peer reads nothing, when the kernel takes nothing more; `filled` bytes were written to it. */
async function fullSink(): Promise<{ leg: DataLeg; peer: Socket; filled: number }> {
  const { raw, peer } = await pair();
  let filled = 0;
  for (let stuck = false; !stuck; ) {
    filled += MESSAGE.length;
    const taken = new Promise<'taken'>((resolve) => raw.write(MESSAGE, () => resolve('taken')));
    const { promise: waited, resolve } = Promise.withResolvers<'waited'>();
    const timer = setTimeout(() => resolve('waited'), FULL_AFTER);
    stuck = (await Promise.race([taken, waited])) === 'waited';
    clearTimeout(timer);
  }
  return { leg: new DataLeg({ side: 'backend', raw }), peer, filled };
}

describe.each(['clear', 'private'] as const)('a sink in clear that takes nothing, %s source', (protection) => {
  it('stops the reading behind the first bytes that wait, and all arrives when it takes more', async () => {
    const source = await sourceLeg(protection);
    const sink = await fullSink();
    const unsent = sink.leg.stream.writableLength;
    let taken = 0;
    const digest = {
      update: (chunk: Buffer) => {
        taken += chunk.length;
      },
    };
    const { signal } = new AbortController();
    const relaying = relay({ source: source.leg, sink: sink.leg, stall: 10_000, signal, digest });
    source.peer.write(MESSAGE);
    await expect.poll(() => taken, { interval: 2 }).toBe(MESSAGE.length);
    await turn();
    const before = source.raw.bytesRead;
    source.peer.write(MESSAGE);
    await expect.poll(() => source.raw.bytesRead, { interval: 2 }).toBeGreaterThanOrEqual(before + MESSAGE.length);
    for (let count = 0; count < 5; count += 1) await turn();
    expect(taken).toBe(MESSAGE.length);
    expect(sink.leg.stream.writableLength).toBe(unsent + MESSAGE.length);
    // What came since lies in the socket, and was not decrypted.
    expect(source.raw.readableLength).toBe(source.raw.bytesRead - before);
    const hash = createHash('sha256');
    let arrived = 0;
    sink.peer.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      arrived += chunk.length;
    });
    source.peer.end();
    const { bytes } = await relaying;
    expect(bytes).toBe(2 * MESSAGE.length);
    const whole = sink.filled + bytes;
    await expect.poll(() => arrived, { interval: 2 }).toBe(whole);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.alloc(whole, 'm')).digest('hex'));
  });
});
