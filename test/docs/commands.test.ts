/** Every command line of `sallyport` that a document shows names a command that is there, with options that it has. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { blocksOf, DOCUMENTS, readDocument } from './documents.ts';

interface Call {
  readonly name: string;
  readonly options: readonly string[];
  readonly text: string;
}

/** Where a shell expects a command, or at the beginning of inline code. */
const CALL =
  /(?:^|[;|&(]|&&|`)\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npm run -s )?sallyport (?:-- )?([a-z][a-z-]*)(?=[\s`]|$)([^|;&\n`]*)/gm;

const program = await wholeProgram();

describe.each(DOCUMENTS)('%s', (document) => {
  it('calls sallyport as it can be called', () => {
    const wrong = callsIn(document).filter(({ name, options }) => {
      if (name === 'help') return false;
      const known = program.commands.find((command) => command.name() === name)?.options;
      return (
        known === undefined ||
        options.some((option) => !known.some(({ short, long }) => [short, long].includes(option)))
      );
    });
    expect(wrong.map(({ text }) => text)).toEqual([]);
  });
});

it('documents call most commands', () => {
  const called = new Set(DOCUMENTS.flatMap(callsIn).map(({ name }) => name));
  expect([...called]).toEqual(expect.arrayContaining(['demo', 'serve', 'check', 'certs', 'explain']));
});

/** Every command, as the files of src/cli add them. */
async function wholeProgram(): Promise<Command> {
  const whole = new Command();
  const folder = join(import.meta.dirname, '../../src/cli');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'main.ts')) {
    const exported: Readonly<Record<string, unknown>> = await import(join(folder, name));
    for (const [title, add] of Object.entries(exported)) {
      if (/^add\w+Command$/.test(title) && typeof add === 'function') add(whole);
    }
  }
  return whole;
}

function callsIn(document: string): readonly Call[] {
  const blocks = blocksOf(document).filter(({ language }) => ['sh', 'console', 'bash', ''].includes(language));
  const inline = [...readDocument(document).matchAll(/`sallyport [^`\n]*`/g)].map(([code]) => code);
  return [...blocks.map(({ text }) => text.replaceAll('\\\n', ' ')), ...inline].flatMap((text) =>
    [...text.matchAll(CALL)].map(([whole, name = '', rest = '']) => ({
      name,
      options: rest.split(' ').flatMap((word) => (/^--?[a-z]/.test(word) ? [word.replace(/=.*/, '')] : [])),
      text: whole.trim(),
    })),
  );
}
