/**
 * A command with a data connection, from the outcome of its handler to the final reply: what runs, and how it is run.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { Reply } from '../wire/reply.ts';
import { EmptyListing } from './empty-listing.ts';
import { newTransfer, type TransferSurroundings } from './new-transfer.ts';
import type { Outcome } from './outcome.ts';
import type { RunningTransfer } from './phase.ts';
import type { Standing } from './standing.ts';
import { runTransfer } from './transfer-record.ts';

/** A command that is over. */
export interface DataCommandEnd {
  /** The final reply; null where the client is told nothing. */
  readonly reply: Reply | null;
  /** Tells the observer, so that nobody waits for a log before the client is told. To be called once. */
  readonly record: () => void;
}

/** What may begin now. */
export interface DataCommand {
  readonly transfer: RunningTransfer;
  /** Never rejects. */
  readonly run: () => Promise<DataCommandEnd>;
}

/** `onPreliminary` sends 1yz to the client. */
export function dataCommand(
  outcome: Outcome & { do: 'begin' | 'list-nothing' },
  link: BackendLink,
  standing: Standing,
  surroundings: TransferSurroundings,
  onPreliminary: (reply: Reply) => Promise<void>,
): DataCommand {
  if (outcome.do === 'list-nothing') {
    const listing = new EmptyListing(outcome, { ...surroundings, standing, onPreliminary });
    return { transfer: listing, run: async () => ({ reply: await listing.run(), record: () => {} }) };
  }
  const transfer = newTransfer(outcome, link, standing, surroundings, onPreliminary);
  const begun = { ...outcome, backend: link.backend.name, transfer };
  const run = async (): Promise<DataCommandEnd> => {
    const { verdict, record } = await runTransfer(begun, standing, surroundings.observer);
    return { reply: verdict.reply, record };
  };
  return { transfer, run };
}
