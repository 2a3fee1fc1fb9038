/**
 * Counts the handshakes and the failure of a transfer's data connections.
 */
import type { ErrorCode } from '../errors/errors.ts';
import type { Metrics, Side } from './metrics.ts';
import type { TransferRecord } from './session-records.ts';

/** Once for each transfer, when it has ended. */
export function countDataConnections(metrics: Metrics, { cause, client, backendLeg }: TransferRecord): void {
  if (client?.tls) metrics.tlsHandshakeFinished('client', 'data', client.tls);
  if (backendLeg?.tls) metrics.tlsHandshakeFinished('backend', 'data', backendLeg.tls);
  const side = cause === undefined ? undefined : sideOfDataFailure(cause);
  if (cause === undefined || side === undefined) return;
  metrics.dataConnectionFailed(side, cause);
  if (cause.includes('-data-tls-') || cause === 'backend-data-certificate-differs') {
    metrics.tlsHandshakeFailed(side, cause);
  }
}

/** Whose data connection a cause is about; the codes say it in their first words. */
function sideOfDataFailure(cause: ErrorCode): Side | undefined {
  if (cause.startsWith('client-data-')) return 'client';
  return cause.startsWith('backend-data-') ? 'backend' : undefined;
}
