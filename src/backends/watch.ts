/**
 * Finds out whether a backend is there: at start, often while it is down, now and then while it is up. Sessions report
 * what they meet in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import type { Backend } from './backend.ts';
import { openLink } from './open-link.ts';

/** How often a backend that is down is greeted; one that is up is asked every sixth time (milliseconds). */
const INTERVAL = 5000;
const TURNS_WHILE_UP = 6;

export interface WatchOptions {
  readonly backend: Backend;
  readonly config: Config;
  readonly sockets: OpenSockets;
  readonly signal: AbortSignal;
}

/** Runs until the signal fires. Never rejects. */
export async function watchBackend({ backend, config, sockets, signal }: WatchOptions): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    if (backend.availability !== 'up' || turn % TURNS_WHILE_UP === 0) {
      await tryOnce({ backend, config, sockets, signal });
    }
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
