/** Reading a socket into buffers that are used again: what is read before anybody asks, and when memory may be used again. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChunkConsumer, ReadBuffers, SpareBuffers } from '../../../src/net/read-buffers.ts';

let server: Server;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** A connection whose one end is read by buffers. */
async function connection(
  spare: SpareBuffers,
): Promise<{ readonly buffers: ReadBuffers; readonly own: Socket; readonly peer: Socket }> {
  const buffers = new ReadBuffers(spare);
  const incoming = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const own = connect({ port, host: '127.0.0.1', allowHalfOpen: true, onread: buffers.onread });
  buffers.attach(own);
  const [peer] = await incoming;
  sockets.push(own, peer);
  return { buffers, own, peer };
}

const BUFFER = 48 * 1024;

describe('what comes before anybody asks', () => {
  it('is read with its end where it is small, and handed over when somebody does', async () => {
    const { buffers, own, peer } = await connection(new SpareBuffers());
    peer.end('small');
    await once(own, 'end');
    const chunks: string[] = [];
    buffers.start((chunk, done) => {
      chunks.push(chunk.toString());
      done();
    });
    expect(chunks).toEqual(['small']);
  });

  it('is handed over in order, also when the socket is closed by then', async () => {
    const { buffers, own, peer } = await connection(new SpareBuffers());
    peer.write('one ');
    await expect.poll(() => own.bytesRead, { interval: 2 }).toBe(4);
    peer.write('two');
    await expect.poll(() => own.bytesRead, { interval: 2 }).toBe(7);
    own.destroy();
    await once(own, 'close');
    const chunks: string[] = [];
    buffers.start((chunk, done) => {
      chunks.push(chunk.toString());
      done();
    });
    expect(chunks.join('')).toBe('one two');
  });

  it.each([1, 10_000, BUFFER])('fills two buffers at most, where it comes in chunks of %i', async (size) => {
    const { own, peer } = await connection(new SpareBuffers());
    peer.write(Buffer.alloc(size));
    await expect.poll(() => own.bytesRead, { interval: 2 }).toBe(size);
    // Behind two that are read for certain, more than any buffer takes.
    peer.write(Buffer.alloc(size));
    if (size < BUFFER) await expect.poll(() => own.bytesRead, { interval: 2 }).toBe(2 * size);
    peer.write(Buffer.alloc(10 * BUFFER));
    const { buffers: others, own: other, peer: otherPeer } = await connection(new SpareBuffers());
    others.start((_chunk, done) => done());
    otherPeer.end(Buffer.alloc(10 * BUFFER));
    // What could be read would have been by the time that another connection has carried as much.
    await once(other, 'end');
    expect(own.bytesRead).toBe(size < BUFFER ? 2 * size : BUFFER);
  });
});

describe('the memory of a chunk', () => {
  it('is not used again by another socket before its consumer is done, also when its own socket is long closed', async () => {
    const spare = new SpareBuffers();
    const one = await connection(spare);
    let first: { readonly chunk: Buffer; readonly done: () => void } | undefined;
    const keep: ChunkConsumer = (chunk, done) => {
      first = { chunk, done };
    };
    one.buffers.start(keep);
    one.peer.write('AAAA');
    await expect.poll(() => first?.chunk.toString(), { interval: 2 }).toBe('AAAA');
    one.own.destroy();
    await once(one.own, 'close');
    const left = spare.size;

    for (let other = 0; other < 5; other += 1) {
      const { buffers, own, peer } = await connection(spare);
      const seen: string[] = [];
      buffers.start((chunk, done) => {
        seen.push(chunk.toString());
        done();
      });
      peer.end('BBBB');
      await once(own, 'end');
      expect(seen).toEqual(['BBBB']);
      own.destroy();
      await once(own, 'close');
    }
    expect(first?.chunk.toString()).toBe('AAAA');
    const before = spare.size;
    expect(before).toBeGreaterThanOrEqual(left);
    first?.done();
    expect(spare.size).toBe(before + 1);
  });

  it('is used again by the sockets that come: no more of it is taken than at one time in use', async () => {
    const spare = new SpareBuffers();
    for (let time = 0; time < 20; time += 1) {
      const { buffers, own, peer } = await connection(spare);
      buffers.start((_chunk, done) => done());
      peer.end(Buffer.alloc(100_000));
      await once(own, 'end');
      own.destroy();
      await once(own, 'close');
    }
    expect(spare.size).toBeGreaterThan(0);
    expect(spare.size).toBeLessThanOrEqual(2);
  });

  it('is kept for 64 buffers, whatever was given back', () => {
    const spare = new SpareBuffers();
    const taken = Array.from({ length: 100 }, () => spare.take());
    for (const buffer of taken) spare.giveBack(buffer);
    expect(spare.size).toBe(64);
  });
});
