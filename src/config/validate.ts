/**
 * Plain data to settings: applies the schema and says in words what it does not accept. Pure.
 * Knows nothing of YAML and of rules that concern several keys.
 */
import type { z } from 'zod';
import { foundText, isNameable } from './discretion.ts';
import { mended, withoutEmptyParts } from './mend.ts';
import { fieldAt } from './outline.ts';
import { type ConfigProblem, isInside, pathText } from './problem.ts';
import { type Config, resolveSettings, SETTINGS } from './schema.ts';
import { nearest, suggestKey } from './suggestion.ts';

/** A problem, and where it is: the path in the problem is shorter where a key must not be named. */
export interface FoundProblem extends ConfigProblem {
  readonly keyPath: string;
}

/** What the schema says of some data. */
export interface Validation {
  /** The configuration. Where `broken` is not empty, with defaults and examples in place of broken parts; undefined when too much is broken. */
  readonly config: Config | undefined;
  readonly problems: readonly FoundProblem[];
  /** Paths of parts whose values in `config` mean nothing. */
  readonly broken: readonly string[];
}

/** Applies the schema. `unusable` are paths whose values could not be read, which has been reported already. */
export function validate(source: unknown, unusable: readonly string[]): Validation {
  const data = withoutEmptyParts(source);
  const result = SETTINGS.safeParse(data);
  if (result.success && unusable.length === 0) {
    return { config: resolveSettings(result.data), problems: [], broken: [] };
  }
  const issues = (result.error?.issues ?? []).flatMap((issue) => faultsOf(issue, data)).filter(isFirst);
  const faults = issues.filter(({ path }) => !unusable.some((other) => isInside(pathText(path), other)));
  const broken = issues.filter(({ unknown }) => !unknown).map(({ path }) => path);
  const unknown = issues.filter((fault) => fault.unknown).map(({ path }) => path);
  const second = SETTINGS.safeParse(mended(data, broken, unknown));
  return {
    config: second.success ? resolveSettings(second.data) : undefined,
    problems: faults.map(({ path, shownPath, message }) => ({
      path: pathText(shownPath),
      keyPath: pathText(path),
      message,
    })),
    broken: [...broken.map(pathText), ...unusable],
  };
}

interface Fault {
  readonly path: readonly PropertyKey[];
  /** The part of it that may be named. */
  readonly shownPath: readonly PropertyKey[];
  readonly message: string;
  readonly unknown: boolean;
}

/** A value that breaks two rules of its key has one problem. */
function isFirst({ path, message }: Fault, index: number, all: readonly Fault[]): boolean {
  const key = pathText(path);
  return all.findIndex((other) => other.message === message && pathText(other.path) === key) === index;
}

function faultsOf(issue: z.core.$ZodIssue, data: unknown): readonly Fault[] {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys') {
    const message = wrongValue(valueAt(data, path), issue.message, path);
    return [{ path, shownPath: path, message, unknown: false }];
  }
  return issue.keys.map((key) => {
    const hint = suggestKey(path, key);
    const section = fieldAt(path);
    const known = section?.kind === 'section' ? Object.keys(section.keys).join(', ') : '';
    const named = isNameable(path, key, valueAt(data, [...path, key]));
    const what = named ? 'unknown key' : 'unknown key (not shown, it may be part of a secret)';
    const message = `${what}; ${named && hint !== undefined ? hint : `the keys here are ${known}`}`;
    return { path: [...path, key], shownPath: named ? [...path, key] : path, message, unknown: true };
  });
}

function wrongValue(found: unknown, expected: string, path: readonly PropertyKey[]): string {
  if (found === undefined) return `missing, expected ${expected}`;
  const field = fieldAt(path);
  const meant = field?.kind === 'value' && typeof found === 'string' ? nearest(found, field.choices) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  const shown = foundText(found, path);
  return shown === undefined ? `expected ${expected}` : `found ${shown}, expected ${expected}${hint}`;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    const known = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    return known ? Reflect.get(value, key) : undefined;
  }, data);
}
