/**
 * The kinds of keys that limits have: numbers, sizes and rates that may be without bound, and a time zone. Knows no key of the
 * configuration.
 */
import { z } from 'zod';
import { type ValueOptions, value } from './field-facts.ts';

/** A bound, or none. */
export type Most = number | 'unlimited';

/** So many events in so many milliseconds. */
export interface EventRate {
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
}

const UNLIMITED = z.literal('unlimited');
const UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;
/** Bytes in the units of network people, who count bits by thousands. */
const BITS = { kbit: 125, Mbit: 125_000, Gbit: 125_000_000 } as const;

const LARGEST = 2 ** 50;
const SLOWEST = 1024;
const FASTEST = 2 ** 40;

/** `100MiB`, `10GiB`, a number of bytes, or `unlimited`; becomes bytes. */
export function amount(options: ValueOptions): z.ZodType<Most> {
  const error = 'a size such as 100MiB or 2TiB, a number of bytes (from 1 to 1024TiB), or unlimited';
  const schema = z
    .union([z.int({ error }), z.string({ error }).regex(/^\d+(B|KiB|MiB|GiB|TiB)?$/, { error })], { error })
    .transform((given) => {
      const [, number, unit = 'B'] = /^(\d+)(\w+)?$/.exec(String(given)) ?? [];
      return Number(number) * UNITS[unit as keyof typeof UNITS];
    })
    .refine((bytes) => bytes >= 1 && bytes <= LARGEST, { error });
  return value(z.union([UNLIMITED, schema], { error }), 'size | unlimited', options, ['unlimited']);
}

/** `1MiB/s`, `100Mbit/s`, a number of bytes per second, or `unlimited`; becomes bytes per second. */
export function bandwidth(options: ValueOptions): z.ZodType<Most> {
  const error =
    'a rate such as 512KiB/s, 10MiB/s or 100Mbit/s, a number of bytes per second (from 1KiB/s to 1TiB/s), or unlimited';
  const units: Readonly<Record<string, number>> = { ...UNITS, ...BITS };
  const schema = z
    .union([z.number({ error }), z.string({ error }).regex(/^\d+((B|KiB|MiB|GiB|kbit|Mbit|Gbit)\/s)?$/, { error })], {
      error,
    })
    .transform((given) => {
      const [, number, unit = 'B'] = /^(\d+)(?:(\w+)\/s)?$/.exec(String(given)) ?? [];
      return Number(number) * (units[unit] ?? Number.NaN);
    })
    .refine((bytes) => bytes >= SLOWEST && bytes <= FASTEST, { error });
  return value(z.union([UNLIMITED, schema], { error }), 'bandwidth | unlimited', options, ['unlimited']);
}

const PERIODS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `20/s`, `30/m`, `500/h`, or `unlimited`. */
export function eventRate(options: ValueOptions): z.ZodType<EventRate | 'unlimited'> {
  const error = 'a rate such as 20/s, 30/m or 500/h (from 1 to 1000000), or unlimited';
  const schema = z
    .string({ error })
    .regex(/^\d{1,7}\/[smh]$/, { error })
    .transform((given): EventRate => {
      const [count = '', unit = ''] = given.split('/');
      return { count: Number(count), per: PERIODS[unit as keyof typeof PERIODS] };
    })
    .refine(({ count }) => count >= 1 && count <= 1_000_000, { error });
  return value(z.union([UNLIMITED, schema], { error }), 'rate | unlimited', options, ['unlimited']);
}

function isTimeZone(given: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: given }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A time zone of the IANA database, such as `Europe/Berlin`. */
export function timeZone(options: ValueOptions): z.ZodType<string> {
  const error = 'a time zone such as UTC or Europe/Berlin';
  return value(z.string({ error }).refine(isTimeZone, { error }), 'time zone', options);
}
