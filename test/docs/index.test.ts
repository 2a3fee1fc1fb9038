/** docs/README.md leads to every document. */
import { expect, it } from 'vitest';
import { DOCUMENTS, readDocument } from './documents.ts';

it('docs/README.md names every document', () => {
  const text = readDocument('docs/README.md');
  const others = DOCUMENTS.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md');
  expect(others.filter((path) => !text.includes(`](${path.replace('docs/', '')})`))).toEqual([]);
});
