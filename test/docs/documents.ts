/** Reads the documents as the tests need them: their fenced blocks, with the words behind the language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** A fenced block. */
export interface Block {
  /** Path of the document, from the root of the repository. */
  readonly document: string;
  readonly language: string;
  /** The words behind the language, such as `run` and a file name. */
  readonly words: readonly string[];
  readonly text: string;
  /** Number of the line that opens it, from 1. */
  readonly line: number;
}

/** Every document that is written by hand or printed for readers. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  'certs/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The text of a document. */
export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The fenced blocks of a document, in their order. */
export function blocksOf(document: string): readonly Block[] {
  const text = readDocument(document);
  return [...text.matchAll(/^( *)```(\S*)(.*)\n([\s\S]*?)^\1```$/gm)].map(
    ({ index, 2: language = '', 3: words = '', 4: content = '' }) => ({
      document,
      language,
      words: words.split(' ').filter((word) => word !== ''),
      text: content,
      line: text.slice(0, index).split('\n').length,
    }),
  );
}
