/**
 * What a session keeps beside its phase. Written by the session alone.
 */
import type { SecureContext } from 'node:tls';
import type { Protection } from '../data/leg.ts';
import type { Command } from '../wire/command.ts';
import type { ControlSecurity } from './phase.ts';

/** The state that outlives a phase. */
export interface Standing {
  control: ControlSecurity;
  protection: Protection;
  context: SecureContext | undefined;
  /** After EPSV ALL. */
  extendedOnly: boolean;
  /** The position of REST, until the next transfer. */
  restart: string | undefined;
  /** CLNT and OPTS that the client sent before login, for the backend. */
  readonly remembered: Command[];
  unknownCommands: number;
  failedLogins: number;
}

/** The beginning of a session; `context` where TLS is in force already. */
export function newStanding(context: SecureContext | undefined): Standing {
  const secure = context !== undefined;
  return {
    control: secure ? 'secure' : 'clear',
    // Implicit FTPS begins with PROT P (MS-FTPS, "Control Connection Negotiation with Implicit FTPS").
    protection: secure ? 'private' : 'clear',
    context,
    extendedOnly: false,
    restart: undefined,
    remembered: [],
    unknownCommands: 0,
    failedLogins: 0,
  };
}
