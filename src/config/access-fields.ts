/**
 * Kinds of keys of access rules: commands, paths, days, times of day, time zones. Pure.
 */
import { z } from 'zod';
import { COMMAND_CLASSES, type CommandClass, FILE_VERBS, SITE_COMMANDS } from '../wire/file-commands.ts';
import { type ValueOptions, value } from './field-facts.ts';

/** Verbs that touch no file, and that a rule may name all the same. */
const OTHER_VERBS = ['PASV', 'EPSV', 'PORT', 'EPRT', 'SYST', 'REST'];
/** Older names (RFC 775), and CDUP, which is a CWD. */
const SAME: Readonly<Record<string, string>> = {
  ...{ XCWD: 'CWD', CDUP: 'CWD', XCUP: 'CWD' },
  ...{ XMKD: 'MKD', XRMD: 'RMD' },
};

/** Words that `commands` knows. */
export const COMMAND_WORDS: readonly string[] = [
  ...COMMAND_CLASSES,
  ...[...FILE_VERBS.keys()].filter((verb) => !Object.hasOwn(SAME, verb) && verb !== 'SITE'),
  ...OTHER_VERBS,
];

/** One name for the verbs that mean the same. */
export function commandName(name: string): string {
  return Object.hasOwn(SAME, name) ? (SAME[name] ?? name) : name;
}

const SITE_WORD = /^SITE [A-Z]+$/;

/** Whether it is a class, a verb, or SITE with a word. */
export function isCommandWord(word: string): boolean {
  return COMMAND_WORDS.includes(word) || SITE_WORD.test(word);
}

/** Whether a rule about all commands on files says nothing about it: verbs that touch none, and unknown words of SITE. */
export function needsNaming(word: string): boolean {
  return OTHER_VERBS.includes(word) || (SITE_WORD.test(word) && !SITE_COMMANDS.includes(word.slice('SITE '.length)));
}

/** Whether all that a verb does is of a class. MDTM can be of several. */
export function isOfClass(word: string, name: string): boolean {
  if (SITE_WORD.test(word)) return name === 'site' && !needsNaming(word);
  return word !== 'MDTM' && (FILE_VERBS.get(word)?.classes.includes(name as CommandClass) ?? false);
}

/** As it is compared: classes in small letters, verbs in capitals under one name. */
function plainWord(word: string): string {
  const lower = word.toLowerCase();
  return (COMMAND_CLASSES as readonly string[]).includes(lower) ? lower : commandName(word.toUpperCase());
}

function oneOrMore(item: z.ZodType<string>, error: string) {
  const several = z.array(item, { error }).min(1, { error });
  return z.union([item, several], { error }).nullable();
}

function listOf(given: string | string[] | null): readonly string[] | null {
  return typeof given === 'string' ? [given] : given;
}

/** Classes and verbs, one or a list of them, or null. Which words there are is not looked at here. */
export function commandsOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const error = `a class (${COMMAND_CLASSES.join(', ')}), a verb such as STOR, "SITE" with a word, a list of these, or null for all`;
  const item = z.string({ error }).regex(/^[A-Za-z]+(?: [A-Za-z]+)?$/, { error });
  const schema = oneOrMore(item, error).transform((given) => listOf(given)?.map(plainWord) ?? null);
  return value(schema, 'command, list of commands or null', options);
}

/** Patterns of paths, one or a list of them, or null. */
export function pathPatternsOrNull(options: ValueOptions): z.ZodType<readonly string[] | null> {
  const error = 'an absolute path such as /in/** (* and ? within a name, ** for any number of names), a list, or null';
  const item = z.string({ error }).min(1, { error });
  return value(oneOrMore(item, error).transform(listOf), 'path pattern, list of path patterns or null', options);
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** Days of the week, one or a list of them, or null. */
export function daysOrNull(options: ValueOptions): z.ZodType<readonly Day[] | null> {
  const error = `one of ${DAYS.join(', ')}, a list of them, or null for every day`;
  const item = z.enum(DAYS, { error });
  const several = z.array(item, { error }).min(1, { error });
  const schema: z.ZodType<readonly Day[] | null> = z
    .union([item, several], { error })
    .nullable()
    .transform((given) => (typeof given === 'string' ? [given] : given));
  return value(schema, 'day, list of days or null', options);
}

/** `08:00`, from `00:00` to `24:00`. Becomes minutes since midnight. */
export function clockTime(options: ValueOptions): z.ZodType<number> {
  const error = 'a time of day in quotes, from "00:00" to "24:00"';
  const schema = z
    .string({ error })
    .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, { error })
    .transform((given) => Number(given.slice(0, 2)) * 60 + Number(given.slice(3)));
  return value(schema, 'time of day', options);
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A time zone of the IANA data base. */
export function zone(options: ValueOptions): z.ZodType<string> {
  const error = 'a time zone such as UTC or Europe/Berlin';
  return value(z.string({ error }).refine(isZone, { error }), 'time zone', options);
}
