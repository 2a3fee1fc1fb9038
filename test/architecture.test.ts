/**
 * The shape of the house: which part may know which other part. The tables below are the rule; `docs/architecture.md` is
 * their picture.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  cycleViolations,
  importsOf,
  type Layers,
  layerViolations,
  leftOutTests,
  type PackageRule,
  packageViolations,
  type SourceTree,
  textViolations,
} from './support/source-rules.ts';

/** A file may import its own folder and lower numbers, never a higher one. A row for a file goes before that of its folder. */
const LAYERS: Layers = {
  'errors/': 0,
  'net/address.ts': 0,
  'tls/facts.ts': 0,
  'wire/': 1,
  'certs/': 1,
  'config/': 2,
  'net/': 3,
  'tls/': 3,
  'observe/': 3,
  'control/': 4,
  'data/': 4,
  'policy/': 4,
  'routing/': 4,
  'access/': 5,
  'backends/': 5,
  'replication/': 5,
  'session/': 6,
  'lifecycle/': 7,
  'identify.ts': 8,
  'passive-range.ts': 8,
  'admit.ts': 8,
  'control-listeners.ts': 8,
  'generation.ts': 8,
  'gateway.ts': 8,
  'admin/': 9,
  'garbage-collection.ts': 10,
  'gateway-operations.ts': 10,
  'whole-operations.ts': 10,
  'service.ts': 10,
  'workers/': 11,
  'demo/': 11,
  'cli/': 12,
  'index.ts': 12,
};

/** Who sees a socket that somebody else made: its type, no more. */
const SOCKET_TYPES = [
  'tls/',
  'control/',
  'data/',
  'backends/',
  'replication/',
  'session/',
  'identify.ts',
  'admit.ts',
  'control-listeners.ts',
  'gateway.ts',
  'demo/',
];

const PACKAGES: readonly PackageRule[] = [
  {
    packages: ['node:net'],
    allowed: ['net/'],
    types: SOCKET_TYPES,
    // Server: TLS wants one to ask for stored sessions; it never listens.
    names: ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'Server'],
  },
  { packages: ['node:tls'], allowed: ['tls/'], types: SOCKET_TYPES },
  { packages: ['node:http', 'node:https', 'node:http2', 'node:dgram', 'node:module'], allowed: [] },
  { packages: ['fastify'], allowed: ['admin/'] },
  { packages: ['prom-client'], allowed: ['observe/metric-registry.ts', 'observe/metric-sum.ts'] },
  { packages: ['pino', 'pino-pretty'], allowed: ['observe/logger.ts'] },
  { packages: ['node-forge'], allowed: ['certs/'] },
  { packages: ['yaml', 'zod'], allowed: ['config/'] },
  { packages: ['commander'], allowed: ['cli/'] },
];

const MAX_LINES = 300;

const SOURCES = readTree('../src');
const TESTS = readTree('.');

describe('the sources', () => {
  it('are all seen', () => {
    expect([...SOURCES.keys()]).toEqual(
      expect.arrayContaining(['errors/errors.ts', 'net/address.ts', 'observe/metrics.ts']),
    );
  });

  it('import their own folder and lower layers only', () => {
    expect(layerViolations(SOURCES, LAYERS)).toEqual([]);
  });

  it('have no cycles', () => {
    expect(cycleViolations(SOURCES)).toEqual([]);
  });

  it('leave each package to the folder that owns it', () => {
    expect(packageViolations(SOURCES, PACKAGES)).toEqual([]);
  });

  it('are short, typed and finished', () => {
    expect(textViolations(SOURCES, MAX_LINES)).toEqual([]);
  });
});

describe('the tests', () => {
  it('all run', () => {
    expect(leftOutTests(TESTS, 'interop/')).toEqual([]);
  });
});

