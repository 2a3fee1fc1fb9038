/**
 * All that the side port can ask or tell, and the part of it that each process with clients answers by itself. Plain data in
 * and out: the same questions travel between processes. Pure types.
 */
import type * as answers from './answers.ts';
import type { BandwidthUseShown, LimitsShown, LimitUseShown } from './limit-answers.ts';
import type { ReplicasShown } from './replica-answers.ts';

export type { Readiness } from './answers.ts';

/** What one process that serves clients can tell and do by itself. */
export interface GatewayOperations {
  /** Its sessions: how many, and at most `limit` of them, those with a transfer first. */
  sessions(limit: number): { readonly total: number; readonly sessions: readonly answers.SessionShown[] };
  /** The session with this id. */
  session(id: string): answers.SessionShown | undefined;
  /** Says 421 to this session; a transfer of it is cut as aborted. False where there is none. */
  endSession(id: string): boolean;
  backends(): readonly answers.BackendShown[];
  /** Keeps new sessions away from this backend; those that it has go on. False where there is none. Holds across a reload. */
  drainBackend(name: string): boolean;
  /** Takes {@link drainBackend} back. */
  undrainBackend(name: string): boolean;
  /** Its passive range; undefined where it has none open. */
  passivePorts(): answers.PassiveSliceShown | undefined;
  certificates(): readonly answers.CertificateShown[];
  /** The limited bandwidths that transfers of it draw from. */
  bandwidths(): readonly BandwidthUseShown[];
  failures(): {
    readonly failures: readonly answers.FailureShown[];
    readonly counts: readonly answers.FailureCountShown[];
  };
}

/** Where the text of the metrics comes from. */
export interface MetricsSource {
  /** Everything in the Prometheus text format, read now. */
  render(): Promise<string>;
  /** Its media type. */
  readonly contentType: string;
}

/** What runs, for the status page. */
export interface About {
  readonly version: string;
  readonly startedAt: Date;
  /** Processes that serve clients. */
  readonly workers: number;
}

/** The whole gateway, whatever its number of processes. */
export interface Operations {
  readonly about: About;
  readonly metrics: MetricsSource;
  readiness(): answers.Readiness | Promise<answers.Readiness>;
  sessions(limit: number): Promise<answers.SessionsShown>;
  /** Undefined where no process has it. Rejects with Unanswered where one does not answer that may. */
  session(id: string): Promise<answers.SessionShown | undefined>;
  /** Undefined where no process has it. Rejects with Unanswered where one does not answer that may. */
  endSession(id: string): Promise<answers.DoneShown | undefined>;
  backends(): Promise<answers.BackendsShown>;
  /** Undefined where there is no such backend. Rejects with Unanswered where no process answers. */
  drainBackend(name: string): Promise<answers.DoneShown | undefined>;
  undrainBackend(name: string): Promise<answers.DoneShown | undefined>;
  passivePorts(): Promise<answers.PassivePortsShown>;
  /** The other replicas behind the same address. */
  replicas(): ReplicasShown;
  certificates(): Promise<answers.CertificatesShown>;
  failures(): Promise<answers.FailuresShown>;
  /** How much is used of what is limited. */
  limits(): Promise<LimitsShown>;
  /** That of limits that are counted for all processes together. */
  limitUsage(): readonly LimitUseShown[];
  /** The configuration in force, without its secrets. */
  config(): Readonly<Record<string, unknown>>;
  bans(): readonly answers.BanShown[];
  /** False where this address is not banned. */
  liftBan(address: string): boolean;
  /** Reads the configuration and the certificates again. */
  reload(): Promise<answers.ReloadShown>;
  /** Takes no more clients; those that are there go on until their time is over. Resolves when that has begun. */
  drain(): Promise<void>;
}
