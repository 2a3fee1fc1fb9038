/**
 * Where a session stands. Data exists only in the phase in which it means something; only the session moves from one
 * phase to the next.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { GatewayError } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { DataPlan } from './data-plan.ts';
import type { Login } from './login.ts';
import type { Transfer } from './transfer.ts';

/** What can be seen of a transfer while it runs, and its end; the listing of nothing is one as well. */
export type RunningTransfer = Pick<Transfer, 'abort' | 'fault' | 'legs' | 'progress'>;

export type Phase =
  /** Not logged in. `login` exists from USER on; it is `named` while PASS or ACCT may follow. */
  | { readonly name: 'login'; readonly stage: 'unnamed' | 'named'; readonly login: Login | undefined }
  /** Logged in; `plan` exists from PASV or EPSV until its transfer. */
  | { readonly name: 'ready'; readonly user: string; readonly link: BackendLink; readonly plan: DataPlan | undefined }
  | {
      readonly name: 'transferring';
      readonly user: string;
      readonly link: BackendLink;
      readonly transfer: RunningTransfer;
    }
  | { readonly name: 'closing'; readonly reason: GatewayError };

/** Gives back what a phase holds: a transfer ends for this reason, as not complete; all else is closed. */
export function leavePhase(phase: Phase, reason: GatewayError, observer: SessionObserver): void {
  if (phase.name === 'transferring') return phase.transfer.abort(reason);
  if (phase.name === 'ready') {
    // Many clients connect before they send their command: one that cannot reach the port just leaves.
    const port = phase.plan?.client.awaitedOn;
    if (port !== undefined) observer.dataConnectionFailed('client', 'client-data-timeout', neverCame(port));
    phase.plan?.dispose();
  }
  linkOf(phase)?.close();
}

function neverCame(port: number): string {
  return `nobody connected to port ${port} before the session ended`;
}

/** The phase in which commands about files are carried out; throws where it is another. */
export function readyPhase(phase: Phase): Phase & { readonly name: 'ready' } {
  if (phase.name !== 'ready') throw new Error(`logged in and idle was expected, not ${phase.name}`);
  return phase;
}

/** The phase without a data connection that was set up. */
export function withoutPlan(phase: Phase): Phase {
  if (phase.name !== 'ready') return phase;
  phase.plan?.dispose();
  return { ...phase, plan: undefined };
}

/** Security of the control connection; `cleared` where the client has given TLS up (CCC). */
export type ControlSecurity = 'clear' | 'secure' | 'cleared';

/** The link of a phase that has one. */
export function linkOf(phase: Phase): BackendLink | undefined {
  if (phase.name === 'login') return phase.login?.link;
  return phase.name === 'closing' ? undefined : phase.link;
}
