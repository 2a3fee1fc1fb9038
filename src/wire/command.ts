/**
 * FTP commands: one line ↔ verb and argument. Strict about what can smuggle a second command, and about nothing else:
 * an argument passes byte by byte. Knows no verb and no session.
 */

/** One command of a client, or to a backend. */
export interface Command {
  /** 1 to 16 letters, upper case. */
  readonly verb: string;
  /**
   * Latin-1: exactly what follows the first SP, further blanks included (RFC 2640 §3.1: they belong to the name).
   * `''` for `"NOOP "`, undefined for `"NOOP"`.
   */
  readonly argument: string | undefined;
}

/** What a line turned out to be. */
export type ParsedCommand =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'empty' }
  | { readonly kind: 'invalid'; readonly problem: 'control-character' | 'malformed-verb' };

/**
 * Telnet in front of a verb (RFC 854, RFC 959 §4.1.3): option negotiations, two-byte commands, an IAC whose urgent DM
 * was delivered out of band, and a DM whose IAC was.
 */
const TELNET_PREFIX = /^(?:\xff[\xfb-\xfe].|\xff[\xf0-\xfa]|\xff(?=[A-Za-z])|\xf2)+/s;
const BLANK = /^[ \t]*$/;
const LINE_BREAKING = /[\0\r\n]/;
const VERB_AND_ARGUMENT = /^([A-Za-z]{1,16})(?: (.*))?$/s;
const VERB = /^[A-Za-z]{1,16}$/;
const NOT_AN_ARGUMENT = /[\0\r\n]|[^\0-\xff]/;

/**
 * Reads one Latin-1 line without its end. Telnet sequences are stripped in front of the verb and nowhere else; `empty`
 * is a line of blanks and tabs, which NAT devices send (quirk: vsftpd and ProFTPD ignore it). NUL, CR or LF left in the
 * line is a `control-character`; a verb that is not 1 to 16 letters, or that has a blank before it, is `malformed-verb`.
 */
export function parseCommand(line: string): ParsedCommand {
  const text = line.replace(TELNET_PREFIX, '');
  if (LINE_BREAKING.test(text)) return { kind: 'invalid', problem: 'control-character' };
  if (BLANK.test(text)) return { kind: 'empty' };
  const [, verb, argument] = VERB_AND_ARGUMENT.exec(text) ?? [];
  if (verb === undefined) return { kind: 'invalid', problem: 'malformed-verb' };
  return { kind: 'command', command: { verb: verb.toUpperCase(), argument } };
}

/**
 * The command as a line with CR LF (Latin-1). Throws a RangeError for an argument with CR, LF, NUL or a character that
 * is no byte, and for a verb that is not 1 to 16 letters: a command can never become two.
 */
export function serializeCommand({ verb, argument }: Command): string {
  if (!VERB.test(verb)) throw new RangeError('a verb has 1 to 16 letters');
  if (argument === undefined) return `${verb}\r\n`;
  if (NOT_AN_ARGUMENT.test(argument)) throw new RangeError(`the argument of ${verb} cannot be sent in one line`);
  return `${verb} ${argument}\r\n`;
}
