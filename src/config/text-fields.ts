/**
 * More kinds of keys: patterns, networks, secrets and other texts, alone or several. Knows no key of the configuration.
 */
import { z } from 'zod';
import { isNetwork } from '../net/address.ts';
import { type ValueOptions, value } from './field-facts.ts';
import { isPath } from './file-path.ts';

/** The type in words of a value that is never shown, not even where it is wrong. */
export const SECRET = 'secret or null';

function oneOrMore(isItem: (text: string) => boolean, error: string): z.ZodType<readonly string[] | null> {
  const item = z.string({ error }).refine(isItem, { error });
  const several = z.array(item, { error }).min(1, { error });
  return z
    .union([item, several], { error })
    .nullable()
    .transform((given) => (typeof given === 'string' ? [given] : given));
}

/** One pattern or a list of them, or null. `*` stands for any characters, `?` for one. */
export function patternsOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const expected = 'a text in which * stands for any characters and ? for one, a list of them, or null for everything';
  return value(
    oneOrMore((text) => text !== '', expected),
    'pattern, list of patterns or null',
    options,
  );
}

/** One name or a list of them, or null. */
export function namesOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const expected = 'a name, a list of names, or null for all';
  return value(
    oneOrMore((text) => text !== '', expected),
    'name, list of names or null',
    options,
  );
}

/** One network or a list of them, or null. */
export function networksOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const expected = 'a network such as 10.0.0.0/8 or "2001:db8::/32", a list of networks, or null for every client';
  return value(oneOrMore(isNetwork, expected), 'network, list of networks or null', options);
}

/** SHA-256 fingerprints in hexadecimal, with or without colons; or null. They become upper case with colons. */
export function fingerprintsOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const expected = 'a SHA-256 fingerprint (64 hexadecimal digits, with or without colons), a list of them, or null';
  const isFingerprint = (text: string) => /^[\da-f]{64}$/i.test(text.replaceAll(':', ''));
  const schema = oneOrMore(isFingerprint, expected).transform((given) => given?.map(canonicalFingerprint) ?? null);
  return value(schema, 'fingerprint, list of fingerprints or null', options);
}

function canonicalFingerprint(text: string): string {
  return (text.replaceAll(':', '').toUpperCase().match(/../g) ?? []).join(':');
}

/** What FTP can carry behind a command: no line end and no NUL. */
function isArgument(text: string): boolean {
  return text !== '' && !/[\0\r\n]/.test(text);
}

/** A text that is sent behind a command, or null. */
export function argumentOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a text in one line, or null';
  return value(
    z.string({ error: expected }).refine(isArgument, { error: expected }).nullable(),
    'text or null',
    options,
  );
}

/** As {@link argumentOrNull}, and never shown. */
export function secretOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a text in one line (a number in quotes), or null';
  return value(z.string({ error: expected }).refine(isArgument, { error: expected }).nullable(), SECRET, options);
}

/** A text with `{user}` in it, or null. */
export function userTemplateOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'a text in one line with {user} in it, such as "{user}@plant1", or null';
  const fits = (text: string) => isArgument(text) && text.includes('{user}');
  const schema = z.string({ error: expected }).refine(fits, { error: expected }).nullable();
  return value(schema, 'text or null', options);
}

/** The path of a file of any kind, or null. */
export function fileOrNull(options: ValueOptions): z.ZodType<string | null> {
  const expected = 'the path of a file, or null';
  return value(z.string({ error: expected }).refine(isPath, { error: expected }).nullable(), 'path or null', options);
}
