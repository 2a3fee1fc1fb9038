/**
 * What a session keeps beside its phase. Written by the session alone.
 */
import type { Policy } from '../config/schema.ts';
import type { Protection } from '../data/leg.ts';
import type { ClientCertificate } from '../tls/facts.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import type { Command } from '../wire/command.ts';
import type { ControlSecurity } from './phase.ts';

/** The state that outlives a phase. */
export interface Standing {
  control: ControlSecurity;
  protection: Protection;
  /** TLS of the control connection. */
  tls: SessionTls | undefined;
  /** The valid certificate that the client showed on it. */
  clientCertificate: ClientCertificate | undefined;
  /** Whether the last data connection resumed the TLS session of the control connection. */
  resumes: 'unknown' | 'yes' | 'no';
  /** What the client said with HOST (RFC 7151). */
  host: string | undefined;
  /** After EPSV ALL. */
  extendedOnly: boolean;
  /** The position of REST, until the next transfer. */
  restart: string | undefined;
  /** CLNT and OPTS that the client sent before login, for the backend. */
  readonly remembered: Command[];
  /** What a decision about this login puts in place of the listener's policy. */
  decided: Partial<Policy>;
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
    clientCertificate: tls?.clientCertificate,
    resumes: 'unknown',
    host: undefined,
    extendedOnly: false,
    restart: undefined,
    remembered: [],
    decided: {},
    unknownCommands: 0,
    failedLogins: 0,
  };
}

/** TLS is in force from here: nothing that was said in clear counts any more. */
export function secureStanding(standing: Standing, protection: Protection): void {
  standing.remembered.length = 0;
  standing.host = undefined;
  standing.control = 'secure';
  standing.protection = protection;
}
