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

/** What may begin now. */
export interface DataCommand {
  readonly transfer: RunningTransfer;
  /** Resolves with the final reply, null where the client is told nothing; never rejects. */
  readonly run: () => Promise<Reply | null>;
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
    return { transfer: listing, run: () => listing.run() };
  }
  const transfer = newTransfer(outcome, link, standing, surroundings, onPreliminary);
  const begun = { ...outcome, backend: link.backend.name, transfer };
  return { transfer, run: async () => (await runTransfer(begun, standing, surroundings.observer)).reply };
}
