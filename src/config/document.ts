/**
 * Prints the schema for people and programs: the reference page, the commented sample, the JSON Schema.
 * Writes no files, and knows no key by name.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { type Example, type Field, fieldOf, findField } from './fields.ts';
import { SETTINGS } from './schema.ts';

type Section = Extract<Field, { kind: 'section' }>;
type List = Extract<Field, { kind: 'list' }>;
type Value = Extract<Field, { kind: 'value' }>;

/** How values are written; printed into the reference and, in short, into the sample. */
const NOTATION = [
  ['duration', 'A number with a unit: `500ms`, `30s`, `5m`, `2h`. A number alone is seconds.'],
  ['size', 'A number with a unit: `512B`, `8KiB`, `1MiB`. A number alone is bytes.'],
  [
    'bandwidth',
    'Bytes per second: `512KiB/s`, `10MiB/s`; or bits, by thousands: `100Mbit/s`. A number alone is bytes per second.',
  ],
  ['rate', 'So many in a second, a minute or an hour: `20/s`, `30/m`, `500/h`.'],
  ['ports', 'A range such as `50000-50009`, both ends included, or a single port.'],
  ['network', 'CIDR notation such as `10.0.0.0/8` or `"2001:db8::/32"`, or a single IP address.'],
  [
    'variables',
    `\`\${NAME}\` in any text becomes the environment variable of that name, \`\${NAME:-default}\` the default where it is unset or empty. A variable that is unset and has no default is an error. One that is empty means null where no quotes stand around it; for secrets, paths, lists and mappings it is an error: write null, or \`\${NAME:-null}\`. Inside \`[ ]\` and \`{ }\` YAML wants it in quotes. \`$\${\` stands for a literal \`\${\`.`,
  ],
] as const;

/** The reference page (Markdown): every key with type, default and meaning. */
export function configurationMarkdown(): string {
  const root = sectionOf(fieldOf(SETTINGS));
  const parts = entriesOf(root).map(([key, field]) => {
    const rows = rowsOf(field, key);
    const table = ['| key | type | default | meaning |', '|---|---|---|---|', ...rows];
    return [`## ${key}`, '', field.meaning, '', ...table, ''].join('\n');
  });
  return [
    '# Configuration',
    '',
    'A YAML file. Unknown keys are errors. Everything that is wrong is told at once, with its line, what was found and what would be right.',
    'A sample with every key is in [sallyport.sample.yaml](sallyport.sample.yaml). Printed from the schema by `npm run documents`.',
    '',
    '| notation | how it is written |',
    '|---|---|',
    ...NOTATION.map(([name, meaning]) => `| ${name} | ${cell(meaning)} |`),
    '',
    ...parts,
  ].join('\n');
}

function rowsOf(field: Field, path: string): readonly string[] {
  if (field.kind === 'value') {
    return [`| \`${path}\` | ${cell(field.type)} | ${defaultOf(field)} | ${cell(field.meaning)} |`];
  }
  const inner = field.kind === 'list' ? fieldOf(field.element) : field;
  const prefix = field.kind === 'list' ? `${path}[]` : path;
  if (inner.kind !== 'section') return rowsOf(inner, prefix);
  const rows = entriesOf(inner).flatMap(([key, child]) => {
    const here = `${prefix}.${key}`;
    const own =
      child.kind === 'value'
        ? []
        : [
            `| \`${here}\` | ${child.kind === 'list' ? 'list' : 'mapping'} | ${child.kind === 'section' ? '' : child.required ? 'required' : '`[]`'} | ${cell(child.meaning)} |`,
          ];
    return [...own, ...rowsOf(child, here)];
  });
  return rows;
}

function defaultOf({ presence, fallback, otherwise }: Value): string {
  if (presence === 'required') return 'required';
  return presence === 'optional' ? (otherwise ?? '') : `\`${written(fallback ?? null)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** A commented YAML file with every key: defaults where there are any, examples where not. */
export function sampleConfiguration(): string {
  const notation = NOTATION.map(([name, meaning]) => `# ${name}: ${meaning.replaceAll('. ', '.\n#   ')}`);
  const body = entriesOf(sectionOf(fieldOf(SETTINGS))).flatMap(([key, field]) => ['', ...sampleOf(key, field, '')]);
  const lines = [
    '# Every key of the configuration. Printed from the schema: see configuration.md.',
    ...notation,
    ...body,
  ];
  return `${lines.join('\n')}\n`;
}

