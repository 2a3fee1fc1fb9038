/**
 * What a session keeps beside its phase. Written by the session alone.
 */
import type { Protection } from '../data/leg.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import type { Command } from '../wire/command.ts';
import type { ControlSecurity } from './phase.ts';

/** The state that outlives a phase. */
export interface Standing {
  control: ControlSecurity;
  protection: Protection;
  /** TLS of the control connection. */
  tls: SessionTls | undefined;
  /** Whether the last data connection resumed the TLS session of the control connection. */
  resumes: 'unknown' | 'yes' | 'no';
  /** After EPSV ALL. */
  extendedOnly: boolean;
  /** The position of REST, until the next transfer. */
  restart: string | undefined;
  /** CLNT and OPTS that the client sent before login, for the backend. */
  readonly remembered: Command[];
  unknownCommands: number;
  failedLogins: number;
}

/** The beginning of a session; `tls` where it is in force already. */
export function newStanding(tls: SessionTls | undefined): Standing {
  const secure = tls !== undefined;
  return {
    control: secure ? 'secure' : 'clear',
    // Implicit FTPS begins with PROT P (MS-FTPS, "Control Connection Negotiation with Implicit FTPS").
    protection: secure ? 'private' : 'clear',
    tls,
    resumes: 'unknown',
    extendedOnly: false,
    restart: undefined,
    remembered: [],
    unknownCommands: 0,
    failedLogins: 0,
  };
}
