/**
 * Blocks of free ports below the ephemeral range. The first port of a block stays bound as its guard as long as the block
 * is in use, so that test files running in parallel never get the same block, and a crash frees it.
 */
import { createServer, type Server } from 'node:net';

const FIRST = 20_000;
const LAST = 32_000;
const BLOCK = 25;

/** A block of ports that nobody else uses. */
export interface PortBlock {
  readonly first: number;
  readonly last: number;
  release(): Promise<void>;
}

/** Finds a block of `size` (at most 24) ports that can be bound on every one of `addresses`. */
export async function freePorts(size: number, addresses: readonly string[]): Promise<PortBlock> {
  if (size >= BLOCK) throw new RangeError(`at most ${BLOCK - 1} ports`);
  const blocks = Math.floor((LAST - FIRST) / BLOCK);
  const start = Math.floor(Math.random() * blocks);
  for (let step = 0; step < blocks; step += 1) {
    const base = FIRST + ((start + step) % blocks) * BLOCK;
    const guard = await bind(base, '127.0.0.1');
    if (!guard) continue;
    const first = base + 1;
    if (await allFree(first, size, addresses)) {
      return { first, last: first + size - 1, release: () => close(guard) };
    }
    await close(guard);
  }
  throw new Error(`no ${size} free ports between ${FIRST} and ${LAST}`);
}

async function allFree(first: number, size: number, addresses: readonly string[]): Promise<boolean> {
  for (let port = first; port < first + size; port += 1) {
    for (const address of addresses) {
      const server = await bind(port, address);
      if (!server) return false;
      await close(server);
    }
  }
  return true;
}

function bind(port: number, address: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: address, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