function sampleOf(key: string, field: Field, indent: string): readonly string[] {
  const comment = `${indent}# ${commentOf(field)}`;
  if (field.kind === 'value') {
    const { fallback, example } = field;
    return [comment, `${indent}${key}: ${written(fallback === undefined ? (example ?? null) : fallback)}`];
  }
  if (field.kind === 'list') return [comment, ...sampleOfList(key, field, indent)];
  const keys = entriesOf(field).filter(([, child]) => child.kind !== 'value' || child.presence !== 'optional');
  if (keys.length === 0) return [comment, `${indent}${key}: {}`];
  return [comment, `${indent}${key}:`, ...keys.flatMap(([name, child]) => sampleOf(name, child, `${indent}  `))];
}

/** The first example with all its keys and comments, the others in short. */
function sampleOfList(key: string, field: List, indent: string): readonly string[] {
  const { element, examples, commented } = field;
  const items = commented ? examples : examples.slice(1);
  const inShort = items.map((item) => `${indent}${commented ? '# ' : ''}  - ${inFlow(item)}`);
  if (commented) {
    const keys = commentedKeys(fieldOf(element), `${indent}#   `);
    return [`${indent}${key}: []`, ...keys, ...inShort];
  }
  const first = entriesOf(sectionOf(fieldOf(element))).flatMap(([name, child]) =>
    sampleOf(name, child, `${indent}    `),
  );
  const dash = first.findIndex((line) => !line.trimStart().startsWith('#'));
  const full = first.map((line, index) =>
    index > dash ? line : `${indent}  ${index === dash ? '- ' : ''}${line.trimStart()}`,
  );
  return [`${indent}${key}:`, ...full, ...inShort];
}

/** The keys of an item with their meanings, those of its sections below them. */
function commentedKeys(item: Field, indent: string): readonly string[] {
  if (item.kind !== 'section') return [];
  return entriesOf(item).flatMap(([name, child]) => [
    `${indent}${name}: ${commentOf(child)}`,
    ...commentedKeys(child, `${indent}  `),
  ]);
}

function commentOf(field: Field): string {
  const type = field.kind === 'value' ? ` (${field.type})` : '';
  return `${field.meaning}${type}`;
}

function inFlow(item: Example): string {
  if (typeof item !== 'object' || item === null) return written(item);
  return `{ ${Object.entries(item)
    .map(([key, value]) => `${key}: ${written(value)}`)
    .join(', ')} }`;
}

function written(value: Example): string {
  return stringify(value, { lineWidth: 0, collectionStyle: 'flow', flowCollectionPadding: true }).trimEnd();
}

/** JSON Schema (draft 2020-12) of the file as a person writes it. Every value may also be a text with `${NAME}`. */
export function configurationJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(SETTINGS, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (findField(zodSchema)?.kind === 'value') allowVariables(jsonSchema);
    },
  });
}

/** Adds an alternative to what a value must be: a text with a variable in it. */
function allowVariables(schema: z.core.JSONSchema.BaseSchema): void {
  const { description, default: fallback, ...demands } = schema;
  const { anyOf, enum: words, pattern } = demands;
  if (anyOf === undefined && words === undefined && pattern === undefined) return;
  for (const key of Object.keys(demands)) delete schema[key];
  schema.anyOf = [...(anyOf ?? [demands]), { type: 'string', pattern: '\\$\\{' }];
}

function sectionOf(field: Field): Section {
  if (field.kind !== 'section') throw new TypeError('expected a section');
  return field;
}

function entriesOf(section: Section): readonly (readonly [string, Field])[] {
  return Object.entries(section.keys).map(([key, schema]) => [key, fieldOf(schema)]);
}
