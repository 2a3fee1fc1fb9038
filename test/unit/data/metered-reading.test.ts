/** A relay whose meter holds bytes back: all of them arrive, in order, and the end not before them. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataLeg } from '../../../src/data/leg.ts';
import type { ByteMeter } from '../../../src/data/metered-reading.ts';
import { relay } from '../../../src/data/relay.ts';
import { GatewayError } from '../../../src/errors/errors.ts';
import { ReadBuffers, SpareBuffers } from '../../../src/net/read-buffers.ts';
import { tlsFacts } from '../../../src/tls/facts.ts';
import { WithheldEof } from '../../../src/tls/withheld-eof.ts';
import { testCertificate } from '../../support/certificates.ts';

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

async function accepted(
  options: { readonly onread?: ReadBuffers['onread'] } = {},
): Promise<{ own: Socket; peer: Socket }> {
  const incoming = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const dialled = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true, ...options });
  const [socket] = await incoming;
  sockets.push(socket, dialled);
  // Who dials may read into buffers that are used again.
  return options.onread === undefined ? { own: socket, peer: dialled } : { own: dialled, peer: socket };
}

/** The three ways in which a leg is read, and the peer that sends. */
const SOURCES = {
  async clear() {
    const { own, peer } = await accepted();
    return { leg: new DataLeg({ side: 'client', raw: own }), peer };
  },
  async buffers() {
    const buffers = new ReadBuffers(new SpareBuffers());
    const { own, peer } = await accepted({ onread: buffers.onread });
    buffers.attach(own);
    return { leg: new DataLeg({ side: 'backend', raw: own, buffers }), peer };
  },
  async private() {
    const { own, peer } = await accepted();
    const { cert, key } = await testCertificate();
    const withheld = new WithheldEof(own);
    const secureContext = createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
    const socket = new TLSSocket(withheld, { isServer: true, secureContext });
    const secure = connect({ socket: peer, rejectUnauthorized: false });
    sockets.push(socket, secure);
    await Promise.all([once(socket, 'secure'), once(secure, 'secureConnect')]);
    const facts = { socket, facts: tlsFacts(socket), proven: withheld.proven(socket) };
    return { leg: new DataLeg({ side: 'client', raw: own, secure: facts }), peer: secure };
  },
} as const;

/** Lets `portion` bytes go on each few milliseconds. */
function slowMeter(portion: number): ByteMeter {
  let credit = 0;
  return {
    allow(bytes) {
      const allowed = Math.min(bytes, credit);
      credit -= allowed;
      return allowed;
    },
    wait(onChange) {
      setTimeout(() => {
        credit += portion;
        onChange();
      }, 2);
    },
  };
}

async function relayed(kind: keyof typeof SOURCES, bytes: Buffer, meter: ByteMeter, stall = 5000) {
  const source = await SOURCES[kind]();
  const sink = await accepted();
  const hash = createHash('sha256');
  const received = new Promise<string>((resolve) => {
    sink.peer.on('data', (chunk) => hash.update(chunk));
    sink.peer.once('end', () => resolve(hash.digest('hex')));
  });
  source.peer.end(bytes);
  const stopped = new AbortController();
  const to = new DataLeg({ side: 'backend', raw: sink.own });
  const refused: string[] = [];
  const onRefused = (reason: GatewayError): void => {
    refused.push(reason.code);
    stopped.abort();
  };
  const report = await relay({ source: source.leg, sink: to, stall, signal: stopped.signal, meter, onRefused });
  if (report.end.kind === 'source') await to.flush(1000);
  return { report, refused, digest: () => received, read: source.leg.bytesReceived };
}

describe.each(['clear', 'buffers', 'private'] as const)('%s', (kind) => {
  it.each([
    1, 1000, 16_384, 65_536, 65_537, 200_000,
  ])('%i bytes and the end right behind them: all arrive', async (length) => {
    const bytes = randomBytes(length);
    const { report, digest } = await relayed(kind, bytes, slowMeter(Math.max(100, Math.floor(length / 20))));
    expect(report).toMatchObject({ bytes: length, end: { kind: 'source' } });
    expect(await digest()).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('a meter that lets nothing go on for long: that is no stall', async () => {
    const meter = slowMeter(1000);
    const slow: ByteMeter = { allow: meter.allow, wait: (onChange) => setTimeout(() => meter.wait(onChange), 150) };
    const { report } = await relayed(kind, randomBytes(3000), slow, 40);
    expect(report).toMatchObject({ bytes: 3000, end: { kind: 'source' } });
  });

  it('a meter that refuses: told once, and nothing goes on behind that', async () => {
    let left = 1500;
    const meter: ByteMeter = {
      allow(bytes) {
        if (left === 0) throw new GatewayError('upload-too-large');
        const allowed = Math.min(bytes, left);
        left -= allowed;
        return allowed;
      },
      wait() {},
    };
    const { report, refused, read } = await relayed(kind, randomBytes(5_000_000), meter);
    expect(report).toEqual({ bytes: 1500, end: { kind: 'stopped' } });
    expect(refused).toEqual(['upload-too-large']);
    expect(read).toBeLessThan(300_000);
  });
});
