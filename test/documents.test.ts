/** Printed documents are what the code prints now. `npm run documents` writes them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, errorsMarkdown } from '../scripts/print-documents.ts';
import { loadConfig } from '../src/config/load.ts';
import { ERRORS } from '../src/errors/errors.ts';

const ROOT = join(import.meta.dirname, '..');

describe('printed documents', () => {
  it.each(DOCUMENTS)('$path is up to date', async ({ path, print }) => {
    const written = await readFile(join(ROOT, path), 'utf8');
    expect(written === print(), `${path} is stale: run npm run documents`).toBe(true);
  });

  it('docs/errors.md has one row for each code', () => {
    const codes = [...errorsMarkdown().matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    expect(codes).toEqual(Object.keys(ERRORS));
  });

  it('the sample has nothing wrong but the certificates that are not on this machine', async () => {
    const failure = await loadConfig(join(ROOT, 'docs/sallyport.sample.yaml'), { env: {} }).catch((error) => error);
    expect(failure.problems.map(({ path }: { path: string }) => path)).toEqual([
      'tls.certificates[0].cert',
      'tls.certificates[0].key',
    ]);
  });
});
