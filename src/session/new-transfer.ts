/**
 * Puts a transfer together from what a session knows when its command comes.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { ListenerConfig } from '../config/schema.ts';
import { GatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import { LimitReached } from '../policy/limit-reached.ts';
import type { Reply } from '../wire/reply.ts';
import type { Outcome } from './outcome.ts';
import type { SessionEnvironment } from './session-environment.ts';
import type { Standing } from './standing.ts';
import { touchedPath } from './touched-path.ts';
import { Transfer } from './transfer.ts';

/** What a transfer takes from its session. */
export interface TransferSurroundings {
  readonly environment: SessionEnvironment;
  readonly listener: ListenerConfig;
  readonly observer: SessionObserver;
}

export function newTransfer(
  { command, direction, plan, allowance, expectedBytes, course }: Outcome & { do: 'begin' },
  link: BackendLink,
  standing: Standing,
  { environment, listener, observer }: TransferSurroundings,
  onPreliminary: (reply: Reply) => Promise<void>,
): Transfer {
  const { type } = standing;
  const restart = direction === 'list' ? undefined : standing.restart.promised;
  const { uploadEnd, downloadEnd } = { ...listener.policy, ...standing.rules.policy };
  return new Transfer({
    command: course?.command ?? command,
    filter: course?.filter,
    direction,
    link,
    plan,
    protection: standing.protection,
    restart,
    position: standing.restart,
    expectedBytes,
    meter: allowance.meter,
    onRefused: (reason) => {
      if (reason instanceof LimitReached) observer.limits.reached(reason, command.verb);
    },
    uploadEnd,
    downloadEnd,
    timeouts: environment.config.timeouts,
    hash: environment.audit.hash,
    onBegin: () => {
      const touched = touchedPath(standing, command);
      const beginning = { verb: command.verb, direction, backend: link.backend.name, touched, restart, type };
      if (!observer.transferBegins(beginning)) throw new GatewayError('audit-unavailable');
    },
    onPreliminary: (preliminary) => onPreliminary(course?.shown(preliminary) ?? preliminary),
    onUncleanUpload: () => observer.uncleanUpload(),
    onUncleanDownload: () => observer.uncleanDownload(link.backend.name),
  });
}
