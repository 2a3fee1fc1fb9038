/**
 * Makes something whole of a configuration with broken parts, so that everything else that is wrong can be told in the same run.
 * Pure. Knows no single key by name, and finds nothing broken itself.
 */
import { type Field, fieldOf } from './fields.ts';
import { fieldAt } from './outline.ts';
import { pathText } from './problem.ts';

/**
 * The data with each broken part replaced by its default or its example, and unknown keys left out, so that the rules about several keys
 * can be applied to the rest. `broken` are paths of parts, `unknown` of keys.
 */
export function mended(
  data: unknown,
  broken: readonly (readonly PropertyKey[])[],
  unknown: readonly (readonly PropertyKey[])[],
): unknown {
  const replaced = new Set(broken.map(pathText));
  const dropped = new Set(unknown.map(pathText));
  const mend = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (replaced.has(pathText(path))) return standIn(fieldAt(path));
    if (Array.isArray(value)) return value.map((entry, index) => mend(entry, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, entry]) => [key, [...path, key], entry] as const);
    const kept = entries.filter(([, inner]) => !dropped.has(pathText(inner)));
    return { ...missing(path), ...Object.fromEntries(kept.map(([key, inner, entry]) => [key, mend(entry, inner)])) };
  };
  const missing = (path: readonly PropertyKey[]) => {
    const field = fieldAt(path);
    const keys = field?.kind === 'section' ? Object.entries(field.keys) : [];
    const absent = keys.filter(([key]) => replaced.has(pathText([...path, key])));
    return Object.fromEntries(absent.map(([key, schema]) => [key, standIn(fieldOf(schema))]));
  };
  return mend(data, []);
}

function standIn(field: Field | undefined): unknown {
  if (field === undefined) return undefined;
  if (field.kind === 'value') return field.fallback === undefined ? field.example : field.fallback;
  if (field.kind === 'list') return field.required ? field.examples.slice(0, 1) : [];
  return Object.fromEntries(Object.entries(field.keys).map(([key, schema]) => [key, standIn(fieldOf(schema))]));
}

/** The data without empty sections and lists (`policy:` with nothing behind it), which YAML reads as null. */
export function withoutEmptyParts(data: unknown, path: readonly PropertyKey[] = []): unknown {
  if (Array.isArray(data)) return data.map((entry, index) => withoutEmptyParts(entry, [...path, index]));
  if (typeof data !== 'object' || data === null) return data;
  const kept = Object.entries(data).filter(([key, value]) => {
    const kind = fieldAt([...path, key])?.kind;
    return value !== null || (kind !== 'section' && kind !== 'list');
  });
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutEmptyParts(value, [...path, key])]));
}
