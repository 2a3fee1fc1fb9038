/**
 * A command that the gateway itself refuses: told to the observer, with the file that it was about.
 */
import type { SessionObserver } from '../observe/session-observer.ts';
import type { TouchedPath } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import { type Reply, reply } from '../wire/reply.ts';
import { COMMANDS } from './command-table.ts';
import type { Outcome } from './outcome.ts';
import type { Standing } from './standing.ts';
import { touchedPath } from './touched-path.ts';

/** Tells the observer; resolves with what the client is told. */
export async function deny(
  outcome: Outcome & { do: 'refuse' | 'fail' | 'exceed' },
  command: Command,
  standing: Standing,
  observer: SessionObserver,
): Promise<Reply> {
  // It may have been asked just now, for the command before.
  await standing.directory?.settled();
  const touched: TouchedPath | undefined =
    COMMANDS.get(command.verb)?.path === true ? touchedPath(standing, command) : undefined;
  if (outcome.do === 'refuse') {
    const { rule, reply: answer, cause, detail } = outcome;
    const why = cause === undefined ? {} : { cause, detail };
    observer.policy(rule, 'enforce', command.verb, { rule, ...why, reply: answer.code, touched });
    return answer;
  }
  const { code: cause, detail, reply: told } = outcome.error;
  const answer = told === null ? reply(425, 'Cannot open a data connection.') : reply(...told);
  if (outcome.do === 'exceed') {
    observer.limits.reached(outcome.error, command.verb, { cause, detail, reply: answer.code, touched });
    return answer;
  }
  observer.dataSetupFailed(command.verb, cause, { cause, detail, reply: answer.code, touched });
  return answer;
}
