/**
 * A listing with nothing in it, which the gateway makes itself: the backend is not asked.
 */
import type { DataLeg } from '../data/leg.ts';
import { asGatewayError } from '../errors/errors.ts';
import { type Reply, reply } from '../wire/reply.ts';
import type { Outcome } from './outcome.ts';
import type { SessionOptions } from './session-options.ts';
import type { Standing } from './standing.ts';

const DONE = reply(226, 'Listing complete.');

/** Gives the plan back; `signal` fires when the session ends. Resolves with the final reply; never rejects. */
export async function listNothing(
  { command, plan }: Outcome & { do: 'list-nothing' },
  { protection }: Standing,
  {
    environment,
    observer,
    signal,
  }: Pick<SessionOptions, 'environment' | 'observer'> & { readonly signal: AbortSignal },
  onPreliminary: (reply: Reply) => Promise<void>,
): Promise<Reply> {
  const { timeouts } = environment.config;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const onEnd = () => ended.reject(signal.reason);
  signal.addEventListener('abort', onEnd, { once: true });
  let leg: DataLeg | undefined;
  try {
    // A plan that is given up tells nobody.
    await Promise.race([plan.client.arrived(), ended.promise]);
    await onPreliminary(reply(150, 'Here comes the listing.'));
    const opening = plan.client.open(protection, false);
    opening.then((late) => signal.aborted && late.reset()).catch(() => {});
    leg = await Promise.race([opening, ended.promise]);
    leg.discardInput();
    if ((await leg.flush(timeouts.dataStall)) !== 'flushed') return reply(426, 'The data connection broke.');
    await leg.closeAfterPeer(timeouts.linger);
    observer.policy('uploadOnly', 'enforce', command.verb, {
      rule: 'uploadOnly',
      cause: 'access-denied',
      reply: DONE.code,
      touched: undefined,
    });
    return DONE;
  } catch (error) {
    const { code, detail, reply: told } = asGatewayError(error, 'client-data-timeout');
    if (!signal.aborted) observer.dataConnectionFailed('client', code, detail);
    return told === null ? reply(425, 'Cannot open a data connection.') : reply(...told);
  } finally {
    signal.removeEventListener('abort', onEnd);
    leg?.reset();
    plan.dispose();
  }
}
