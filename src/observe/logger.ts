/**
 * The log: JSON lines on stdout, or readable lines on stderr (where they stay apart from what a command prints). Lines are
 * written at once and never by another thread, so that none is lost when the process ends. Knows nothing of FTP, save
 * that some commands carry secrets.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { GatewayError } from '../errors/errors.ts';

export type { Logger } from 'pino';

/** What a logger is made of. */
export interface LoggerOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
  /** Where lines go; default stdout for `json`, stderr for `pretty`. */
  readonly destination?: NodeJS.WritableStream;
}

/** Fields whose value is replaced wherever they appear: the second line of defence, as nobody should log them. */
const SECRET_FIELDS = ['password', 'pass', 'passphrase', 'secret', 'key', 'account', 'authorization'];

/** A command with a secret argument at the start of a JSON string, or behind `: ` or `> `. */
const SECRET_COMMANDS = /("|: |> )(PASS|ACCT|ADAT) (?:[^"\\]|\\.)*/gi;

/** Bytes of lines that wait to be written. */
const MAX_KEPT = 1024 * 1024;

/** How many causes of an error are followed. */
const MAX_CAUSES = 5;

/** Makes a logger. Every line has `level`, `time` (ISO 8601, UTC) and `msg`; errors are logged under `err`. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '****' },
      hooks: { streamWrite: (line) => line.replace(SECRET_COMMANDS, '$1$2 ****') },
    },
    options.format === 'json' ? (options.destination ?? standardStream(1)) : prettyStream(options.destination),
  );
}

/** An error as plain values: its code and detail where it has them, its stack, and its causes in the same form. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const code = error instanceof GatewayError ? error.code : (error as NodeJS.ErrnoException).code;
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(error instanceof GatewayError && error.detail !== undefined ? { detail: error.detail } : {}),
    stack: error.stack,
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

/**
 * Lines that cannot be written (a full disk, a pipe that is closed or that nobody empties) are kept up to a bound and tried again with
 * the next one; beyond it they are lost. No session may suffer.
 */
function standardStream(fd: 1 | 2) {
  const options = { dest: withoutWaiting(fd), sync: true, maxLength: MAX_KEPT, retryEAGAIN: () => false };
  return destination(options).on('error', () => {});
}

/**
 * A pipe in a way in which writing never waits: a reader that hangs would stop every transfer. Opened anew, because whoever else has the
 * pipe (the shell, other workers) must not be concerned. Anything else, or where the system does not let us, as it is.
 */
function withoutWaiting(fd: number): number {
  try {
    return fstatSync(fd).isFIFO() ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK) : fd;
  } catch {
    return fd;
  }
}

function prettyStream(stream: NodeJS.WritableStream | undefined): DestinationStream {
  const sink = stream ?? standardStream(2);
  const colorize = isTerminal(stream ?? process.stderr);
  const format = prettyFactory({ colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => sink.write(format(line)) };
}

function isTerminal(stream: NodeJS.WritableStream): boolean {
  return 'isTTY' in stream && (stream as Writable & { readonly isTTY?: boolean }).isTTY === true;
}
