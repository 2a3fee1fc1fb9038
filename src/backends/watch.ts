/**
 * Finds out whether a backend is there: at start, often while it is down, now and then while it is up. Sessions report
 * what they meet in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { Backend } from './backend.ts';
import { openLink } from './open-link.ts';

/** How often a backend is greeted: one that is down, and one that is up (milliseconds). */
const INTERVAL = { down: 5000, unknown: 5000, up: 30_000 } as const;

export interface WatchOptions {
  readonly backend: Backend;
  readonly config: Config;
  readonly sockets: OpenSockets;
  readonly signal: AbortSignal;
}

/** Runs until the signal fires. Never rejects. */
export async function watchBackend({ backend, config, sockets, signal }: WatchOptions): Promise<void> {
  while (!signal.aborted) {
    await tryOnce({ backend, config, sockets, signal });
    await sleep(INTERVAL[backend.availability], undefined, { signal, ref: false }).catch(() => {});
  }
}

async function tryOnce({ backend, config, sockets, signal }: WatchOptions): Promise<void> {
  try {
    const { timeouts, limits } = config;
    const link = await openLink({ backend, timeouts, limits, signal, sockets, onUnsolicited: () => {} });
    link.close();
  } catch {
    // openLink has told the backend, which has told whoever wants to know.
  }
}
