/**
 * The shell commands of a document: blocks of code with a name behind `sh`. Knows nothing of what they do.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './tools.ts';

/** Blocks by name, in the order of the document. Throws an Error where a block of shell commands has no name, or two have the same. */
export function commandsOf(document: string): ReadonlyMap<string, string> {
  const blocks = new Map<string, string>();
  for (const [, name = '', commands = ''] of read(document).matchAll(/^```sh\b *(.*)\n([\s\S]*?)^```/gm)) {
    if (name === '' || blocks.has(name)) throw new Error(`${document}: a block needs a name of its own:\n${commands}`);
    blocks.set(name, commands);
  }
  return blocks;
}

/** The blocks of YAML that are configurations of the gateway. */
export function configurationsOf(document: string): readonly string[] {
  return [...read(document).matchAll(/^```yaml configuration\n([\s\S]*?)^```/gm)].map(([, yaml = '']) => yaml);
}

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8');
}
