/**
 * `sallyport config-schema`: prints the JSON Schema of the configuration, for editors and for other programs.
 */
import type { Command } from 'commander';
import { configurationJsonSchema } from '../config/document.ts';

/** Adds the command. */
export function addConfigSchemaCommand(program: Command): void {
  program
    .command('config-schema')
    .summary('print the JSON Schema of the configuration')
    .description(
      'Prints the JSON Schema of the configuration, for editors that complete and check while one writes, and for other programs.',
    )
    .action(() => {
      process.stdout.write(`${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`);
    });
}
