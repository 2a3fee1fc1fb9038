/**
 * What problems may quote of a configuration: the one rule that keeps secrets out of log lines, terminals and states of services.
 * A secret also stands where it does not belong: in place of its section, or run together with its key. Pure.
 */
import { type Field, fieldOf } from './fields.ts';
import { isPath } from './file-path.ts';
import { fieldAt } from './outline.ts';
import type { KeyRules } from './source.ts';
import { suggestKey } from './suggestion.ts';
import { SECRET } from './text-fields.ts';

/**
 * Whether what is found at a path must not be quoted: a secret or a URL (which may have a password) and what is below it; and in a part of
 * the configuration that has one, whatever stands in place of a section or a list or at an unknown key, because the key may be misspelt.
 */
export function isConfidential(path: readonly PropertyKey[]): boolean {
  const field = fieldAt(path);
  if (field?.kind === 'value') return holdsSecret(field);
  if (field === undefined && fieldAt(path.slice(0, -1))?.kind !== 'section') return isConfidential(path.slice(0, -1));
  const part = fieldAt(path.slice(0, 1));
  return part === undefined || holdsSecret(part);
}

function holdsSecret(field: Field): boolean {
  if (field.kind === 'value') return field.type === SECRET || field.type.startsWith('URL');
  if (field.kind === 'list') return holdsSecret(fieldOf(field.element));
  return Object.values(field.keys).some((schema) => holdsSecret(fieldOf(schema)));
}

/** A wrong value in words for a problem; undefined where nothing may be said of it. */
export function foundText(value: unknown, path: readonly PropertyKey[]): string | undefined {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  if (isConfidential(path)) return undefined;
  // A URL, or user and password before a host, or a key, in a place that has no room for them.
  if (typeof value === 'string' && /:\/\/|:.*@/s.test(value)) return 'a URL (not shown)';
  if (typeof value === 'string' && !isPath(value) && value !== '') return 'a text of several lines (not shown)';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Whether an unknown key may be named. Near secrets it may be one: `{ readToken:secret }` is a single key for YAML, `{ password, secret }`
 * are two without values.
 */
export function isNameable(parent: readonly PropertyKey[], key: PropertyKey, value: unknown): boolean {
  const section = fieldAt(parent);
  const known = section?.kind === 'section' && Object.hasOwn(section.keys, key);
  if (known || typeof key === 'number' || !isConfidential(parent)) return true;
  if (section?.kind !== 'section') return false;
  const name = String(key);
  return /^(<<|[\w-]+)$/.test(name) && (value !== null || suggestKey(parent, name) !== undefined);
}

/**
 * Whether an empty variable is an error at a path: it would silently become the default, and a token, an authority or a list of revoked
 * certificates would be missing.
 */
function wantsText(path: readonly PropertyKey[]): boolean {
  const field = fieldAt(path);
  return field !== undefined && (field.kind !== 'value' || field.type === SECRET || field.type.startsWith('path'));
}

function nameable(path: readonly PropertyKey[]): readonly PropertyKey[] {
  const first = path.findIndex((key, index) => !isNameable(path.slice(0, index), key, undefined));
  return first === -1 ? path : path.slice(0, first);
}

/** The rule for whoever reads the text. */
export const SCHEMA_RULES: KeyRules = { isConfidential, wantsText, nameable };
