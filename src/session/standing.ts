/**
 * What a session keeps beside its phase. Written by the session alone.
 */
import { NO_USER_RULES, type UserRules } from '../config/decision.ts';
import type { Protection } from '../data/leg.ts';
import type { SessionLimits } from '../policy/session-limits.ts';
import type { ClientCertificate } from '../tls/facts.ts';
import type { SessionTls } from '../tls/session-tls.ts';
import type { Command } from '../wire/command.ts';
import { isPositive, type Reply } from '../wire/reply.ts';
import type { CurrentDirectory } from './current-directory.ts';
import type { FileGate } from './file-gate.ts';
import type { Login } from './login.ts';
import type { ControlSecurity } from './phase.ts';
import { RestartPosition } from './restart.ts';
import type { RootedSession } from './root/rooted-session.ts';
import { SizeHints } from './size-hints.ts';

/** The state that outlives a phase. */
export interface Standing {
  control: ControlSecurity;
  protection: Protection;
  /** TLS of the control connection. */
  tls: SessionTls | undefined;
  /** The valid certificate that the client showed on it. */
  clientCertificate: ClientCertificate | undefined;
  /** Whether data connections resume the TLS session of the control connection; see {@link noticeResumption}. */
  resumes: 'unknown' | 'once' | 'yes' | 'no';
  /** What the client said with HOST (RFC 7151). */
  host: string | undefined;
  /** After EPSV ALL. */
  extendedOnly: boolean;
  /** What was said with REST. */
  readonly restart: RestartPosition;
  /** Representation (TYPE); ASCII is where FTP begins (RFC 959 §3.1.1). */
  type: 'ascii' | 'image' | 'other';
  /** Where the backend is; undefined where nobody needs to know. */
  directory: CurrentDirectory | undefined;
  /** What the client sees in place of the whole backend. */
  root: RootedSession | undefined;
  /** What stands before the files of the backend; undefined where nothing does. */
  files: FileGate | undefined;
  /** What was said about the sizes of files. */
  readonly sizes: SizeHints;
  /** CLNT and OPTS that the client sent before login, for the backend. */
  readonly remembered: Command[];
  /** What a decision about this login puts in place of what holds for everybody. */
  rules: UserRules;
  /** What it may, once it is logged in. */
  limits: SessionLimits | undefined;
  /** When commands may come as often as they like again (`performance.now()`). */
  commandsWhole: number;
  /** The session ends with its transfer. */
  leaves: boolean;
  unknownCommands: number;
  failedLogins: number;
  /** Names that were given up before a password. */
  abandonedLogins: number;
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
    restart: new RestartPosition(),
    type: 'ascii',
    directory: undefined,
    files: undefined,
    root: undefined,
    sizes: new SizeHints(),
    remembered: [],
    rules: NO_USER_RULES,
    limits: undefined,
    commandsWhole: 0,
    leaves: false,
    unknownCommands: 0,
    failedLogins: 0,
    abandonedLogins: 0,
  };
}

/** TLS is in force from here: nothing that was said in clear counts any more. */
export function secureStanding(standing: Standing, protection: Protection): void {
  standing.remembered.length = 0;
  standing.host = undefined;
  standing.control = 'secure';
  standing.protection = protection;
}

/** The client is logged in: what that login came with holds from here. */
export function settleStanding(standing: Standing, { rules, limits, root }: Login): void {
  standing.rules = rules ?? NO_USER_RULES;
  standing.limits = limits;
  standing.root = root;
}

/**
 * A data connection has resumed, or not. `yes` takes two in a row (quirk: curl 7.88 spends each ticket of TLS 1.3 on one data connection, so
 * that one resumes and the next does not, for ever).
 */
export function noticeResumption(standing: Standing, resumed: boolean): void {
  const before = standing.resumes;
  if (!resumed) standing.resumes = 'no';
  else standing.resumes = before === 'once' || before === 'yes' ? 'yes' : 'once';
}

/** The backend has answered a command of the client: what changes by that, and counts later. */
export function noticeAnswer(standing: Standing, command: Command, answer: Reply): void {
  const { verb, argument } = command;
  if (verb === 'REST') standing.restart.noticed(command, answer);
  if (verb === 'TYPE' && isPositive(answer))
    standing.type = TYPES.get(argument?.charAt(0).toUpperCase() ?? '') ?? 'other';
  standing.files?.noticed(command, answer);
  standing.directory?.noticed(command, answer);
  standing.sizes.noticed(command, answer);
}

/** A transfer command was dealt with: REST and ALLO hold for the one behind them, also where that was refused (RFC 959 §4.1.3). */
export function spendAnnouncements({ restart, sizes }: Standing): void {
  restart.spend();
  sizes.spend();
}

const TYPES: ReadonlyMap<string, Standing['type']> = new Map([
  ['A', 'ascii'],
  ['I', 'image'],
]);
