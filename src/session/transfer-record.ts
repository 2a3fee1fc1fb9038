/**
 * Runs a transfer and tells of it when it has ended, as one record for log, metrics and audit.
 */
import type { LegFacts, SessionObserver, TransferRecord } from '../observe/session-observer.ts';
import type { Command } from '../wire/command.ts';
import { touchedBy } from './current-directory.ts';
import { noticeResumption, type Standing } from './standing.ts';
import type { Transfer } from './transfer.ts';
import type { Direction, Verdict } from './verdict.ts';

/** What is known of a transfer before it runs. */
export interface BegunTransfer {
  readonly command: Command;
  readonly direction: Direction;
  readonly backend: string;
  readonly transfer: Transfer;
}

interface FinishedTransfer extends BegunTransfer {
  readonly verdict: Verdict;
  readonly milliseconds: number;
  readonly standing: Standing;
}

/** Runs it to its verdict, notes whether its data connection resumed, and tells the observer. Never rejects. */
export async function runTransfer(
  begun: BegunTransfer,
  standing: Standing,
  observer: SessionObserver,
): Promise<Verdict> {
  const since = performance.now();
  const verdict = await begun.transfer.run();
  const resumed = begun.transfer.legs.client?.tls?.resumed;
  if (resumed !== undefined) noticeResumption(standing, resumed);
  const milliseconds = Math.round(performance.now() - since);
  observer.transferFinished(transferRecord({ ...begun, verdict, milliseconds, standing }));
  return verdict;
}

function transferRecord(finished: FinishedTransfer): TransferRecord {
  const { command, direction, backend, transfer, verdict, milliseconds, standing } = finished;
  return {
    verb: command.verb,
    direction,
    backend,
    touched: touchedBy(standing.directory, command, transfer.preliminary),
    restart: transfer.restart,
    type: standing.type,
    bytes: transfer.bytes,
    milliseconds,
    outcome: verdict.outcome,
    cause: verdict.cause,
    detail: verdict.detail,
    reply: verdict.reply?.code,
    backendReply: verdict.backendReply,
    ends: transfer.ends,
    sha256: transfer.takeDigest(),
    client: legFacts(transfer.legs.client),
    backendLeg: legFacts(transfer.legs.backend),
  };
}

function legFacts(leg: LegFacts | undefined): LegFacts | undefined {
  if (leg === undefined) return undefined;
  return { peer: leg.peer, local: leg.local, protection: leg.protection, tls: leg.tls };
}
