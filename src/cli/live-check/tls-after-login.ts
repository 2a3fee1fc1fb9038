/**
 * Whether data connections to an FTPS backend can be encrypted, resume the TLS session of the control connection, and must. Lists the
 * directory of the login and throws the listing away.
 */
import { ActiveBackendData } from '../../backends/active-data.ts';
import { startOfHandshake } from '../../backends/backend-data.ts';
import type { BackendLink } from '../../backends/backend-link.ts';
import { PassiveBackendData } from '../../backends/passive-data.ts';
import { letsDataFlow } from '../../control/exchange.ts';
import { asGatewayError, GatewayError } from '../../errors/errors.ts';
import { SpareBuffers } from '../../net/read-buffers.ts';
import type { TlsFacts } from '../../tls/facts.ts';
import { isPositive, serializeReply } from '../../wire/reply.ts';
import { type Finding, failed, ok } from './finding.ts';
import { NEVER, type Probe } from './probe.ts';

const CHECK = 'data TLS';
const LIST = { verb: 'LIST', argument: undefined };

/** `connect` logs in again where a backend has hung up. Raises what that raises, and the GatewayError of a listing as the gateway makes it. */
export async function probeDataTls(probe: Probe, connect: () => Promise<BackendLink>): Promise<Finding> {
  const resuming = await tryListing(probe, await connect(), 'newest');
  if (resuming instanceof GatewayError) throw resuming;
  const { version, resumed } = resuming;
  const fresh = await tryListing(probe, await connect(), 'none');
  const demanded = fresh instanceof GatewayError;
  const facts = { version, resumed, demanded };
  if (demanded && !resumed) {
    const message = `${version}, worked once and failed once, and no session was resumed`;
    return failed(CHECK, message, "Look at the backend's own log.", facts);
  }
  const how = resumed ? 'resumes the session of the control connection' : 'resumes no session';
  const must = demanded ? 'and demands it' : 'and does not demand it';
  return ok(CHECK, `${version}, ${how}, ${must}`, facts);
}

/** What was negotiated for a listing; or why there was none. */
async function tryListing(
  { timeouts, sockets }: Probe,
  link: BackendLink,
  resumption: 'newest' | 'none',
): Promise<TlsFacts | GatewayError> {
  const tls = resumption === 'newest' ? link.tls : link.tls?.withoutResumption();
  const options = { timeouts, sockets, ...(tls && { tls }) };
  const data =
    link.backend.config.dataMode === 'active'
      ? new ActiveBackendData(link, { ...options, onUnclaimed: () => {} })
      : new PassiveBackendData(link, { ...options, spareBuffers: new SpareBuffers(), signal: NEVER });
  const turn = await link.takeTurn();
  try {
    await data.prepared();
    const exchange = turn.send(LIST, 'transfer');
    data.begin(startOfHandshake(exchange.first, { proveEnd: true }));
    const first = await turn.first(exchange);
    if (!letsDataFlow(first)) throw refusal(serializeReply(first));
    const leg = await data.open();
    leg.discardInput();
    await leg.sourceEnd();
    await leg.flush(timeouts.linger);
    data.dispose();
    const final = await turn.final(exchange);
    if (!isPositive(final)) throw refusal(serializeReply(final));
    return leg.tls ?? new GatewayError('backend-data-tls-failed');
  } catch (error) {
    data.reset();
    link.close();
    return asGatewayError(error, 'backend-data-tls-failed');
  } finally {
    data.dispose();
    turn.end();
  }
}

function refusal(text: string): GatewayError {
  return new GatewayError('backend-data-tls-failed', { detail: text.trimEnd() });
}
