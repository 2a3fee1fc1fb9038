/**
 * Free TCP ports of loopback for programs that must be told their ports: below the range that kernels give to outgoing connections, at a
 * random place, never twice in one process, and apart from those of the other test workers.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST = 16_384;
/** Each test worker takes its ports from a slice of its own; passive ports of a backend are not bound while they wait. */
const SLICE = 2_048;
const SLICES = 8;

const given = new Set<number>();

function sliceStart(): number {
  const { VITEST_POOL_ID: worker = '0' } = process.env;
  return LOWEST + (Number(worker) % SLICES) * SLICE;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** The first of `count` neighbouring ports that were all free on 127.0.0.1 a moment ago. Throws an Error when none are found. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const first = sliceStart() + randomInt(SLICE - count);
    const range = Array.from({ length: count }, (_, offset) => first + offset);
    if (range.some((port) => given.has(port))) continue;
    const free = await Promise.all(range.map(isFree));
    if (!free.every(Boolean)) continue;
    for (const port of range) given.add(port);
    return first;
  }
  throw new Error(`no ${count} neighbouring free ports from ${sliceStart()} on`);
}
