/**
 * Where a session stands. Data exists only in the phase in which it means something; only the session moves from one
 * phase to the next.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { ErrorCode } from '../errors/errors.ts';
import type { DataPlan } from './data-plan.ts';
import type { Login } from './login.ts';
import type { Transfer } from './transfer.ts';

export type Phase =
  /** Not logged in. `login` exists from USER on; it is `named` while PASS or ACCT may follow. */
  | { readonly name: 'login'; readonly stage: 'unnamed' | 'named'; readonly login: Login | undefined }
  /** Logged in; `plan` exists from PASV or EPSV until its transfer. */
  | { readonly name: 'ready'; readonly user: string; readonly link: BackendLink; readonly plan: DataPlan | undefined }
  | { readonly name: 'transferring'; readonly user: string; readonly link: BackendLink; readonly transfer: Transfer }
  | { readonly name: 'closing'; readonly reason: ErrorCode };

/** Security of the control connection. */
export type ControlSecurity = 'clear' | 'secure';

/** The link of a phase that has one. */
export function linkOf(phase: Phase): BackendLink | undefined {
  if (phase.name === 'login') return phase.login?.link;
  return phase.name === 'closing' ? undefined : phase.link;
}
