/**
 * `sallyport serve`: runs the gateway that a configuration file describes until it is told to stop.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { describeProblem } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { workerCount } from '../config/worker-slices.ts';
import { tuneGarbageCollection } from '../garbage-collection.ts';
import { startService } from '../service.ts';
import { startWorkers } from '../workers/primary.ts';
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
  let running: Running | undefined;
  const signals = catchStopSignals(['SIGTERM', 'SIGINT'], () => running?.abandon?.());
  try {
    running = await start(config);
    await signals.first;
    await running.stop();
  } finally {
    signals.release();
  }
}

/** A gateway in this process, or in several. */
interface Running {
  stop(): Promise<void>;
  /** Ends other processes before this one exits. */
  abandon?(): void;
}

async function start(config: Config): Promise<Running> {
  tuneGarbageCollection();
  const workers = workerCount(config, availableParallelism());
  try {
    return await (workers === 1 ? startService(config) : startWorkers(config, workers));
  } catch (error) {
    throw new CommandFailure(`cannot start: ${describeSystemError(error)}`);
  }
}
