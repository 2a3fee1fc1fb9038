/**
 * Where a session stands. Data exists only in the phase in which it means something; only the session moves from one
 * phase to the next.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { ErrorCode } from '../errors/errors.ts';
import type { DataPlan } from './data-plan.ts';
import type { Transfer } from './transfer.ts';

export type Phase =
  /** Not logged in. `link` exists from USER on. */
  | { readonly name: 'login'; readonly user: string | undefined; readonly link: BackendLink | undefined }
  /** Logged in; `plan` exists from PASV or EPSV until its transfer. */
  | { readonly name: 'ready'; readonly user: string; readonly link: BackendLink; readonly plan: DataPlan | undefined }
  | { readonly name: 'transferring'; readonly user: string; readonly link: BackendLink; readonly transfer: Transfer }
  | { readonly name: 'closing'; readonly reason: ErrorCode };

/** Security of the control connection. */
export type ControlSecurity = 'clear' | 'secure';

/** The link of a phase that has one. */
export function linkOf(phase: Phase): BackendLink | undefined {
  return phase.name === 'closing' ? undefined : phase.link;
}
