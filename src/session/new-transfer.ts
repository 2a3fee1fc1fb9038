/**
 * Puts a transfer together from what a session knows when its command comes.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { ListenerConfig } from '../config/schema.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { Reply } from '../wire/reply.ts';
import type { Outcome } from './outcome.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';
import { Transfer } from './transfer.ts';

/** What a transfer takes from its session. */
export interface TransferSurroundings {
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly observer: SessionObserver;
}

export function newTransfer(
  { command, direction, plan }: Outcome & { do: 'begin' },
  link: BackendLink,
  standing: Standing,
  { environment, listener, observer }: TransferSurroundings,
  onPreliminary: (reply: Reply) => Promise<void>,
): Transfer {
  const { uploadEnd, downloadEnd } = { ...listener.policy, ...standing.decided };
  return new Transfer({
    command,
    direction,
    link,
    plan,
    protection: standing.protection,
    restart: standing.restart,
    uploadEnd,
    downloadEnd,
    timeouts: environment.config.timeouts,
    onPreliminary,
    onUncleanUpload: () => observer.uncleanUpload(),
    onUncleanDownload: () => observer.uncleanDownload(link.backend.name),
  });
}
