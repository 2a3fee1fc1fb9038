/** What problems say of wrong values: much, but nothing of a secret, wherever it stands by mistake. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isConfidential } from '../../../src/config/discretion.ts';
import { fieldOf } from '../../../src/config/fields.ts';
import { ConfigError, describeProblem, parseConfig } from '../../../src/config/load.ts';
import { fieldAt } from '../../../src/config/outline.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { SECRET } from '../../../src/config/text-fields.ts';

function textOf(yaml: string): string {
  try {
    parseConfig(yaml, { env: {}, file: 'f.yaml' });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message, ...error.problems.map((problem) => describeProblem(problem, 'f.yaml'))].join('\n');
  }
  return '';
}

type Path = readonly (string | 0)[];

/** Where the schema has values of a type; the first item stands for all of a list. */
function pathsOf(isMeant: (type: string) => boolean, schema: typeof SETTINGS = SETTINGS): readonly Path[] {
  const found: Path[] = [];
  const walk = (each: Parameters<typeof fieldOf>[0], path: Path): void => {
    const field = fieldOf(each);
    if (field.kind === 'value' && isMeant(field.type)) found.push(path);
    if (field.kind === 'list') walk(field.element, [...path, 0]);
    if (field.kind === 'section') for (const [key, inner] of Object.entries(field.keys)) walk(inner, [...path, key]);
  };
  walk(schema, []);
  return found;
}

const SECRETS = pathsOf((type) => type === SECRET);
const URLS = pathsOf((type) => type.startsWith('URL'));

/** A document in block style with a text at a path. */
function block(path: Path, text: string): string {
  const lines = path.map((key, depth) => `${'  '.repeat(depth)}${key === 0 ? '-' : `${key}:`}`);
  const indent = '  '.repeat(path.length);
  return `${lines.join('\n')} ${text.replaceAll('\n', `\n${indent}`)}\n`;
}

/** The same in flow style. */
function flow(path: Path, text: string): string {
  return path.reduceRight<string>((inner, key) => (key === 0 ? `[${inner}]` : `{ ${key}: ${inner} }`), text);
}

/** Ways to write a value wrongly, or to write something else than was meant. */
const MALFORMED: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `"pw\${${secret}"`,
  (secret) => `"\${${secret}-x}"`,
  (secret) => `"\${NOPE:-${secret}"`,
  (secret) => `"pw\${${secret}}"`,
  (secret) => `pw\${${secret}`,
  (secret) => `\${1${secret}}`,
  (secret) => `!${secret}`,
  (secret) => `!${secret} x`,
  (secret) => `!!${secret} x`,
  (secret) => `!e!${secret} x`,
  (secret) => `!<${secret}> x`,
  (secret) => `!<${secret}`,
  (secret) => `!${secret} [x]`,
  (secret) => `!${secret} { a: x }`,
  (secret) => `!!int ${secret}`,
  (secret) => `!!map ${secret}`,
  (secret) => `*${secret}`,
  (secret) => `[*${secret}]`,
  (secret) => `{ a: *${secret} }`,
  (secret) => `&${secret}`,
  (secret) => `&${secret} &${secret} x`,
  (secret) => `&a *${secret}`,
  (secret) => `@${secret}`,
  (secret) => `\`${secret}`,
  (secret) => `%${secret}`,
  (secret) => `|${secret}`,
  (secret) => `>${secret}`,
  (secret) => `|\n${secret}\n${secret}`,
  (secret) => `"${secret}`,
  (secret) => `'${secret}`,
  (secret) => `"x" ${secret}`,
  (secret) => `'x'${secret}`,
  (secret) => `"\\${secret}"`,
  (secret) => `"\\x${secret}"`,
  (secret) => `"a\\n${secret}"`,
  (secret) => `[${secret}]`,
  (secret) => `[${secret}`,
  (secret) => `[x] ${secret}`,
  (secret) => `]${secret}`,
  (secret) => `}${secret}`,
  (secret) => `,${secret}`,
  (secret) => `? ${secret}`,
  (secret) => `- ${secret}`,
  (secret) => `x: ${secret}`,
  (secret) => `{ x: ${secret} }`,
  (secret) => `{ x: "\${${secret}" }`,
  (secret) => `{ password:${secret} }`,
  (secret) => `{ password:"\${${secret}" }`,
  (secret) => `{ password, ${secret} }`,
  (secret) => `{ "readToken:${secret}": 1 }`,
  (secret) => `{ "readToken:${secret}": *x }`,
  (secret) => `password:${secret}`,
  (secret) => `htps://u:${secret}@h`,
  (secret) => `"u:${secret}@h"`,
  (secret) => `\t${secret}`,
];

const MARK = 'S3cr';
const secrets = fc.stringMatching(/^S3cr[A-Za-z0-9]{4,30}$/);