describe('the check of the sources', () => {
  it.each([
    ['static', "import { a } from '../session/a.ts';"],
    ['of a type', "import type { A } from '../session/a.ts';"],
    ['of an inline type', "import { type A } from '../session/a.ts';"],
    ['for its effects', "import '../session/a.ts';"],
    ['re-exporting', "export { a } from '../session/a.ts';"],
    ['re-exporting everything', "export * from '../session/a.ts';"],
    ['re-exporting a type', "export type { A } from '../session/a.ts';"],
    ['dynamic', "\nconst load = () => import('../session/a.ts');"],
    ['inside a type', "type A = import('../session/a.ts').A;"],
  ])('finds an upward import: %s', (_form, text) => {
    const line = text.startsWith('\n') ? 2 : 1;
    expect(layerViolations(tree({ 'wire/b.ts': text, 'session/a.ts': '' }), LAYERS)).toEqual([
      `wire/b.ts:${line}: L1 wire/ may import its own folder and lower layers, not L6 session/a.ts`,
    ]);
  });

  it('finds an import from another folder of the same layer', () => {
    const made = tree({ 'tls/a.ts': "import { dial } from '../net/dial.ts';", 'net/dial.ts': '' });
    expect(layerViolations(made, LAYERS)).toEqual([
      'tls/a.ts:1: L3 tls/ may import its own folder and lower layers, not L3 net/dial.ts',
    ]);
  });

  it('finds that a file with a layer of its own reaches for the rest of its folder', () => {
    const made = tree({ 'net/address.ts': "import './dial.ts';", 'net/dial.ts': "import './address.ts';" });
    expect(layerViolations(made, LAYERS)).toEqual([
      'net/address.ts:1: L0 net/address.ts may import its own folder and lower layers, not L3 net/dial.ts',
    ]);
  });

  it('finds imports that it cannot place', () => {
    const made = tree({
      'wire/a.ts': "import '../../package.json';\nawait import(name);",
      'utils/b.ts': "import '../wire/a.ts';",
    });
    expect(layerViolations(made, LAYERS)).toEqual([
      'wire/a.ts:1: imports ../../package.json, which is no source file',
      'wire/a.ts:2: computes what it imports',
      'utils/b.ts:1: has no row in the layer table',
    ]);
  });

  it('accepts the own folder, nested folders and lower layers', () => {
    const made = tree({
      'session/handlers/a.ts': "import '../b.ts';\nimport type { C } from '../../wire/c.ts';",
      'session/b.ts': "import './handlers/d.ts';",
      'session/handlers/d.ts': '',
      'wire/c.ts': '',
    });
    expect(layerViolations(made, LAYERS)).toEqual([]);
    expect(cycleViolations(made)).toEqual([]);
  });

  it('finds a cycle, of types too, and tells it once', () => {
    const made = tree({
      'wire/a.ts': "import { b } from './b.ts';",
      'wire/b.ts': "import { c } from './c.ts';",
      'wire/c.ts': "import type { A } from './a.ts';",
    });
    expect(cycleViolations(made)).toEqual(['wire/a.ts: cycle wire/a.ts → wire/b.ts → wire/c.ts → wire/a.ts']);
  });

  it('finds packages where they do not belong', () => {
    const made = tree({
      'wire/a.ts': "import type { Socket } from 'node:net';\nimport { connect, isIP } from 'node:net';",
      'control/b.ts': "import net from 'node:net';",
      'gateway.ts': "import type { FastifyInstance } from 'fastify';",
      'observe/c.ts': "import { Counter } from 'prom-client/lib/counter.js';\nimport '@scope/other/part';",
    });
    expect(packageViolations(made, PACKAGES)).toEqual([
      'wire/a.ts:1: node:net belongs to net/, its types too',
      'wire/a.ts:2: node:net belongs to net/',
      'control/b.ts:1: node:net belongs to net/',
      'gateway.ts:1: fastify belongs to admin/, its types too',
      'observe/c.ts:1: prom-client belongs to observe/metric-registry.ts, observe/metric-sum.ts',
      'observe/c.ts:2: no rule allows the package @scope/other',
    ]);
  });

  it('accepts packages where they belong', () => {
    const made = tree({
      'net/a.ts': "import net from 'node:net';",
      'certs/b.ts': "import { isIP } from 'node:net';\nimport { readFile } from 'node:fs/promises';",
      'control/c.ts': "import type { Socket } from 'node:net';\nimport { type TLSSocket } from 'node:tls';",
    });
    expect(packageViolations(made, PACKAGES)).toEqual([]);
  });

  it('finds long files, silenced compilers, any and unfinished work, but not the word any', () => {
    const made = tree({
      'wire/long.ts': '\n'.repeat(4),
      'wire/a.ts': '// @ts-ignore\nconst a = b as any; // as any other\n// TODO later\n',
    });
    expect(textViolations(made, 3)).toEqual([
      'wire/long.ts:4: 4 lines, at most 3',
      'wire/a.ts:1: @ts-ignore',
      'wire/a.ts:3: TODO',
      'wire/a.ts:2: any',
    ]);
  });

  it('finds tests that are left out, unless the interop tests say why', () => {
    const made = tree({
      'unit/a.test.ts': "it.only('a', () => {});\n// why\ndescribe.skip('b', () => {});\nit.concurrent.only('c', f);",
      'interop/b.test.ts':
        "// no apt here\ndescribe.skipIf(!apt)('b', f);\n\nit.skip('c', f);\nit.skip('SKIPPED: no apt', f);",
    });
    expect(leftOutTests(made, 'interop/')).toEqual([
      'unit/a.test.ts:1: .only',
      'unit/a.test.ts:3: .skip without a documented reason below interop/',
      'unit/a.test.ts:4: .only',
      'interop/b.test.ts:4: .skip without a documented reason below interop/',
    ]);
  });

  it('knows which names an import brings', () => {
    const [values, types] = importsOf('a.ts', "import { b as c, type D } from 'x';\nimport type { E } from 'y';");
    expect(values).toMatchObject({ specifier: 'x', typeOnly: false, names: ['b'], line: 1 });
    expect(types).toMatchObject({ specifier: 'y', typeOnly: true, line: 2 });
  });
});

function tree(files: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(files));
}

function readTree(folder: string): SourceTree {
  const root = fileURLToPath(new URL(folder, import.meta.url));
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return new Map(paths.sort().map((path) => [path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')]));
}
