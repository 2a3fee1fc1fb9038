/**
 * A finished transfer as one record for log and metrics.
 */
import type { LegFacts, TransferRecord } from '../observe/session-observer.ts';
import type { Command } from '../wire/command.ts';
import type { Transfer } from './transfer.ts';
import type { Direction, Verdict } from './verdict.ts';

export interface FinishedTransfer {
  readonly command: Command;
  readonly direction: Direction;
  readonly backend: string;
  readonly transfer: Transfer;
  readonly verdict: Verdict;
  readonly milliseconds: number;
}

export function transferRecord(finished: FinishedTransfer): TransferRecord {
  const { command, direction, backend, transfer, verdict, milliseconds } = finished;
  return {
    verb: command.verb,
    direction,
    path: command.argument,
    backend,
    bytes: transfer.bytes,
    milliseconds,
    outcome: verdict.outcome,
    cause: verdict.cause,
    detail: verdict.detail,
    reply: verdict.reply?.code,
    client: legFacts(transfer.legs.client),
    backendLeg: legFacts(transfer.legs.backend),
  };
}

function legFacts(leg: LegFacts | undefined): LegFacts | undefined {
  if (leg === undefined) return undefined;
  return { peer: leg.peer, local: leg.local, protection: leg.protection, tls: leg.tls };
}
