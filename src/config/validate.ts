/**
 * Plain data to settings: applies the schema and says in words what it does not accept. Pure.
 * Knows nothing of YAML and of rules that concern several keys.
 */
import type { z } from 'zod';
import { mended, withoutEmptyParts } from './mend.ts';
import { fieldAt } from './outline.ts';
import { type ConfigProblem, isInside, pathText } from './problem.ts';
import { type Config, resolveSettings, SETTINGS } from './schema.ts';
import { nearest, suggestKey } from './suggestion.ts';
import { SECRET } from './text-fields.ts';

/** What the schema says of some data. */
export interface Validation {
  /** The configuration. Where `broken` is not empty, with defaults and examples in place of broken parts; undefined when too much is broken. */
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
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
  const issues = (result.error?.issues ?? []).flatMap((issue) => faultsOf(issue, data));
  const faults = issues.filter(({ path }) => !unusable.some((other) => isInside(pathText(path), other)));
  const broken = issues.filter(({ unknown }) => !unknown).map(({ path }) => path);
  const unknown = issues.filter((fault) => fault.unknown).map(({ path }) => path);
  const second = SETTINGS.safeParse(mended(data, broken, unknown));
  return {
    config: second.success ? resolveSettings(second.data) : undefined,
    problems: faults.map(({ path, message }) => ({ path: pathText(path), message })),
    broken: [...broken.map(pathText), ...unusable],
  };
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly unknown: boolean;
}

function faultsOf(issue: z.core.$ZodIssue, data: unknown): readonly Fault[] {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys') {
    return [{ path, message: wrongValue(valueAt(data, path), issue.message, path), unknown: false }];
  }
  return issue.keys.map((key) => {
    const hint = suggestKey(path, key);
    const section = fieldAt(path);
    const known = section?.kind === 'section' ? Object.keys(section.keys).join(', ') : '';
    const message = `unknown key; ${hint ?? `the keys here are ${known}`}`;
    return { path: [...path, key], message, unknown: true };
  });
}

function wrongValue(found: unknown, expected: string, path: readonly PropertyKey[]): string {
  if (found === undefined) return `missing, expected ${expected}`;
  const field = fieldAt(path);
  const meant = field?.kind === 'value' && typeof found === 'string' ? nearest(found, field.choices) : undefined;
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  if (field?.kind === 'value' && field.type === SECRET) return `expected ${expected}`;
  return `found ${shown(found)}, expected ${expected}${hint}`;
}

function shown(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    const known = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    return known ? Reflect.get(value, key) : undefined;
  }, data);
}
