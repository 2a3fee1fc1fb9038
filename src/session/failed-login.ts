/**
 * What a login costs that leads nowhere: its refusal is held back, longer and longer; its address may be banned; and after some of
 * them the session ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, GatewayError } from '../errors/errors.ts';
import type { Reply } from '../wire/reply.ts';
import type { Login } from './login.ts';
import type { SessionOptions } from './session-options.ts';
import type { Standing } from './standing.ts';

/** Counts a refusal, tells the observer, and resolves when the client may be told, or when the session has ended; with the reason why it ends then, if it does. */
export async function loginRefused(
  { user, backend, cause = 'backend-refused', ownPassword }: Login,
  { code }: Reply,
  standing: Standing,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<ErrorCode | undefined> {
  options.observer.loginFinished({ backend, user, outcome: 'refused', reply: code, cause });
  standing.failedLogins += 1;
  // A password that the client did not choose is no guess of it.
  if (!ownPassword && (await holdBack(user, options, signal))) return 'address-banned';
  return standing.failedLogins >= mostFailures(options) ? 'too-many-failed-logins' : undefined;
}

/**
 * Counts a name that is given up for another before its password: each has cost a question to a service, or a backend's time. Raises
 * `too-many-failed-logins`.
 */
export function loginAbandoned(standing: Standing, options: SessionOptions): void {
  standing.abandonedLogins += 1;
  if (standing.abandonedLogins >= mostFailures(options)) throw new GatewayError('too-many-failed-logins');
}

function mostFailures({ environment }: SessionOptions): number {
  return environment.config.limits.failedLogins;
}

/** Whether the address is banned now. */
async function holdBack(
  user: string,
  { environment, observer, connection }: SessionOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { delay, ban } = await environment.places.loginFailed(connection.peer.address, user);
  if (ban === 'begins') observer.addressBanned();
  // Whoever is banned learns it at once.
  if (ban === 'none' && delay > 0) await sleep(delay, undefined, { signal }).catch(() => {});
  return ban !== 'none';
}
