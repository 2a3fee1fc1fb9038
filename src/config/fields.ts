/**
 * The kinds of keys a configuration has: sections, lists, and values such as ports, durations and sizes.
 * Each maker returns a zod schema and records what people need to know about it, so that documents are printed from the same place.
 * Knows no key of the configuration.
 */
import { z } from 'zod';
import { isNetwork } from '../net/address.ts';
import { type Example, type Field, fieldOf, findField, recordField, type ValueOptions, value } from './field-facts.ts';
import { isPath } from './file-path.ts';

export type { Example, Field, ValueOptions };
export { fieldOf, findField };

function mapping<S extends Record<string, z.ZodType>>(keys: S) {
  return z.strictObject(keys, { error: `a mapping with the keys ${Object.keys(keys).join(', ')}` });
}

/** A mapping with fixed keys that all have defaults, or are required lists. */
export function section<S extends Record<string, z.ZodType>>(
  meaning: string,
  keys: S,
): z.ZodPrefault<z.ZodObject<S, z.core.$strict>> {
  const described = mapping(keys)
    .prefault({} as never)
    .describe(meaning);
  recordField(described, { kind: 'section', meaning, keys });
  return described;
}

/** A mapping with fixed keys as an item of a list. */
export function item<S extends Record<string, z.ZodType>>(meaning: string, keys: S): z.ZodObject<S, z.core.$strict> {
  const described = mapping(keys).describe(meaning);
  recordField(described, { kind: 'section', meaning, keys });
  return described;
}

/** A list. A required list has at least one item. */
export function list<T>(
  meaning: string,
  element: z.ZodType<T>,
  options: {
    readonly examples: readonly Example[];
    readonly required?: { readonly atMost?: number; readonly expected: string };
    readonly commented?: boolean;
  },
): z.ZodType<readonly T[]> {
  const { required } = options;
  const expected = required?.expected ?? 'a list';
  const items = z.array(element, { error: expected });
  const bounded = required === undefined ? items : items.min(1, { error: expected });
  const schema: z.ZodType<T[]> =
    required?.atMost === undefined ? bounded : bounded.max(required.atMost, { error: expected });
  const described = (required === undefined ? schema.prefault([]) : schema).describe(meaning);
  recordField(described, {
    kind: 'list',
    meaning,
    element,
    examples: options.examples,
    required: required !== undefined,
    commented: options.commented ?? false,
  });
  return described;
}

function wholeNumber(minimum: number, maximum: number, expected: string): z.ZodType<number> {
  const error = expected;
  const digits = z
    .string({ error })
    .regex(/^\d+$/, { error })
    .transform(Number)
    .refine((number) => number >= minimum && number <= maximum, { error });
  return z.union([z.int({ error, abort: true }).min(minimum, { error }).max(maximum, { error }), digits], { error });
}

/** A TCP port. `anyFree` allows 0. */
export function port(options: ValueOptions & { readonly anyFree?: boolean }): z.ZodType<number> {
  const expected = options.anyFree ? 'a port from 1 to 65535, or 0 for any free port' : 'a port from 1 to 65535';
  return value(wholeNumber(options.anyFree ? 0 : 1, 65_535, expected), 'port', options);
}

/** A number of things. */
export function count(options: ValueOptions & { readonly maximum: number }): z.ZodType<number> {
  const expected = `a whole number from 1 to ${options.maximum}`;
  return value(wholeNumber(1, options.maximum, expected), 'number', options);
}

/** A number of things, or a word that leaves the number to the gateway. */
export function countOr<const W extends string>(
  word: W,
  options: ValueOptions & { readonly maximum: number },
): z.ZodType<number | W> {
  const error = `a whole number from 1 to ${options.maximum}, or ${word}`;
  const schema = z.union([wholeNumber(1, options.maximum, error), z.literal(word, { error })], { error });
  return value(schema, `number | ${word}`, options, [word]);
}

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const LONGEST_TIMER = 2 ** 31 - 1;

