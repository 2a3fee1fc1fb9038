/**
 * The host and port notations of PORT and EPRT commands, which are read strictly, and of 227 and 229 replies, which are read
 * tolerantly, because every backend has its own idea of them. All are written strictly. Opens nothing, and judges no address.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { type Endpoint, type Family, familyOf } from '../net/address.ts';
import { addressOf, octetsOf } from './ip-octets.ts';

const LARGEST_PORT = 65535;
/** An argument that is six numbers, as in `192,0,2,1,195,80`, and nothing else. */
const ONLY_SIX_NUMBERS = /^(?:\d{1,3},){5}\d{1,3}$/;
const DELIMITER = /^[!-~]$/;
const ONE_TO_FIVE_DIGITS = /^\d{1,5}$/;
/** Six numbers between commas that are not part of a longer list, wherever they stand (RFC 1123 §4.1.2.6). */
const SIX_NUMBERS =
  /(?<!\d|\d\s*,\s*)(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})(?!\d|\s*,\s*\d)/;
/** `(`, then delimiter, protocol, delimiter, address, delimiter, port, delimiter (RFC 2428 §3). */
const IN_PARENTHESES = /\(([!-~])(?:(?!\1).){0,64}\1(?:(?!\1).){0,64}\1((?:(?!\1)\d){1,5})\1/;
/** The same with empty fields and no parenthesis. */
const BARE = /([!-/:-~])\1\1(\d{1,5})\1/;

/**
 * `192,0,2,1,195,80`: the argument of PORT and the numbers of a 227 reply (RFC 959 §5.3.2). Throws a RangeError
 * unless IPv4 and port are valid.
 */
export function formatPassive(address: string, port: number): string {
  if (!isIPv4(address)) throw new RangeError(`not an IPv4 address: ${address}`);
  checkPort(port);
  return `${address.replaceAll('.', ',')},${port >> 8},${port & 0xff}`;
}

/**
 * Finds the address and the port in the text of a 227 reply. Undefined when there are no six numbers from 0 to 255, or
 * when the port is 0.
 */
export function parsePassive(text: string): { readonly address: string; readonly port: number } | undefined {
  const numbers = SIX_NUMBERS.exec(text)?.slice(1).map(Number);
  return numbers && fromSixNumbers(numbers);
}

/**
 * The argument of PORT (RFC 959 §5.3.2): six decimal numbers and five commas, nothing else. Undefined for anything else, a
 * number over 255, and port 0.
 */
export function parsePort(argument: string): Endpoint | undefined {
  return ONLY_SIX_NUMBERS.test(argument) ? fromSixNumbers(argument.split(',').map(Number)) : undefined;
}

function fromSixNumbers(numbers: readonly number[]): Endpoint | undefined {
  if (numbers.some((number) => number > 255)) return undefined;
  const [high = 0, low = 0] = numbers.slice(4);
  const port = high * 256 + low;
  return port === 0 ? undefined : { address: numbers.slice(0, 4).join('.'), port };
}

/** `(|||50000|)`: the port of a 229 reply (RFC 2428 §3). Throws a RangeError unless the port is valid. */
export function formatExtendedPassive(port: number): string {
  checkPort(port);
  return `(|||${port}|)`;
}

/**
 * Finds the port in the text of a 229 reply. Any delimiter from 33 to 126 will do (quirk: IBM i uses `!`), protocol and
 * address are ignored, the parenthesis may be missing. Undefined without a port from 1 to 65535.
 */
export function parseExtendedPassive(text: string): number | undefined {
  const digits = (IN_PARENTHESES.exec(text) ?? BARE.exec(text))?.[2];
  const port = Number(digits ?? 0);
  return port >= 1 && port <= LARGEST_PORT ? port : undefined;
}

/** The argument of an EPRT: a canonical address of that family, and a port from 1 to 65535. */
export interface ExtendedPort extends Endpoint {
  readonly family: Family;
}

/**
 * The argument of EPRT (RFC 2428 §2): protocol, address and port between equal delimiters, any character from 33 to 126.
 * `unsupported-family` for a protocol other than 1 and 2 (to be answered 522); undefined when the address is not one of the
 * protocol, has a zone, or anything else is wrong. An IPv4-mapped address becomes IPv4, and family 1.
 */
export function parseExtendedPort(argument: string): ExtendedPort | 'unsupported-family' | undefined {
  const delimiter = argument.slice(0, 1);
  if (!DELIMITER.test(delimiter)) return undefined;
  const [, protocol = '', host = '', digits = '', rest, ...more] = argument.split(delimiter, 6);
  if (rest !== '' || more.length > 0 || host === '') return undefined;
  if (!ONE_TO_FIVE_DIGITS.test(protocol) || !ONE_TO_FIVE_DIGITS.test(digits)) return undefined;
  const port = Number(digits);
  if (port < 1 || port > LARGEST_PORT) return undefined;
  if (protocol !== '1' && protocol !== '2') return 'unsupported-family';
  const isAddress = protocol === '1' ? isIPv4 : isIPv6;
  if (!isAddress(host) || host.includes('%')) return undefined;
  const address = addressOf(octetsOf(host));
  return { family: familyOf(address), address, port };
}

/** `|2|2001:db8::1|50000|`: the argument of EPRT (RFC 2428 §2). Throws a RangeError unless address and port are valid. */
export function formatExtendedPort(endpoint: Endpoint): string {
  const address = addressOf(octetsOf(endpoint.address));
  checkPort(endpoint.port);
  return `|${familyOf(address)}|${address}|${endpoint.port}|`;
}

function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > LARGEST_PORT) throw new RangeError(`not a port: ${port}`);
}
