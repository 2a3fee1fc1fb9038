#!/usr/bin/env node
/**
 * The program `sallyport`: reads the command line, runs one command and ends with its exit code. What commands do is in the
 * file of each.
 */
import { Command, CommanderError } from 'commander';
import { describeSystemError } from '../errors/system-error.ts';
import { VERSION } from '../service.ts';
import { addCertsCommand } from './certs.ts';
import { addCheckCommand } from './check.ts';
import { addConfigSchemaCommand } from './config-schema.ts';
import { addDemoCommand } from './demo.ts';
import { addExplainCommand } from './explain.ts';
import { HELP_TEXT } from './help-text.ts';
import { CommandFailure, EXIT, type ExitCode } from './outcome.ts';
import { addServeCommand } from './serve.ts';

const EXIT_CODES = 'Exit codes: 0 fine, 1 failed, 2 wrong command line or configuration.';

async function main(): Promise<void> {
  const program = new Command('sallyport')
    .description(
      'Protocol-aware FTPS gateway: encryption, policy and a small passive port range before any FTP server.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .showHelpAfterError('(add --help for what is possible)')
    .configureHelp(HELP_TEXT)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .exitOverride();
  addDemoCommand(program);
  addServeCommand(program);
  addCheckCommand(program);
  addExplainCommand(program);
  addCertsCommand(program);
  addConfigSchemaCommand(program);
  await program.parseAsync();
}

function exitCodeOf(error: unknown): ExitCode {
  // The library has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  const message = error instanceof CommandFailure ? error.message : describeSystemError(error);
  process.stderr.write(`sallyport: ${message}\n`);
  return error instanceof CommandFailure ? error.exitCode : EXIT.failed;
}

try {
  await main();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
