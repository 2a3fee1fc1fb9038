/**
 * Shapes in words, for pages and documents. Pure.
 */
import type { JsonSchema } from './shape.ts';

/** One field of an answer. */
export interface FieldText {
  /** Such as `sessions[].tls.version`. */
  readonly path: string;
  readonly type: string;
  readonly meaning: string;
}

/** All fields of an object, those of its parts below them. */
export function fieldsOf({ properties = {} }: JsonSchema, prefix = ''): readonly FieldText[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    const inner = schema.items?.properties === undefined ? schema : schema.items;
    const below = fieldsOf(inner, `${path}${schema.items === undefined ? '' : '[]'}.`);
    return [{ path, type: typeText(schema), meaning: schema.description ?? '' }, ...below];
  });
}

/** Such as `string`, `"up" | "down"`, `list of Session`, `integer or null`. */
export function typeText({ type, enum: words, items, title, format }: JsonSchema): string {
  const kinds = [type ?? 'object'].flat();
  const orNull = kinds.includes('null') ? ' or null' : '';
  if (words !== undefined) {
    return `${words
      .filter((each) => each !== null)
      .map((each) => `"${each}"`)
      .join(' | ')}${orNull}`;
  }
  if (items !== undefined) return `list of ${typeText(items)}${orNull}`;
  const [kind = 'object'] = kinds;
  return `${title ?? (format === 'date-time' ? 'time' : kind)}${orNull}`;
}
