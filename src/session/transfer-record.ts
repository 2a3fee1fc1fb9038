/**
 * Runs a transfer; and tells of it when it has ended, as one record for log, metrics and audit.
 */
import type { LegFacts, SessionObserver, TransferRecord } from '../observe/session-observer.ts';
import type { TransferAllowance } from '../policy/transfer-allowance.ts';
import type { Command } from '../wire/command.ts';
import type { SentCourse } from './root/course.ts';
import { noticeResumption, type Standing } from './standing.ts';
import { touchedPath } from './touched-path.ts';
import type { Transfer } from './transfer.ts';
import type { Direction, Verdict } from './verdict.ts';

/** What is known of a transfer before it runs. */
export interface BegunTransfer {
  readonly command: Command;
  readonly direction: Direction;
  readonly backend: string;
  readonly transfer: Transfer;
  readonly allowance: TransferAllowance;
  readonly course: SentCourse | undefined;
}

interface FinishedTransfer extends BegunTransfer {
  readonly verdict: Verdict;
  readonly milliseconds: number;
  readonly standing: Standing;
}

/** A transfer that is over. */
export interface TransferEnd {
  readonly verdict: Verdict;
  /** Tells the observer. To be called once. */
  readonly record: () => void;
}

/** Runs it to its verdict, and notes whether its data connection resumed. Never rejects. */
export async function runTransfer(
  begun: BegunTransfer,
  standing: Standing,
  observer: SessionObserver,
): Promise<TransferEnd> {
  const since = performance.now();
  const verdict = inView(await begun.transfer.run(), begun.course);
  begun.allowance.finish(verdict.outcome === 'completed');
  observer.limits.bandwidthWaited(begun.allowance.waits);
  const resumed = begun.transfer.legs.client?.tls?.resumed;
  if (resumed !== undefined) noticeResumption(standing, resumed);
  const milliseconds = Math.round(performance.now() - since);
  return {
    verdict,
    record: () => observer.transferFinished(transferRecord({ ...begun, verdict, milliseconds, standing })),
  };
}

/** The words of a backend as a client with a root may hear them; those of the gateway stay. */
function inView(verdict: Verdict, course: SentCourse | undefined): Verdict {
  const { cause, reply } = verdict;
  const quoted = cause === undefined || cause === 'backend-refused';
  return course === undefined || reply === null || !quoted ? verdict : { ...verdict, reply: course.shown(reply) };
}

function transferRecord(finished: FinishedTransfer): TransferRecord {
  const { command, direction, backend, transfer, allowance, verdict, milliseconds, standing } = finished;
  const heldBack = Math.round(Math.max(0, ...allowance.waits.map((wait) => wait.milliseconds)));
  return {
    verb: command.verb,
    direction,
    backend,
    touched: touchedPath(standing, command, transfer.preliminary),
    restart: transfer.restart,
    type: standing.type,
    bytes: transfer.bytes,
    milliseconds,
    heldBack: heldBack > 0 ? heldBack : undefined,
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
