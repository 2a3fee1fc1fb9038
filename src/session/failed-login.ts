/**
 * What a failed login costs: its refusal is held back, longer and longer, and its address may be banned.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionOptions } from './session-options.ts';

/** Counts the failure and resolves when it may be answered, or when the session has ended. Whether the address is banned now. */
export async function holdBack(
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
