/**
 * What a live check finds: one fact, whether it is good, and what to do where it is not. Knows neither text layout nor JSON.
 */
import { ERRORS, GatewayError } from '../../errors/errors.ts';
import { printable } from '../../wire/redact.ts';

/** `warning`: it works, and somebody should look at it. `failed`: clients will notice. */
export type Level = 'ok' | 'warning' | 'failed';

/** One thing that was tried. */
export interface Finding {
  /** What was tried, in one to three words: `listener public`, `greeting`, `EPSV`. */
  readonly check: string;
  readonly level: Level;
  /** What came of it, for a person. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** The same for a program: ports, codes, addresses. */
  readonly facts?: Facts;
}

/** Plain values that can be written as JSON. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** All is well. */
export function ok(check: string, message: string, facts?: Facts): Finding {
  return { check, level: 'ok', message, ...(facts && { facts }) };
}

/** It works, but. */
export function warning(check: string, message: string, remedy: string, facts?: Facts): Finding {
  return { check, level: 'warning', message, remedy, ...(facts && { facts }) };
}

/** It does not work. */
export function failed(check: string, message: string, remedy: string, facts?: Facts): Finding {
  return { check, level: 'failed', message, remedy, ...(facts && { facts }) };
}

/** What an error of the gateway's own code means, with the remedy of the table of errors. Throws any other error again. */
export function failure(check: string, error: unknown, level: 'failed' | 'warning' = 'failed'): Finding {
  if (!(error instanceof GatewayError)) throw error;
  const { remedy } = ERRORS[error.code];
  return { check, level, message: describeFailure(error), remedy, facts: { error: error.code } };
}

/** Meaning and details of an error in one line. */
export function describeFailure({ code, detail }: GatewayError): string {
  const meaning = ERRORS[code].meaning.replace(/\.$/, '');
  return detail === undefined ? meaning : `${meaning}: ${printable(detail)}`;
}

/** The worst level of all; `ok` for none. */
export function worst(findings: readonly Finding[]): Level {
  if (findings.some(({ level }) => level === 'failed')) return 'failed';
  return findings.some(({ level }) => level === 'warning') ? 'warning' : 'ok';
}
