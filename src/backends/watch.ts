/**
 * Finds out whether a backend is there: at start and at intervals, as far as its configuration says. Sessions report what they
 * meet in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { probePassword } from '../config/backend-health.ts';
import type { BackendConfig, Config } from '../config/schema.ts';
import { asGatewayError, GatewayError } from '../errors/errors.ts';
import { dial } from '../net/dial.ts';
import type { OpenSockets } from '../net/open-sockets.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import { isIntermediate, isPositive } from '../wire/reply.ts';
import type { Backend } from './backend.ts';
import type { BackendLink } from './backend-link.ts';
import { openLink } from './open-link.ts';

export interface WatchOptions {
  readonly backend: Backend;
  readonly config: Config;
  readonly sockets: OpenSockets;
  readonly signal: AbortSignal;
}

/** Probes until the signal fires. Never rejects. */
export async function watchBackend(options: WatchOptions): Promise<void> {
  const { backend, signal } = options;
  while (!signal.aborted) {
    try {
      const begun = performance.now();
      await probe(options);
      backend.succeeded(performance.now() - begun);
    } catch (error) {
      if (!signal.aborted) backend.failed(asGatewayError(error, 'backend-unreachable'));
    }
    await sleep(backend.config.health.interval, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** One probe. Raises GatewayError where the backend fails it. */
export async function probe({ backend, config, sockets, signal }: WatchOptions): Promise<void> {
  const { timeouts, limits } = config;
  const { health, host, port, sourceAddress, tls } = backend.config;
  const untilGreeting = health.probe === 'greeting' || (health.probe === 'auto' && tls === 'off');
  if (health.probe === 'tcp') {
    const codes = { failed: 'backend-unreachable', timeout: 'backend-connect-timeout' } as const;
    const { backendConnect: timeout, keepalive: keepAlive } = timeouts;
    const socket = await dial({
      ...{ host, port, timeout, keepAlive, signal, sockets, codes },
      localAddress: sourceAddress ?? undefined,
    });
    socket.destroy();
    return;
  }
  const link = await openLink({
    ...{ backend, timeouts, limits, signal, sockets, onUnsolicited: () => {} },
    ...(untilGreeting && { upTo: 'greeting' }),
  });
  try {
    if (health.probe === 'login') await logIn(link, health);
  } finally {
    link.close();
  }
}

async function logIn(link: BackendLink, health: BackendConfig['health']): Promise<void> {
  const password = await currentPassword(health);
  const named = await link.exchange({ verb: 'USER', argument: bytesOf(health.user ?? '') });
  const answer = isIntermediate(named) ? await link.exchange({ verb: 'PASS', argument: bytesOf(password) }) : named;
  if (isPositive(answer)) return;
  // The text may repeat the password.
  const verb = answer === named ? 'USER' : 'PASS';
  throw new GatewayError('backend-login-failed', { detail: `${answer.code} to ${verb}` });
}

async function currentPassword(health: BackendConfig['health']): Promise<string> {
  try {
    return await probePassword(health);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new GatewayError('backend-login-failed', { detail, cause: error });
  }
}