/** `500ms`, `30s`, `5m`, `2h`, or a number of seconds; becomes milliseconds, from 1 ms to the longest timer of Node (596 h). */
export function duration(options: ValueOptions): z.ZodType<number> {
  const error = 'a duration such as 500ms, 30s, 5m or 2h, or a number of seconds (from 1ms to 596h)';
  const schema = z
    .union([z.number({ error }), z.string({ error }).regex(/^\d+(\.\d+)?(ms|s|m|h)?$/, { error })], { error })
    .transform((given) => {
      const [, amount, unit = 's'] = /^([\d.]+)(\w+)?$/.exec(typeof given === 'string' ? given : '') ?? [];
      return Math.round(Number(amount ?? given) * MILLISECONDS[unit as keyof typeof MILLISECONDS]);
    })
    .refine((milliseconds) => milliseconds >= 1 && milliseconds <= LONGEST_TIMER, { error });
  return value(schema, 'duration', options);
}

const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `512B`, `8KiB`, `1MiB`, or a number of bytes; becomes bytes. `minimum` and `maximum` are bytes. */
export function size(options: ValueOptions & { readonly minimum: number; readonly maximum: number }) {
  const { minimum, maximum } = options;
  const error = `a size such as 8KiB or 1MiB, or a number of bytes (from ${minimum} to ${maximum})`;
  const schema = z
    .union([z.number({ error }), z.string({ error }).regex(/^\d+(B|KiB|MiB|GiB)?$/, { error })], { error })
    .transform((given) => {
      const [, amount, unit = 'B'] = /^(\d+)(\w+)?$/.exec(String(given)) ?? [];
      return Number(amount) * BYTES[unit as keyof typeof BYTES];
    })
    .refine((bytes) => bytes >= minimum && bytes <= maximum, { error });
  return value(schema, 'size', options);
}

/** First and last port, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const PORTS = 'ports from 1 to 65535 such as 50000-50009 (the lower one first), or a single port';

function ports(error: string): z.ZodType<PortRange> {
  return z
    .union(
      [
        z.int({ error, abort: true }).min(1, { error }).max(65_535, { error }),
        z.string({ error }).regex(/^\d{1,5}( ?- ?\d{1,5})?$/, { error }),
      ],
      { error },
    )
    .transform((given) => {
      const [first = 0, last = first] = String(given).split('-').map(Number);
      return { first, last };
    })
    .refine(({ first, last }) => first >= 1 && first <= last && last <= 65_535, { error });
}

/** `50000-50009`, or a single port. */
export function portRange(options: ValueOptions): z.ZodType<PortRange> {
  return value(ports(PORTS), 'ports', options);
}

/** As {@link portRange}, or null. */
export function portRangeOrNull(options: ValueOptions): z.ZodType<PortRange | null> {
  return value(ports(`${PORTS}, or null`).nullable(), 'ports or null', options);
}

function words<const C extends readonly string[]>(choices: C): z.ZodType<C[number]> {
  return z.enum(choices, { error: `one of ${choices.join(', ')}` });
}

/** One of a few words. */
export function choice<const C extends readonly string[]>(choices: C, options: ValueOptions): z.ZodType<C[number]> {
  return value(words(choices), choices.join(' | '), options, choices);
}

/** One of a few words, or nothing: `otherwise` says what holds then. */
export function override<const C extends readonly string[]>(
  choices: C,
  meaning: string,
  otherwise: string,
): z.ZodType<C[number] | undefined> {
  const described = words(choices).optional().describe(meaning);
  const type = choices.join(' | ');
  recordField(described, {
    kind: 'value',
    meaning,
    type,
    presence: 'optional',
    fallback: undefined,
    example: undefined,
    otherwise,
    choices,
  });
  return described;
}

/** As a value without default, or nothing: `otherwise` says what holds then. */
export function optional<T>(inner: z.ZodType<T>, otherwise: string): z.ZodType<T | undefined> {
  const field = fieldOf(inner);
  if (field.kind !== 'value') throw new TypeError('only a value can be optional');
  const described = inner.optional().describe(field.meaning);
  recordField(described, { ...field, presence: 'optional', otherwise });
  return described;
}

