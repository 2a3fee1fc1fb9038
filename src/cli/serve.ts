/**
 * `sallyport serve`: runs the gateway that a configuration file describes until it is told to stop.
 */
import type { Command } from 'commander';
import { describeProblem } from '../config/load.ts';
import { type Service, startService } from '../service.ts';
import { loadFile } from './load-file.ts';
import { CommandFailure, describeSystemError } from './outcome.ts';
import { catchStopSignals } from './stop-signals.ts';

/** Adds the command. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .summary('run the gateway')
    .description('Runs the gateway until SIGTERM or SIGINT; a second signal ends it at once.')
    .requiredOption('-c, --config <file>', 'configuration file')
    .action(({ config }: { readonly config: string }) => serve(config));
}

async function serve(file: string): Promise<void> {
  const { config, warnings } = await loadFile(file);
  for (const warning of warnings) process.stderr.write(`warning: ${describeProblem(warning, file)}\n`);
  const signals = catchStopSignals(['SIGTERM', 'SIGINT']);
  try {
    const service = await start(config);
    await signals.first;
    await service.stop();
  } finally {
    signals.release();
  }
}

async function start(config: Parameters<typeof startService>[0]): Promise<Service> {
  try {
    return await startService(config);
  } catch (error) {
    throw new CommandFailure(`cannot start: ${describeSystemError(error)}`);
  }
}
