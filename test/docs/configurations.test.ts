/**
 * Every configuration that a document shows passes `sallyport check`: whole ones as they stand, parts put into a small whole. Files that they name are
 * made for it. YAML for other programs is told by its keys, and left alone.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { judge } from '../../src/cli/judge.ts';
import { configurationJsonSchema } from '../../src/config/document.ts';
import { testCertificate } from '../support/certificates.ts';
import { type Block, blocksOf, DOCUMENTS } from './documents.ts';

type Section = Readonly<Record<string, unknown>>;

const KEYS = Object.keys(configurationJsonSchema()['properties'] ?? {});
const BASE: Section = {
  listeners: [{ name: 'public', port: 21 }],
  tls: { certificates: [{ cert: 'tls.crt', key: 'tls.key' }] },
  backends: [{ name: 'legacy', host: '10.0.5.20' }],
};

const CONFIGURATIONS = DOCUMENTS.flatMap(blocksOf).flatMap((block) => {
  const content = block.language.match(/^ya?ml$/) ? sectionOf(block) : undefined;
  return content === undefined ? [] : [{ ...block, content }];
});

let folder: string;
/** What stands in for a file, by the key that names it. */
let files: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const { ca, cert, key } = await testCertificate();
  const [secret, writeTokenFile] = [join(folder, 'secret'), join(folder, 'write-token')];
  for (const each of [secret, writeTokenFile])
    await writeFile(each, `example-of-${basename(each)}-that-is-long-enough\n`, { mode: 0o600 });
  const written = { file: join(folder, 'audit.log'), xferlog: join(folder, 'xferlog') };
  files = { ca, clientCa: ca, cert, key, secret, writeTokenFile, ...written };
});
afterAll(() => rm(folder, { recursive: true }));

it.each(CONFIGURATIONS)('$document, line $line, passes sallyport check', async ({ document, line, content, words }) => {
  const whole = 'listeners' in content && 'backends' in content;
  expect(words, 'the mark of the block').toEqual([whole ? 'configuration' : 'part']);
  const path = join(folder, `${document.replaceAll('/', '-')}-${line}.yaml`);
  // JSON is YAML.
  await writeFile(path, JSON.stringify(withFiles(whole ? content : { ...BASE, ...content })));
  expect(await judge(path)).toMatchObject({ errors: [], valid: true });
});

it('there are configurations, whole ones and parts', () => {
  expect(CONFIGURATIONS.length).toBeGreaterThan(10);
});

/** What a block says, unless it is for another program. */
function sectionOf({ document, line, text }: Block): Section | undefined {
  const content: unknown = parse(text, { logLevel: 'silent' });
  if (typeof content !== 'object' || content === null) throw new Error(`${document}, line ${line}: no mapping`);
  return Object.keys(content).every((key) => KEYS.includes(key)) ? (content as Section) : undefined;
}

function withFiles(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withFiles);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const file =
        typeof inner === 'string' && inner !== '-'
          ? (files[key] ?? (key.endsWith('File') ? files['secret'] : undefined))
          : undefined;
      return [key, file ?? withFiles(inner)];
    }),
  );
}
