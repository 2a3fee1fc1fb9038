/** Moving the bytes of a data connection between a client and another replica: how it ends where it does not end well. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReadBuffers, SpareBuffers } from '../../../src/net/read-buffers.ts';
import { type ConveyOptions, convey } from '../../../src/replication/convey.ts';

const PIECE = Buffer.alloc(16 * 1024, 'x');

let server: Server;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.close();
});

async function pair(buffers?: ReadBuffers): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const accepted = once(server, 'connection');
  const near = connect({
    ...{ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true },
    ...(buffers && { onread: buffers.onread }),
  });
  buffers?.attach(near);
  const [far] = (await accepted) as [Socket];
  if (near.connecting) await once(near, 'connect');
  for (const socket of [near, far]) socket.on('error', () => {});
  return { near, far };
}

/** A conveyance between `partner` and `session`, with what it tells. */
async function conveying(options: Partial<ConveyOptions> = {}) {
  const buffers = new ReadBuffers(new SpareBuffers());
  const { near: partner, far: client } = await pair();
  const { near: owner, far: session } = await pair(buffers);
  const told: unknown[] = [];
  const conveyed = convey({
    ...{ client, owner, buffers, stall: 60_000, linger: 60_000, telling: 10 },
    signal: new AbortController().signal,
    onEnded: (bytes) => told.push({ ended: bytes }),
    onProgress: () => {},
    onDelivered: (whole) => told.push({ delivered: whole }),
    ...options,
  });
  const leave = () => {
    for (const socket of [partner, session]) socket.destroy();
  };
  return { partner, client, owner, session, told, conveyed, leave };
}

/** Writes to one end until the conveyance holds bytes for the other, which is not read; how many bytes. */
async function fill(from: Socket, to: Socket): Promise<number> {
  let bytes = 0;
  while (to.writableLength === 0) {
    await new Promise<void>((resolve) => from.write(PIECE, () => resolve()));
    bytes += PIECE.length;
    // What is on its way is to arrive before more is written.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return bytes;
}

describe('the end of a client', () => {
  it('is told with all bytes that it has sent, also with those that are not handed on yet', async () => {
    const { partner, owner, session, told, leave, conveyed } = await conveying();
    const bytes = await fill(partner, owner);
    partner.end();
    await expect.poll(() => told).toEqual([{ ended: bytes }]);
    expect(owner.writableLength).toBeGreaterThan(0);
    let arrived = 0;
    session.on('data', (chunk: Buffer) => {
      arrived += chunk.length;
    });
    await once(session.resume(), 'end');
    expect(arrived).toBe(bytes);
    leave();
    await conveyed;
  });
});

describe('the signal', () => {
  it.each(['before', 'after'] as const)('%s the beginning breaks both connections off', async (when) => {
    const stop = new AbortController();
    if (when === 'before') stop.abort();
    const { partner, session, told, conveyed } = await conveying({ signal: stop.signal });
    const broken = [partner, session].map((socket) => once(socket.resume(), 'error'));
    stop.abort();
    expect((await conveyed).outcome).toBe('reset');
    for (const [error] of await Promise.all(broken)) expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(told).toEqual([{ ended: null }, { delivered: false }]);
  });
});

describe('progress', () => {
  it('is told as far as the client takes bytes, and not where it takes none', async () => {
    const progress: number[] = [];
    const { partner, session, client, conveyed, leave } = await conveying({
      onProgress: (sent) => progress.push(sent),
    });
    session.write(PIECE);
    await expect.poll(() => progress).toEqual([PIECE.length]);
    const bytes = PIECE.length + (await fill(session, client));
    expect(progress.every((each, index) => each > (progress[index - 1] ?? 0))).toBe(true);
    partner.resume();
    await expect.poll(() => progress.at(-1)).toBe(bytes);
    leave();
    await conveyed;
  });
});
