/**
 * `sallyport check`: says what is wrong or doubtful in a configuration file and in the certificates it names; with `--live`
 * also whether what it promises works here and now. Starts no gateway.
 */
import type { Command } from 'commander';
import { type ConfigProblem, describeProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { askPassword } from './ask-password.ts';
import { type Judgement, judge } from './judge.ts';
import { checkLive, type LiveReport } from './live-check/live-check.ts';
import { describeLiveReport } from './live-check/report-text.ts';
import { type Login, loginOf } from './live-check/secrets.ts';
import { CommandFailure, EXIT } from './outcome.ts';

const PASSWORD = 'SALLYPORT_CHECK_PASSWORD';

interface CheckOptions {
  readonly config: string;
  readonly live?: true;
  readonly user?: string;
  readonly json?: true;
}

/** Adds the command. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .summary('validate a configuration file, and on request try it out')
    .description('Validates a configuration file and the certificates it names. Exit code 2 when it cannot be used.')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option(
      '--live',
      'also bind the ports, resolve the names and probe the backends; exit code 1 when one of that fails',
    )
    .option(
      '--user <name>',
      `with --live: log in to the backends by this name (routes, their credentials and roots are not tried); the password comes from ${PASSWORD} or is asked for`,
    )
    .option('--json', 'print JSON')
    .action(check);
}

async function check({ config: file, live, user, json }: CheckOptions): Promise<void> {
  if (user !== undefined && live === undefined) throw new CommandFailure('--user is for --live', EXIT.usage);
  const judgement = await judge(file);
  const usable = live === undefined ? undefined : judgement.config;
  const login = usable === undefined || user === undefined ? undefined : await loginFor(user);
  if (!json) process.stdout.write(describe(judgement));
  const report = usable === undefined ? undefined : await tryOut(usable, login);
  if (json) process.stdout.write(asJson(judgement, report));
  else if (report !== undefined) process.stdout.write(`\n${describeLiveReport(report, login !== undefined)}`);
  if (!judgement.valid) process.exitCode = EXIT.usage;
  else process.exitCode = report?.level === 'failed' ? EXIT.failed : EXIT.fine;
}

async function tryOut(config: Config, login: Login | undefined): Promise<LiveReport> {
  if (process.stderr.isTTY)
    process.stderr.write('Trying ports, names and backends; what does not answer takes a while.\n');
  return checkLive(config, login);
}

/** The password is never an argument: everybody on this machine could read it there. */
async function loginFor(user: string): Promise<Login> {
  const password = process.env[PASSWORD] ?? (await askForPassword(user));
  if (/[\0\r\n]/.test(user + password)) {
    throw new CommandFailure('neither name nor password may hold a line end or NUL', EXIT.usage);
  }
  return loginOf(user, password);
}

async function askForPassword(user: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandFailure(`no password: set ${PASSWORD}, or run on a terminal to be asked for it`, EXIT.usage);
  }
  return askPassword(`Password of ${user} at the backends: `, { input: process.stdin, output: process.stderr });
}

function asJson({ config: _, ...verdict }: Judgement, live: LiveReport | undefined): string {
  return `${JSON.stringify({ ...verdict, live }, undefined, 2)}\n`;
}

function describe({ file, valid, errors, warnings }: Judgement): string {
  const line = (kind: string) => (problem: ConfigProblem) => `${kind}: ${describeProblem(problem, file)}`;
  const lines = [
    ...errors.map(line('error')),
    ...warnings.map(line('warning')),
    valid
      ? `${file}: fine${warnings.length === 0 ? '' : `, ${count(warnings.length, 'warning')}`}`
      : `${file}: ${count(errors.length, 'error')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
