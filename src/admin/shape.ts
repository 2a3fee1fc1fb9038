/**
 * What the side port takes and answers, described once: a shape is a JSON Schema (draft 2020-12) and, for the compiler, the type
 * of the values that fit it. Serialisation, the OpenAPI document and the reference page all come from it. Knows no shape itself.
 */

/** A JSON Schema, as far as it is needed here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  /** Name under which others may refer to it; only objects have one. */
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly (string | null)[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly default?: string | number | boolean;
  readonly nullable?: boolean;
  readonly additionalProperties?: boolean;
}

/** Describes values of type `T`. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Never set: it only carries the type. */
  readonly value?: T;
}

/** The values that fit a shape. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

type Properties = Readonly<Record<string, Shape<unknown>>>;

/** A text. `options` are more keys of its schema. */
export function text(description: string, options: JsonSchema = {}): Shape<string> {
  return { schema: { type: 'string', description, ...options } };
}

/** A time as ISO 8601 in UTC. */
export function time(description: string): Shape<string> {
  return text(description, { format: 'date-time' });
}

/** One of a few words. */
export function word<const W extends readonly string[]>(words: W, description: string): Shape<W[number]> {
  return { schema: { type: 'string', enum: words, description } };
}

/** A whole number. */
export function count(description: string, options: JsonSchema = {}): Shape<number> {
  return { schema: { type: 'integer', minimum: 0, description, ...options } };
}

/** A whole number that may be less than nothing. */
export function difference(description: string): Shape<number> {
  return { schema: { type: 'integer', description } };
}

/** Yes or no. */
export function flag(description: string): Shape<boolean> {
  return { schema: { type: 'boolean', description } };
}

/** The shape, or null. */
export function orNull<T>({ schema }: Shape<T>): Shape<T | null> {
  const { type = 'object', enum: words, title, ...rest } = schema;
  return {
    schema: {
      ...rest,
      ...(title !== undefined && { title }),
      type: [...[type].flat(), 'null'],
      ...(words !== undefined && { enum: [...words, null] }),
    },
  };
}

/** A list. */
export function list<T>({ schema }: Shape<T>, description: string): Shape<readonly T[]> {
  return { schema: { type: 'array', items: schema, description } };
}

/** An object with exactly these members, all of which are there. `title` names it in the OpenAPI document. */
export function object<P extends Properties>(
  title: string,
  description: string,
  properties: P,
): Shape<{ readonly [K in keyof P]: ValueOf<P[K]> }> {
  const schemas = Object.entries(properties).map(([key, { schema }]) => [key, schema] as const);
  return {
    schema: {
      type: 'object',
      title,
      description,
      properties: Object.fromEntries(schemas),
      required: Object.keys(properties),
      additionalProperties: false,
    },
  };
}

/** An object of which nothing more is promised. */
export function anyObject(title: string, description: string): Shape<Readonly<Record<string, unknown>>> {
  return { schema: { type: 'object', title, description, additionalProperties: true } };
}
