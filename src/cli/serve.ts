/**
 * `sallyport serve`: runs the gateway that a configuration file describes until it is told to stop.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { describeProblem } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { workerCount } from '../config/worker-slices.ts';
import { describeSystemError } from '../errors/system-error.ts';
import { tuneGarbageCollection } from '../garbage-collection.ts';
import type { ReloadTrigger } from '../lifecycle/reloads.ts';
import { ServiceManager } from '../lifecycle/service-manager.ts';
import { startService } from '../service.ts';
import { startWorkers } from '../workers/primary.ts';
import { loadFile } from './load-file.ts';
import { CommandFailure } from './outcome.ts';
import { catchStopSignals } from './stop-signals.ts';

/** Adds the command. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .summary('run the gateway')
    .description(
      'Runs the gateway. SIGTERM or SIGINT: no more sessions, running transfers finish (timeouts.drain); once more: they are cut; a third time: the process ends at once. SIGHUP: reads the configuration again.',
    )
    .requiredOption('-c, --config <file>', 'configuration file')
    .action(({ config }: { readonly config: string }) => serve(config));
}

async function serve(file: string): Promise<void> {
  const { config, warnings } = await loadFile(file);
  for (const warning of warnings) process.stderr.write(`warning: ${describeProblem(warning, file)}\n`);
  let running: Running | undefined;
  const signals = catchStopSignals(['SIGTERM', 'SIGINT'], {
    waitedFor: 2,
    end: 'kill',
    abandon: () => running?.abandon?.(),
  });
  const manager = new ServiceManager(process.env, (error) =>
    process.stderr.write(`warning: systemd cannot be told: ${error.message}\n`),
  );
  const onHangUp = () => void running?.reload('signal');
  process.on('SIGHUP', onHangUp);
  try {
    running = await start(config, file, manager);
    await manager.ready();
    await signals.first;
    void manager.stopping('running transfers finish');
    await Promise.race([running.drain(), signals.second]);
    await running.stop();
  } finally {
    process.off('SIGHUP', onHangUp);
    manager.close();
    signals.release();
  }
}

/** A gateway in this process, or in several. */
interface Running {
  reload(trigger: ReloadTrigger): Promise<unknown>;
  drain(): Promise<void>;
  stop(): Promise<void>;
  /** Ends other processes before this one exits. */
  abandon?(): void;
}

async function start(config: Config, file: string, manager: ServiceManager): Promise<Running> {
  tuneGarbageCollection();
  const workers = workerCount(config, availableParallelism());
  const options = {
    file,
    onReload: async (reload: () => Promise<void>) => {
      await manager.reloading();
      await reload();
      await manager.ready();
    },
  };
  try {
    return await (workers === 1 ? startService(config, options) : startWorkers(config, workers, options));
  } catch (error) {
    throw new CommandFailure(`cannot start: ${describeSystemError(error)}`);
  }
}
