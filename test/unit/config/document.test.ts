/** What is printed from the schema says the same as the schema. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configurationJsonSchema, configurationMarkdown, sampleConfiguration } from '../../../src/config/document.ts';
import { fieldOf } from '../../../src/config/fields.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { SETTINGS } from '../../../src/config/schema.ts';

/** Every key of the schema, such as `listeners[].policy.requireTls`. */
function keysOf(schema: Parameters<typeof fieldOf>[0], path: string): readonly string[] {
  const field = fieldOf(schema);
  if (field.kind === 'list') return keysOf(field.element, `${path}[]`);
  if (field.kind === 'value') return [path];
  return Object.entries(field.keys).flatMap(([key, child]) => keysOf(child, path === '' ? key : `${path}.${key}`));
}

const KEYS = keysOf(SETTINGS, '');

describe('the reference', () => {
  it('has a row for every key and no other', () => {
    const rows = [...configurationMarkdown().matchAll(/^\| `(.+?)` \| (.+?) \|/gm)];
    const leaves = rows.filter(([, , type]) => type !== 'list' && type !== 'mapping').map(([, key]) => key);
    expect(leaves).toEqual(KEYS);
  });
});

describe('the sample', () => {
  const sample = sampleConfiguration();

  it('has every key, overrides and optional examples as comments or not at all', () => {
    for (const key of KEYS.filter((name) => !name.startsWith('listeners[].policy.'))) {
      expect(sample).toMatch(new RegExp(`^ *(# +|- )?${key.split('.').at(-1)?.replace('[]', '')}:`, 'm'));
    }
  });

  it('means the defaults', () => {
    const required = `
listeners: [{ name: public, port: 21 }, { name: public-implicit, port: 990, mode: implicit }]
tls: { certificates: [{ cert: /etc/sallyport/tls/tls.crt, key: /etc/sallyport/tls/tls.key }] }
backends: [{ name: legacy, host: 10.0.5.20 }]`;
    // The text explains ${NAME} in comments, which are not expanded.
    expect(parseConfig(sample, { env: {} })).toEqual(parseConfig(required, { env: {} }));
  });

  it('still means something with its commented rules taken in', () => {
    const rules = sample
      .replace('advertise: []', 'advertise:')
      .replace('routes: []', 'routes:')
      .replace('rules: []', 'rules:')
      .replace(/^( *)# {3}- \{/gm, '$1  - {');
    const config = parseConfig(rules, { env: {} });
    expect(config.routes.map(({ match, userTemplate }) => [match.user, match.servername, userTemplate])).toEqual([
      [['plant1-*'], null, null],
      [null, ['*.example.com'], '{user}@plant1'],
    ]);
    expect(config.data.passive.advertise).toEqual([
      { clients: '10.0.0.0/8', address: '10.1.2.3' },
      { clients: null, address: 'ftp.example.com' },
    ]);
  });
});

describe('the JSON Schema', () => {
  let validate: ReturnType<Ajv2020['compile']>;
  const minimal = { listeners: [{ name: 'a', port: 21 }], backends: [{ name: 'b', host: 'c' }] };

  beforeAll(() => {
    validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configurationJsonSchema());
  });

  it('accepts the sample and a minimal configuration', () => {
    expect(validate(parse(sampleConfiguration())), JSON.stringify(validate.errors)).toBe(true);
    expect(validate(minimal)).toBe(true);
  });

  it('accepts variables wherever a value stands', () => {
    const settings = {
      listeners: [{ name: `\${NAME}`, port: `\${PORT:-21}`, mode: `\${MODE}`, policy: { requireTls: `\${TLS}` } }],
      backends: [{ name: 'b', host: `\${HOST}` }],
      timeouts: { login: `\${LOGIN}` },
      limits: { reply: `\${REPLY}` },
      data: { passive: { ports: `\${FIRST}-\${LAST}` } },
    };
    expect(validate(settings), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    { ...minimal, wallpaper: 'blue' },
    { ...minimal, listeners: [] },
    { ...minimal, listeners: [{ name: 'a', port: 70_000 }] },
    { ...minimal, backends: [] },
    { ...minimal, routes: [{ match: { user: 'a' } }] },
    { ...minimal, routes: [{ backends: ['b'], balance: 'random' }] },
    { ...minimal, timeouts: { login: '5 minutes' } },
    { ...minimal, log: { level: 'loud' } },
    { listeners: minimal.listeners },
  ])('refuses %j', (settings) => {
    expect(validate(settings)).toBe(false);
  });
});
