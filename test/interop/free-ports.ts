/**
 * Free TCP ports of loopback for programs that must be told their ports. Below the range that kernels give to outgoing
 * connections, and at a random place, so that suites that run at once do not meet.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST = 20_000;
const HIGHEST = 32_000;

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
    const first = randomInt(LOWEST, HIGHEST - count);
    const range = Array.from({ length: count }, (_, offset) => first + offset);
    const free = await Promise.all(range.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} neighbouring free ports between ${LOWEST} and ${HIGHEST}`);
}