it('knows secrets and URLs of the schema', () => {
  expect(SECRETS.map((path) => path.join('.'))).toEqual(
    expect.arrayContaining(['admin.readToken', 'routes.0.credentials.password', 'backends.0.health.password']),
  );
  expect(URLS.map((path) => path.join('.'))).toEqual(['decisionHook.url']);
});

describe.each([...SECRETS, ...URLS].map((path) => [path.join('.'), path] as const))('a secret at %s', (_, path) => {
  it('is in no problem, however it is written, nor where it stands in place of what is around it', () => {
    const places = path.map((_key, index) => path.slice(0, index + 1));
    const form = fc.constantFrom(block, flow);
    fc.assert(
      fc.property(secrets, fc.constantFrom(...places), form, (secret, place, written) => {
        for (const malformed of MALFORMED) expect(textOf(written(place, malformed(secret)))).not.toContain(MARK);
      }),
      { numRuns: 12 },
    );
  });

  it('that may be an unknown key has its place told in place of its name', () => {
    const section = flow(path.slice(0, -1), `{ ${String(path.at(-1))}:${MARK}et }`);
    const place = section.indexOf(`${String(path.at(-1))}:${MARK}`) + 1;
    expect(textOf(section)).toMatch(new RegExp(`^f\\.yaml:1:${place} .*: unknown key \\(not shown`, 'm'));
  });

  it('is not told where it stands in place of a section beside it', () => {
    const beside = pathsOf(() => true)
      .flatMap((other) => other.map((_key, index) => other.slice(0, index + 1)))
      .filter((other) => other[0] === path[0] && fieldAt(other)?.kind !== 'value');
    for (const other of beside) {
      for (const written of [block, flow]) expect(textOf(written(other, `${MARK}et`))).not.toContain(MARK);
    }
  });

  it.each([
    ['run together with its key', (key: string) => `{ ${key}:${MARK}et }`],
    ['run together with its key, in quotes', (key: string) => `{ "${key}:${MARK}et" }`],
    ['behind a comma', (key: string) => `{ ${key}, ${MARK}et }`],
    ['behind a comma and an alias', (key: string) => `{ ${key}: *x, "${MARK}:et": *x }`],
    ['run together with its key, in a line', (key: string) => `${key}:${MARK}et`],
    ['behind a key that is misspelt', (key: string) => `{ ${key}x: "\${${MARK}et" }`],
    ['behind a key that is misspelt, as an alias', (key: string) => `{ ${key}x: *${MARK}et }`],
  ])('is in no problem %s', (_how, section) => {
    const text = textOf(flow(path.slice(0, -1), section(String(path.at(-1)))));
    expect(text).not.toBe('');
    expect(text).not.toContain(MARK);
  });
});

it.each([
  '%S3cret x\n---\na: 1',
  '%YAML S3cret\n---\na: 1',
  'S3cret',
  '- S3cret',
  '*S3cret',
  '!S3cret {}',
  '"S3cret',
])('a document that is %j is not quoted', (yaml) => {
  expect(textOf(yaml)).not.toContain(MARK);
});

describe('values that are no secrets', () => {
  const MINIMAL = { listeners: [{ name: 'a', port: 21 }], backends: [{ name: 'b', host: 'b' }] };
  const textWith = (more: object) => textOf(JSON.stringify({ ...MINIMAL, ...more }));

  it('are quoted', () => {
    expect(textWith({ listeners: [{ name: 'a', port: 70_000 }] })).toContain('found 70000, expected a port');
    expect(textWith({ policy: 'strict' })).toContain('policy: found "strict", expected a mapping');
  });

  it.each([
    'ftp://u:S3cret@h',
    'u:S3cret@h',
    'https://h/?key=S3cret',
  ])('are not quoted where they are URLs: %s', (host) => {
    const text = textWith({ backends: [{ name: 'b', host }] });
    expect(text).toContain('backends[0].host: found a URL (not shown), expected an IP address or a DNS name');
    expect(text).not.toContain(MARK);
  });

  it.each(['-----BEGIN PRIVATE KEY----- S3cret', 'S3cret\nS3cret'])('are not quoted where they are keys: %j', (key) => {
    const text = textWith({ tls: { certificates: [{ cert: 'a.crt', key }] } });
    expect(text).toContain('tls.certificates[0].key: found a text of several lines (not shown), expected the path of');
    expect(text).not.toContain(MARK);
  });
});

it.each([
  [['admin', 'readToken'], true],
  [['admin', 'readToken', 'x', 0], true],
  [['admin'], true],
  [['admin', 'tls'], true],
  [['admin', 'tls', 'cert'], false],
  [['backends', 0, 'active'], true],
  [['nothing'], true],
  [['routes', 3], true],
  [['routes', 3, 'match', 'user', 1], false],
  [['decisionHook', 'url'], true],
  [['admin', 'readTokne'], true],
  [['log', 'levle'], false],
  [['nothing', 0, 'known'], true],
  [[], true],
  [['listeners'], false],
])('%j is confidential: %s', (path, expected) => {
  expect(isConfidential(path)).toBe(expected);
});
