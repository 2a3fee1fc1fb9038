/**
 * What the side port asks the gateway as a whole, however many processes serve its clients.
 */
import type { WholeOperations } from './admin/joint-operations.ts';
import type { MetricsSource, Readiness } from './admin/operations.ts';
import { NO_REPLICAS, type ReplicasShown } from './admin/replica-answers.ts';
import { maskedConfig } from './config/masked.ts';
import type { Reloads } from './lifecycle/reloads.ts';
import { shown } from './observe/record-fields.ts';
import type { Admissions } from './policy/admissions.ts';
import type { Ledger } from './policy/ledger.ts';

/** Who answers. */
export interface WholeParts {
  readonly version: string;
  /** Processes that serve clients. */
  readonly workers: number;
  readonly metrics: MetricsSource;
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly reloads: Pick<Reloads, 'config' | 'reload'>;
  readonly admissions: Pick<Admissions, 'bans' | 'liftBan' | 'usage'>;
  readonly ledger: Pick<Ledger, 'usage'>;
  /** The other replicas; left out where there are none. */
  readonly replicas?: () => ReplicasShown;
  /** Resolves when no session is left. */
  readonly drain: () => Promise<void>;
}

/** The operations of the whole. */
export function wholeOperations(parts: WholeParts): WholeOperations {
  const { version, workers, metrics, readiness, reloads, admissions, ledger, drain } = parts;
  return {
    about: { version, workers, startedAt: new Date() },
    metrics,
    readiness,
    replicas: parts.replicas ?? (() => NO_REPLICAS),
    config: () => maskedConfig(reloads.config),
    bans: () => admissions.bans.map(({ until, ...ban }) => ({ ...ban, until: until.toISOString() })),
    limitUsage: () =>
      [...admissions.usage, ...ledger.usage].map(({ whose, ...rest }) => ({ ...rest, whose: shown(whose) ?? '' })),
    liftBan: (address) => admissions.liftBan(address),
    reload: () => reloads.reload('http'),
    async drain() {
      void drain();
    },
  };
}
