/**
 * Reads the configuration file of a command, and turns everything that is wrong in it into one failure of that command.
 */
import { ConfigError, describeProblem, type LoadedConfig, loadConfigWithWarnings } from '../config/load.ts';
import { CommandFailure, EXIT } from './outcome.ts';

/** The configuration with its warnings. Rejects with a {@link CommandFailure} that lists every problem, one a line. */
export async function loadFile(file: string): Promise<LoadedConfig> {
  try {
    return await loadConfigWithWarnings(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandFailure(problemList(error), EXIT.usage);
  }
}

function problemList({ problems, file }: ConfigError): string {
  const count = problems.length === 1 ? '1 error' : `${problems.length} errors`;
  const lines = problems.map((problem) => `  ${describeProblem(problem, file)}`);
  return [`${count} in the configuration`, ...lines].join('\n');
}
