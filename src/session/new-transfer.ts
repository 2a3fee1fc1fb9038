/**
 * Puts a transfer together from what a session knows when its command comes.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { ListenerConfig } from '../config/schema.ts';
import { GatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { Reply } from '../wire/reply.ts';
import { touchedBy } from './current-directory.ts';
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
  const { restart, type } = standing;
  const { uploadEnd, downloadEnd } = { ...listener.policy, ...standing.rules.policy };
  return new Transfer({
    command,
    direction,
    link,
    plan,
    protection: standing.protection,
    restart,
    expectedBytes: standing.sizes.take(command, restart),
    uploadEnd,
    downloadEnd,
    timeouts: environment.config.timeouts,
    hash: environment.audit.hash,
    onBegin: () => {
      const touched = touchedBy(standing.directory, command);
      const beginning = { verb: command.verb, direction, backend: link.backend.name, touched, restart, type };
      if (!observer.transferBegins(beginning)) throw new GatewayError('audit-unavailable');
    },
    onPreliminary,
    onUncleanUpload: () => observer.uncleanUpload(),
    onUncleanDownload: () => observer.uncleanDownload(link.backend.name),
  });
}
