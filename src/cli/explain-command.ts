/**
 * What becomes of one command of a client: which view and which access rule decides, why those before it do not, and what the backend
 * is told. Pure. Asks no backend: the folder is what the caller says.
 */
import { type AccessFacts, AccessTable, mismatchesOf, type Objection, type Verdict } from '../access/rules.ts';
import { type View, viewOf, viewRules } from '../access/views.ts';
import type { AccessMatch } from '../config/access.ts';
import type { Config } from '../config/schema.ts';
import { COMMANDS } from '../session/command-table.ts';
import { resolve } from '../session/file-paths.ts';
import { bytesOf } from '../wire/bytes-of.ts';
import { type Command, parseCommand, serializeCommand } from '../wire/command.ts';
import { type FileCommand, fileCommand, withPath } from '../wire/file-commands.ts';
import { canonicalPath, POSIX_PATHS } from '../wire/path.ts';
import { placeOfPath } from '../wire/place.ts';

/** The command, and what is known when it comes. Texts of people. */
export interface AskedCommand {
  readonly line: string;
  /** Where the client is, as it sees it. */
  readonly directory: string;
  readonly now: Date;
  /** For RNTO: the path of RNFR. */
  readonly renames: string | undefined;
}

/** One rule and what stands against it. */
export interface ExplainedRule {
  readonly rule: string;
  readonly verdict: 'decides' | 'does not match' | 'not asked';
  /** Keys of `match`, with what they ask for. */
  readonly against: readonly { readonly key: string; readonly expected: string }[];
}

/** What becomes of the command. */
export interface ExplainedCommand {
  readonly command: string;
  readonly backend: string;
  /** The path it means, as the client sees it; undefined where it has none, or none that is clear. */
  readonly path: string | undefined;
  /** Classes of the command; empty where it changes nothing but the folder. */
  readonly classes: readonly string[];
  readonly rules: readonly ExplainedRule[];
  readonly effect: Verdict['effect'];
  /** Name of the rule that decides; undefined where nothing is forbidden to this client. */
  readonly decidedBy: string | undefined;
  /** Why the path is not clear, where that decided. */
  readonly problem: string | undefined;
  /** What else counts, whatever the rules say. */
  readonly beside: 'unknown-command' | 'must-not-exist' | undefined;
  readonly reply: string | undefined;
  /** What the backend is told, where that differs. */
  readonly sent: string | undefined;
}

/** What becomes of a verb that the gateway does not know, whatever the rules are. */
const UNKNOWN: Partial<Verdict> = { effect: 'deny', reply: '500 Unknown command.' };

/** What a drop box answers with nothing in it. */
const LISTINGS: ReadonlySet<string> = new Set(['LIST', 'NLST', 'MLSD']);

/** Throws a RangeError, for the person who asks, where the line is no command or the folder no path. */
export function explainCommand(
  config: Config,
  route: Config['routes'][number] | undefined,
  facts: AccessFacts,
  asked: AskedCommand,
): ExplainedCommand {
  const style = config.backends.find(({ name }) => name === facts.backend)?.paths ?? POSIX_PATHS;
  const command = readCommand(asked.line);
  const file = fileCommand(command);
  const folder = canonicalPath(undefined, bytesOf(asked.directory), style).path;
  if (folder === undefined) throw new RangeError(`--directory: found ${asked.directory}, expected an absolute path`);
  const view = viewOf(route);
  const rules = new AccessTable(config.access).forSession(facts, view, style);
  const known: FileCommand = file ?? { name: command.verb, classes: [], target: { kind: 'nothing' }, known: true };
  const resolved = resolve(known, folder, style);
  const from = asked.renames === undefined ? undefined : canonicalPath(folder, bytesOf(asked.renames), style).path;
  const { subject } = resolved;
  const renamed = command.verb === 'RNTO' && subject.kind === 'place';
  const request = {
    command: known,
    subject: renamed
      ? ({
          kind: 'renamed',
          place: subject.place,
          from: from === undefined ? undefined : placeOfPath(from, style),
        } as const)
      : subject,
    now: asked.now,
  };
  const judged = file !== undefined || rules?.names(command.verb) === true;
  const verdict = judged ? rules?.judge(request) : undefined;
  const explained = new Map(rules?.explain(request).map(({ rule, against }) => [rule, against]));
  const all = [...viewRules(view), ...config.access.rules];
  const isKnown = COMMANDS.has(command.verb);
  const { effect = 'allow', rule: decidedBy, problem, reply = null } = isKnown ? (verdict ?? {}) : UNKNOWN;
  // With a root the path is another one at the backend.
  const rooted = route !== undefined && route.root !== null;
  const sent =
    !rooted && rules?.needPaths === true && resolved.path !== undefined
      ? withPath(command, known, resolved.path)
      : command;
  return {
    command: asked.line,
    backend: facts.backend,
    path: canonicalOf(known, folder, style),
    classes: known.classes,
    rules: all.map(({ name, match }) => ({ rule: name, ...standing(match, facts, explained, name, decidedBy) })),
    effect,
    decidedBy,
    problem,
    beside: isKnown ? besides(view, effect, command) : 'unknown-command',
    reply: decidedBy === 'uploadOnly' && LISTINGS.has(command.verb) ? 'an empty listing' : (reply ?? undefined),
    sent: effect === 'deny' ? undefined : differing(command, sent),
  };
}

function besides(view: View | undefined, effect: Verdict['effect'], { verb }: Command): ExplainedCommand['beside'] {
  return view === 'uploadOnly' && effect !== 'deny' && verb === 'STOR' ? 'must-not-exist' : undefined;
}

function readCommand(line: string): Command {
  const parsed = parseCommand(bytesOf(line));
  if (parsed.kind === 'command') return parsed.command;
  throw new RangeError(
    `--command: found ${JSON.stringify(line)}, expected a verb of letters with its argument, as in "STOR /in/x"; the gateway answers anything else with 500`,
  );
}

function canonicalOf({ target }: FileCommand, folder: string, style: typeof POSIX_PATHS): string | undefined {
  if (target.kind !== 'path') return undefined;
  const { path } = canonicalPath(folder, target.path, style);
  return path === undefined ? undefined : textOf(path);
}

function standing(
  match: AccessMatch,
  facts: AccessFacts,
  explained: ReadonlyMap<string, Objection | undefined>,
  name: string,
  decidedBy: string | undefined,
): Omit<ExplainedRule, 'rule'> {
  if (name === decidedBy) return { verdict: 'decides', against: [] };
  const mismatches = mismatchesOf(match, facts);
  if (mismatches.length === 0 && !explained.has(name)) return { verdict: 'not asked', against: [] };
  const objection = explained.get(name);
  const keys = [...mismatches, ...(objection === undefined ? [] : [objection])];
  return { verdict: 'does not match', against: keys.map((key) => ({ key, expected: expectedBy(match, key) })) };
}

function expectedBy(match: AccessMatch, key: string): string {
  if (key === 'time') {
    const { days, from, to, zone } = match.time;
    const clock = (minutes: number) =>
      `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
    return `${days === null ? 'every day' : days.join(', ')} from ${clock(from)} to ${clock(to)} ${zone}`;
  }
  const value = key
    .split('.')
    .reduce<unknown>((found, step) => (found as Record<string, unknown> | null)?.[step], match);
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function differing(command: Command, sent: Command): string | undefined {
  const line = serializeCommand(sent).trimEnd();
  return line === serializeCommand(command).trimEnd() ? undefined : textOf(line);
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
