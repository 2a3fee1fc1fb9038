/**
 * The host and port notations of 227 and 229 replies. Written strictly and read tolerantly, because every client and
 * every backend has its own idea of them. Opens nothing, and judges no address.
 */

const LARGEST_PORT = 65535;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** Six numbers between commas that are not part of a longer list, wherever they stand (RFC 1123 §4.1.2.6). */
const SIX_NUMBERS =
  /(?<!\d|\d\s*,\s*)(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})(?!\d|\s*,\s*\d)/;
/** `(`, then delimiter, protocol, delimiter, address, delimiter, port, delimiter (RFC 2428 §3). */
const IN_PARENTHESES = /\(([!-~])(?:(?!\1).){0,64}\1(?:(?!\1).){0,64}\1((?:(?!\1)\d){1,5})\1/;
/** The same with empty fields and no parenthesis. */
const BARE = /([!-/:-~])\1\1(\d{1,5})\1/;

/** `192,0,2,1,195,80`: the numbers of a 227 reply (RFC 959 §5.3.2). Throws a RangeError unless IPv4 and port are valid. */
export function formatPassive(address: string, port: number): string {
  if (!IPV4.test(address)) throw new RangeError(`not an IPv4 address: ${address}`);
  checkPort(port);
  return `${address.replaceAll('.', ',')},${port >> 8},${port & 0xff}`;
}

/**
 * Finds the address and the port in the text of a 227 reply. Undefined when there are no six numbers from 0 to 255, or
 * when the port is 0.
 */
export function parsePassive(text: string): { readonly address: string; readonly port: number } | undefined {
  const numbers = SIX_NUMBERS.exec(text)?.slice(1).map(Number);
  if (numbers === undefined || numbers.some((number) => number > 255)) return undefined;
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

function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > LARGEST_PORT) throw new RangeError(`not a port: ${port}`);
}
