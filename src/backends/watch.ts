/**
 * Finds out at start whether a backend is there, and, while it is down, when it is back. Sessions report what they meet
 * in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { Backend } from './backend.ts';
import { openLink } from './open-link.ts';

/** How often a backend that is down is tried, and one that is up is asked about (milliseconds). */
const INTERVAL = 5000;

export interface WatchOptions {
  readonly backend: Backend;
  readonly config: Config;
  readonly sockets: OpenSockets;
  readonly signal: AbortSignal;
}

/** Runs until the signal fires. Never rejects. */
export async function watchBackend({ backend, config, sockets, signal }: WatchOptions): Promise<void> {
  while (!signal.aborted) {
    if (backend.availability !== 'up') await tryOnce({ backend, config, sockets, signal });
    await sleep(INTERVAL, undefined, { signal, ref: false }).catch(() => {});
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
