/**
 * What the side port asks the gateway as a whole, however many processes serve its clients.
 */
import type { WholeOperations } from './admin/joint-operations.ts';
import type { MetricsSource, Readiness } from './admin/operations.ts';
import { maskedConfig } from './config/masked.ts';
import type { Reloads } from './lifecycle/reloads.ts';
import type { Admissions } from './policy/admissions.ts';

/** Who answers. */
export interface WholeParts {
  readonly version: string;
  /** Processes that serve clients. */
  readonly workers: number;
  readonly metrics: MetricsSource;
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly reloads: Pick<Reloads, 'config' | 'reload'>;
  readonly admissions: Pick<Admissions, 'bans' | 'liftBan'>;
  /** Resolves when no session is left. */
  readonly drain: () => Promise<void>;
}

/** The operations of the whole. */
export function wholeOperations(parts: WholeParts): WholeOperations {
  const { version, workers, metrics, readiness, reloads, admissions, drain } = parts;
  return {
    about: { version, workers, startedAt: new Date() },
    metrics,
    readiness,
    config: () => maskedConfig(reloads.config),
    bans: () => admissions.bans.map(({ until, ...ban }) => ({ ...ban, until: until.toISOString() })),
    liftBan: (address) => admissions.liftBan(address),
    reload: () => reloads.reload('http'),
    async drain() {
      void drain();
    },
  };
}