function text(matches: (text: string) => boolean, error: string): z.ZodType<string> {
  return z.string({ error }).refine(matches, { error });
}

const isAddress = (given: string) => isNetwork(given) && !given.includes('/');

/** A DNS name; its last label is not a number, so that a mistyped IPv4 address is none. Underscores are allowed: container networks use them. */
function isHostName(given: string): boolean {
  const labels = given.replace(/\.$/, '').split('.');
  const fits = labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
  return fits && given.length <= 253 && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** A literal IP address. */
export function address(options: ValueOptions): z.ZodType<string> {
  const expected = 'a literal IP address such as 127.0.0.1, 0.0.0.0 (all of IPv4) or "::" (all of both families)';
  return value(text(isAddress, expected), 'IP address', options);
}

/** A literal IP address, or null. */
export function addressOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a literal IP address such as 10.0.0.5 or "2001:db8::5", or null';
  return value(text(isAddress, expected).nullable(), 'IP address or null', options);
}

/** An IP address or a DNS name. */
export function host(options: ValueOptions): z.ZodType<string> {
  return value(
    text((given) => isAddress(given) || isHostName(given), 'an IP address or a DNS name'),
    'IP address or DNS name',
    options,
  );
}

/** As {@link host}, or null. */
export function hostOrNull(options: ValueOptions): z.ZodType<string | null> {
  const schema = text((given) => isAddress(given) || isHostName(given), 'an IP address or a DNS name, or null');
  return value(schema.nullable(), 'IP address or DNS name, or null', options);
}

/** A network in CIDR notation. */
export function network(options: ValueOptions): z.ZodType<string> {
  const expected = 'a network such as 10.0.0.0/8 or "2001:db8::/32", or a single IP address';
  return value(text(isNetwork, expected), 'network', options);
}

/** A network in CIDR notation, or null. */
export function networkOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a network such as 10.0.0.0/8 or "2001:db8::/32", a single IP address, or null for every client';
  return value(text(isNetwork, expected).nullable(), 'network or null', options);
}

/** A label for logs and metrics. */
export function label(options: ValueOptions): z.ZodType<string> {
  const expected = 'a name of at most 63 letters, digits, ".", "_" and "-", beginning with a letter or digit';
  const schema = z.string({ error: expected }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, { error: expected });
  return value(schema, 'name', options);
}

/** The path of a file. */
export function path(options: ValueOptions): z.ZodType<string> {
  const expected = 'the path of a PEM file';
  return value(text(isPath, expected), 'path', options);
}

/** The path of a file, or null. */
export function pathOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'the path of a PEM file, or null';
  return value(text(isPath, expected).nullable(), 'path or null', options);
}

function isPattern(given: string): boolean {
  try {
    return new RegExp(given, 'u').source !== '';
  } catch {
    return false;
  }
}

/** A regular expression of JavaScript (flag `u`), or null. */
export function patternOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a regular expression, or null';
  return value(text(isPattern, expected).nullable(), 'regular expression or null', options);
}

/** An OpenSSL cipher list, or null. Whether OpenSSL knows the names is not looked at here. */
export function cipherList(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'an OpenSSL cipher list such as ECDHE+AESGCM:ECDHE+CHACHA20, or null for the default';
  const schema = z.string({ error: expected }).regex(/^[\w:,+!@=.-]+( [\w:,+!@=.-]+)*$/, { error: expected });
  return value(schema.nullable(), 'cipher list or null', options);
}

/** Yes or no. */
export function flag(options: ValueOptions): z.ZodType<boolean> {
  const error = 'true or false';
  const words = z.enum(['true', 'false'], { error }).transform((given) => given === 'true');
  return value(z.union([z.boolean({ error }), words], { error }), 'true | false', options, ['true', 'false']);
}
