/**
 * `sallyport check`: says what is wrong or doubtful in a configuration file and in the certificates it names. Starts nothing.
 */
import type { Command } from 'commander';
import { ConfigError, type ConfigProblem, describeProblem, loadConfigWithWarnings } from '../config/load.ts';
import { EXIT } from './outcome.ts';

interface Verdict {
  readonly file: string;
  readonly valid: boolean;
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** Adds the command. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .summary('validate a configuration file')
    .description('Validates a configuration file and the certificates it names. Exit code 2 when it cannot be used.')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print JSON')
    .action(async ({ config: file, json }: { readonly config: string; readonly json?: true }) => {
      const verdict = await judge(file);
      process.stdout.write(json ? `${JSON.stringify(verdict, undefined, 2)}\n` : describe(verdict));
      process.exitCode = verdict.valid ? EXIT.fine : EXIT.usage;
    });
}

async function judge(file: string): Promise<Verdict> {
  try {
    const { warnings } = await loadConfigWithWarnings(file);
    return { file, valid: true, errors: [], warnings: warnings.map(facts) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, valid: false, errors: error.problems.map(facts), warnings: [] };
  }
}

/** What is printed of a problem; which other keys a rule reads is of no use to a reader. */
function facts({ related: _, ...problem }: ConfigProblem): ConfigProblem {
  return problem;
}

function describe({ file, valid, errors, warnings }: Verdict): string {
  const lines = [
    ...errors.map((problem) => `error: ${describeProblem(problem, file)}`),
    ...warnings.map((problem) => `warning: ${describeProblem(problem, file)}`),
    valid
      ? `${file}: fine${warnings.length === 0 ? '' : `, ${count(warnings.length, 'warning')}`}`
      : `${file}: ${count(errors.length, 'error')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
