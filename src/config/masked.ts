/**
 * The configuration without its secrets, for people: which values are secret is what the schema says.
 */
import type { Config } from './config.ts';
import { type Field, fieldOf } from './fields.ts';
import { SETTINGS } from './schema.ts';
import { SECRET } from './text-fields.ts';

const MASK = '****';

/** The same values, and `****` for each secret that is set, and for all of a URL but its scheme and host. */
export function maskedConfig(config: Config): Readonly<Record<string, unknown>> {
  const masked = maskedValue(config, fieldOf(SETTINGS));
  if (typeof masked !== 'object' || masked === null) throw new TypeError('a configuration is an object');
  return { ...masked };
}

function maskedValue(value: unknown, field: Field | undefined): unknown {
  if (field?.kind === 'value' && field.type === SECRET) return value === null ? null : MASK;
  if (field?.kind === 'value' && field.type.startsWith('URL') && typeof value === 'string') return maskedUrl(value);
  if (Array.isArray(value)) {
    const element = field?.kind === 'list' ? fieldOf(field.element) : undefined;
    return value.map((each) => maskedValue(each, element));
  }
  if (typeof value !== 'object' || value === null) return value;
  const keys = field?.kind === 'section' ? field.keys : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const schema = keys[key];
      return [key, maskedValue(each, schema && fieldOf(schema))];
    }),
  );
}

/** Services take keys in the path and behind the question mark. */
function maskedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return MASK;
  const { protocol, host, pathname, search, hash } = url;
  return `${protocol}//${host}/${pathname === '/' && search === '' && hash === '' ? '' : MASK}`;
}
