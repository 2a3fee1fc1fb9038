/**
 * What is known of a part of the configuration beside its zod schema: meaning, type in words, default, example. Documents are
 * printed from it. Knows no kind of value.
 */
import type { z } from 'zod';

/** A value that stands in an example. */
export type Example = string | number | boolean | null | readonly Example[] | { readonly [key: string]: Example };

/** What is known of a part of the configuration. */
export type Field =
  | {
      readonly kind: 'value';
      readonly meaning: string;
      /** The type in words: `port`, `duration`, `enforce | report | off`. */
      readonly type: string;
      readonly presence: 'required' | 'optional' | 'default';
      /** The default as a person writes it; undefined where there is none. */
      readonly fallback: string | number | boolean | null | undefined;
      readonly example: string | number | undefined;
      /** What holds where an optional value is not given. */
      readonly otherwise: string | undefined;
      readonly choices: readonly string[];
    }
  | { readonly kind: 'section'; readonly meaning: string; readonly keys: Readonly<Record<string, z.ZodType>> }
  | {
      readonly kind: 'list';
      readonly meaning: string;
      readonly element: z.ZodType;
      /** Items for the sample; only what differs from the defaults. */
      readonly examples: readonly Example[];
      readonly required: boolean;
      /** Whether the sample has the examples only as comments, because the default is an empty list. */
      readonly commented: boolean;
    };

const FIELDS = new WeakMap<object, Field>();

/** What is known of a schema made here. Throws a TypeError for any other. */
export function fieldOf(schema: z.ZodType): Field {
  const field = FIELDS.get(schema);
  if (field === undefined) throw new TypeError('not a schema of the configuration');
  return field;
}

/** As {@link fieldOf}; undefined for any other schema. */
export function findField(schema: object): Field | undefined {
  return FIELDS.get(schema);
}

/** Records what is known of a schema. */
export function recordField(schema: object, field: Field): void {
  FIELDS.set(schema, field);
}

/** About one value: what it means, and either a default or an example. Without both it is required. */
export interface ValueOptions {
  readonly meaning: string;
  readonly default?: string | number | boolean | null;
  readonly example?: string | number;
}

/** Gives a schema its default, and records what is known of it. */
export function value<T>(schema: z.ZodType<T>, type: string, options: ValueOptions, choices: readonly string[] = []) {
  const { meaning, default: fallback, example } = options;
  const whole: z.ZodType<T> = fallback === undefined ? schema : schema.prefault(fallback as never);
  const described = whole.describe(meaning);
  const presence = fallback === undefined ? 'required' : 'default';
  recordField(described, { kind: 'value', meaning, type, presence, fallback, example, otherwise: undefined, choices });
  return described;
}
