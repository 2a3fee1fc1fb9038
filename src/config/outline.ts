/**
 * What the schema has at a path. Pure. Knows no single key by name.
 */
import { type Field, fieldOf } from './fields.ts';
import { SETTINGS } from './schema.ts';

/** What stands at a path; undefined where the schema has nothing. */
export function fieldAt(path: readonly PropertyKey[]): Field | undefined {
  return path.reduce<Field | undefined>((field, key) => {
    if (field?.kind === 'list') return fieldOf(field.element);
    const child = field?.kind === 'section' ? Object.entries(field.keys).find(([name]) => name === key) : undefined;
    return child && fieldOf(child[1]);
  }, fieldOf(SETTINGS));
}
