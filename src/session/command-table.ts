/**
 * Every verb that the gateway knows, in one table: when it is legal, what argument it takes, who handles it, what it
 * touches. Read by the gate before any handler runs, by HELP, and by the documents. What verbs do to files, and where their paths
 * are, stands in `wire/file-commands.ts`.
 */
import { type CommandClass, FILE_VERBS } from '../wire/file-commands.ts';

/** Who handles a verb. */
export type Family =
  | 'security' // AUTH PBSZ PROT and the rest of RFC 2228
  | 'login'
  | 'describe' // answered from what the gateway knows, or from both
  | 'parameters' // TYPE MODE STRU REST
  | 'data-setup' // PASV EPSV PORT EPRT
  | 'transfer'
  | 'forward' // the backend answers
  | 'interrupt' // ABOR QUIT
  | 'http'
  | 'refused'; // known, and not implemented here

/** What a verb does to files above all; `none` also where it only changes the folder. */
export type Effect = 'none' | CommandClass;

/** One row of the table. */
export interface CommandSpec {
  readonly verb: string;
  /** `any`: from the greeting on. `ready`: after login. */
  readonly phase: 'any' | 'ready';
  readonly argument: 'none' | 'optional' | 'required';
  readonly family: Family;
  readonly effect: Effect;
  /** Whether the argument is a path. */
  readonly path: boolean;
  /** Whether it takes effect during a transfer, before its turn in the queue (RFC 959 §4.1.3). */
  readonly interrupts: boolean;
  /** Syntax, for HELP. */
  readonly syntax: string;
}

type Row = readonly [verb: string, phase: CommandSpec['phase'], family: Family, syntax: string];

/** A syntax with `<path>` touches a path; `<x>` is a required argument, `[x]` an optional one. */
const ROWS: readonly Row[] = [
  // RFC 2228, RFC 4217
  ['AUTH', 'any', 'security', 'AUTH <mechanism>'],
  ['PBSZ', 'any', 'security', 'PBSZ <size>'],
  ['PROT', 'any', 'security', 'PROT <level>'],
  ['CCC', 'any', 'security', 'CCC'],
  ['ADAT', 'any', 'security', 'ADAT <data>'],
  ['MIC', 'any', 'security', 'MIC <data>'],
  ['CONF', 'any', 'security', 'CONF <data>'],
  ['ENC', 'any', 'security', 'ENC <data>'],
  // RFC 959
  ['USER', 'any', 'login', 'USER <name>'],
  ['PASS', 'any', 'login', 'PASS [password]'],
  ['ACCT', 'any', 'login', 'ACCT <account>'],
  ['HOST', 'any', 'login', 'HOST <name>'], // RFC 7151
  ['NOOP', 'any', 'describe', 'NOOP'],
  ['HELP', 'any', 'describe', 'HELP [command]'],
  ['SYST', 'ready', 'forward', 'SYST'],
  ['STAT', 'ready', 'describe', 'STAT [path]'],
  ['QUIT', 'any', 'interrupt', 'QUIT'],
  ['ABOR', 'any', 'interrupt', 'ABOR'],
  ['PWD', 'ready', 'forward', 'PWD'],
  ['CWD', 'ready', 'forward', 'CWD <path>'],
  ['CDUP', 'ready', 'forward', 'CDUP'],
  ['MKD', 'ready', 'forward', 'MKD <path>'],
  ['RMD', 'ready', 'forward', 'RMD <path>'],
  ['DELE', 'ready', 'forward', 'DELE <path>'],
  ['RNFR', 'ready', 'forward', 'RNFR <path>'],
  ['RNTO', 'ready', 'forward', 'RNTO <path>'],
  ['ALLO', 'ready', 'forward', 'ALLO <size>'],
  ['SITE', 'ready', 'forward', 'SITE <command>'],
  ['TYPE', 'ready', 'parameters', 'TYPE <type>'],
  ['MODE', 'ready', 'parameters', 'MODE <mode>'],
  ['STRU', 'ready', 'parameters', 'STRU <structure>'],
  ['REST', 'ready', 'parameters', 'REST <position>'],
  ['PASV', 'ready', 'data-setup', 'PASV'],
  ['PORT', 'ready', 'data-setup', 'PORT <address>'],
  ['RETR', 'ready', 'transfer', 'RETR <path>'],
  ['STOR', 'ready', 'transfer', 'STOR <path>'],
  ['APPE', 'ready', 'transfer', 'APPE <path>'],
  ['STOU', 'ready', 'transfer', 'STOU [path]'],
  ['LIST', 'ready', 'transfer', 'LIST [path]'],
  ['NLST', 'ready', 'transfer', 'NLST [path]'],
  // RFC 775: the older names, still sent by old clients
  ['XPWD', 'ready', 'forward', 'XPWD'],
  ['XCWD', 'ready', 'forward', 'XCWD <path>'],
  ['XCUP', 'ready', 'forward', 'XCUP'],
  ['XMKD', 'ready', 'forward', 'XMKD <path>'],
  ['XRMD', 'ready', 'forward', 'XRMD <path>'],
  // RFC 2389, RFC 2428, RFC 3659, draft-somers-ftp-mfxx
  ['FEAT', 'any', 'describe', 'FEAT'],
  ['OPTS', 'any', 'describe', 'OPTS <command>'],
  ['CLNT', 'any', 'describe', 'CLNT <name>'],
  ['EPSV', 'ready', 'data-setup', 'EPSV [protocol]'],
  ['EPRT', 'ready', 'data-setup', 'EPRT <address>'],
  ['SIZE', 'ready', 'forward', 'SIZE <path>'],
  ['MDTM', 'ready', 'forward', 'MDTM <path>'],
  ['MFMT', 'ready', 'forward', 'MFMT <time-and-path>'],
  ['MLST', 'ready', 'forward', 'MLST [path]'],
  ['MLSD', 'ready', 'transfer', 'MLSD [path]'],
  // Known, and refused: they would break the session's security, or cannot be carried
  ...['REIN', 'SMNT', 'LPRT', 'LPSV', 'CPSV', 'SSCN', 'PRET', 'LANG'].map(
    (verb): Row => [verb, 'any', 'refused', verb],
  ),
  // HTTP (cross-protocol attacks)
  ...['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'PATCH'].map(
    (verb): Row => [verb, 'any', 'http', verb],
  ),
];

/** The table, by verb in upper case. */
export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map(
  ROWS.map(([verb, phase, family, syntax]) => [
    verb,
    {
      verb,
      phase,
      argument: syntax.includes('<') ? 'required' : syntax.includes('[') ? 'optional' : 'none',
      family,
      effect: FILE_VERBS.get(verb)?.classes[0] ?? 'none',
      path: syntax.includes('path'),
      interrupts: verb === 'ABOR',
      syntax,
    },
  ]),
);

/** Understood, and always refused. */
const ALWAYS_REFUSED = new Set(['ADAT', 'MIC', 'CONF', 'ENC']);

/** The verbs that HELP shows, unless they are refused on this listener, or now. */
export const OFFERED_VERBS: readonly string[] = [...COMMANDS.values()]
  .filter(({ family, verb }) => family !== 'http' && family !== 'refused' && !ALWAYS_REFUSED.has(verb))
  .map(({ verb }) => verb)
  .sort();
