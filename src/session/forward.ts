/**
 * A command that the backend answers by itself: carried to it, noticed, and told to the observer where it changes something there.
 */
import type { BackendLink } from '../backends/backend-link.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { TouchedPath } from '../observe/session-records.ts';
import type { Command } from '../wire/command.ts';
import { asQuestion, fileCommand } from '../wire/file-commands.ts';
import type { Reply } from '../wire/reply.ts';
import { COMMANDS, type Effect } from './command-table.ts';
import { deny } from './denial.ts';
import { noticeAnswer, type Standing } from './standing.ts';
import { touchedPath } from './touched-path.ts';

const CHANGES: ReadonlySet<Effect> = new Set<Effect>(['delete', 'rename', 'directories', 'attributes', 'site']);
/** What SITE can be told whole; behind another word there may be a password, as in `SITE PSWD`. */
const SITE_OF_FILES = /^(?:CHMOD|CHGRP|CHOWN|UTIME|UMASK|MKDIR|RMDIR|SYMLINK|CPFR|CPTO|COPY)(?: |$)/i;

/** Resolves with the backend's answer. Rejects with a GatewayError where it has none; then too it may have done what it was told. */
export async function forward(
  given: Command,
  link: BackendLink,
  standing: Standing,
  observer: SessionObserver,
): Promise<Reply> {
  const { root } = standing;
  // With a root a question is asked about one path.
  const command = root === undefined ? given : asQuestion(given);
  const { verb } = command;
  const changes = CHANGES.has(COMMANDS.get(verb)?.effect ?? 'none') || setsTime(command);
  const tell = (backendReply?: number) => {
    if (changes) observer.changed({ verb, touched: touched(command, standing), backendReply });
  };
  const course = await root?.lead(command);
  if (course?.kind === 'refuse') return deny(course.outcome, command, standing, observer);
  if (course?.kind === 'answer') {
    noticeAnswer(standing, command, course.reply);
    return course.reply;
  }
  let answer: Reply;
  try {
    answer = await link.exchange(course?.command ?? command);
  } catch (error) {
    tell();
    throw error;
  }
  // Before a folder that was renamed makes the current one unknown.
  tell(answer.code);
  // With a root something else may have been asked: MLST in place of RNFR.
  const shown = course?.shown(answer) ?? answer;
  noticeAnswer(standing, command, shown);
  return shown;
}

/** quirk: vsftpd 3.0.3: MDTM with a time sets it. */
function setsTime(command: Command): boolean {
  return command.verb === 'MDTM' && fileCommand(command)?.classes.includes('attributes') === true;
}

function touched(command: Command, standing: Standing): TouchedPath {
  if (command.verb !== 'SITE') return touchedPath(standing, command);
  const { argument = '' } = command;
  if (standing.root !== undefined) return standing.root.touched(command);
  const told = SITE_OF_FILES.test(argument) ? argument : argument.replace(/ .*$/s, ' ****');
  return { path: undefined, argument: told, directory: 'known' };
}
