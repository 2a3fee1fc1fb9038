/**
 * What stands between the commands of a client that is logged in and the files of its backend: access rules, and the view of its route.
 * What was judged is what is sent. Sessions for which nothing is forbidden have none.
 */
import type { SessionRules, Verdict } from '../access/rules.ts';
import type { BackendLink } from '../backends/backend-link.ts';
import { ERRORS, type ErrorCode } from '../errors/errors.ts';
import type { SessionObserver } from '../observe/session-observer.ts';
import type { Command } from '../wire/command.ts';
import { asQuestion, type FileCommand, fileCommand, withPath } from '../wire/file-commands.ts';
import { canonicalPath, type PathStyle } from '../wire/path.ts';
import type { Place } from '../wire/place.ts';
import { type Reply, reply } from '../wire/reply.ts';
import type { CurrentDirectory } from './current-directory.ts';
import { Existence } from './existence.ts';
import { otherReadings, type Resolved, resolve } from './file-paths.ts';
import type { Outcome } from './outcome.ts';

/** Decides about a command that has passed. */
export type Handle = (command: Command) => Outcome | Promise<Outcome>;

/** The client's own view of its backend, where that is not the backend's. */
export interface OwnView {
  /** Where the client is, as it sees it; canonical. */
  readonly directory: string;
  /** Asks the backend about one file of the client's view. Rejects with a GatewayError where the link is lost. */
  ask(command: Command): Promise<Reply>;
}

export interface FileGateOptions {
  readonly rules: SessionRules;
  readonly link: BackendLink;
  /** Where the backend is; undefined where no rule asks for paths, or where {@link view} knows better. */
  readonly directory: CurrentDirectory | undefined;
  readonly view: OwnView | undefined;
  readonly observer: SessionObserver;
}

type Refusal = Outcome & { readonly do: 'refuse' };

/** Verbs that give a name to something new: 553 is for them (RFC 959 §5.4). */
const NAMING: ReadonlySet<string> = new Set(['STOR', 'APPE', 'STOU', 'RNTO']);
const LISTINGS: ReadonlySet<string> = new Set(['LIST', 'NLST', 'MLSD']);
/** quirk: ProFTPD 1.3.8 answers 501 to all else until it has heard RNTO; one that names nothing ends that, and renames nothing. */
const NOWHERE: Command = { verb: 'RNTO', argument: undefined };
const NOT_RENAMING = reply(503, 'Send RNFR first.');

export class FileGate {
  readonly #options: FileGateOptions;
  readonly #style: PathStyle;
  readonly #existence: Existence;
  /** The path of the last RNFR, until its RNTO; it counts when the backend has accepted it. */
  #renames: { readonly stage: 'asked' | 'accepted'; readonly from: Place | undefined } | undefined;

  constructor(options: FileGateOptions) {
    this.#options = options;
    const { link, view } = options;
    this.#style = link.backend.config.paths;
    this.#existence = new Existence((question) => (view === undefined ? link.exchange(question) : view.ask(question)));
  }

  /** Whether a verb can be let through at all; for FEAT and HELP. */
  offers(verb: string): boolean {
    const { rules } = this.#options;
    // Without an argument STAT is about the session.
    const file = verb === 'STAT' ? undefined : fileCommand({ verb, argument: undefined });
    if (file === undefined && !rules.names(verb)) return true;
    // They are answered, with nothing.
    if (rules.keepsFiles && LISTINGS.has(verb)) return true;
    return rules.offers(file ?? nameless(verb));
  }

  /** Refuses a command, or leads it to its handler, with the path in it that was judged. */
  lead(command: Command, handle: Handle): Outcome | Promise<Outcome> {
    const asked = this.#style.style === 'other' ? command : asQuestion(command);
    const file = fileCommand(asked);
    return file === undefined ? this.#leadOther(asked, handle) : this.#leadFile(asked, file, handle);
  }

  /**
   * The backend has answered a command that was let through. quirk: ProFTPD 1.3.8, Pure-FTPd 1.0.50 and pyftpdlib 1.5.7 keep the path of an
   * earlier RNFR behind one that failed: no RNTO reaches them then.
   */
  noticed({ verb }: Command, { code }: Reply): void {
    if (verb !== 'RNFR') return;
    this.#renames = code === 350 && this.#renames ? { ...this.#renames, stage: 'accepted' } : undefined;
  }

  async #leadFile(command: Command, file: FileCommand, go: Handle): Promise<Outcome> {
    const { rules, link, directory, view, observer } = this.#options;
    const { verb } = command;
    // What was said before may have moved the backend.
    if (rules.needPaths) await directory?.settled();
    if (verb === 'RNTO' && this.#renames?.stage !== 'accepted') return { do: 'reply', reply: NOT_RENAMING };
    const resolved = resolve(file, this.#folder, this.#style);
    const verdict = this.#judge(file, resolved);
    if (verdict.effect === 'deny') {
      if (verb === 'RNTO' && view === undefined) await link.exchange(NOWHERE);
      return verdict.rule === 'uploadOnly' && LISTINGS.has(verb) ? showNothing(command, go) : refusal(verb, verdict);
    }
    if (verdict.effect === 'report') observer.policy(verdict.rule, 'report', verb);
    const clear = rules.needPaths && view === undefined && resolved.path !== undefined;
    const sent = clear ? withPath(command, file, resolved.path ?? '') : command;
    const kept = verb === 'STOR' && rules.keepsFiles ? await this.#refuseToReplace(sent) : undefined;
    return kept ?? go(sent);
  }

  /** Where the client is, as it sees it. */
  get #folder(): string | undefined {
    const { view, directory } = this.#options;
    if (view !== undefined) return view.directory;
    const path = directory?.path;
    return path === undefined ? undefined : canonicalPath(undefined, path, this.#style).path;
  }

  #judge(file: FileCommand, { subject, path }: Resolved): Verdict {
    const { rules } = this.#options;
    const now = new Date();
    const place = subject.kind === 'place' ? subject.place : undefined;
    const from = this.#renames?.from;
    if (file.name === 'RNTO') this.#renames = undefined;
    const renamed = file.name === 'RNTO' && place !== undefined;
    let verdict = rules.judge({ command: file, subject: renamed ? { kind: 'renamed', place, from } : subject, now });
    for (const reading of otherReadings(file, path, this.#folder, this.#style)) {
      if (verdict.effect === 'deny') break;
      const also = rules.judge({ ...reading, now });
      // What is only reported is reported as what was said.
      if (also.effect === 'deny' || verdict.effect === 'allow') verdict = also;
    }
    if (file.name === 'RNFR') this.#renames = verdict.effect === 'deny' ? undefined : { stage: 'asked', from: place };
    return verdict;
  }

  /** A verb that touches no file: only a rule that names it counts. */
  #leadOther(command: Command, go: Handle): Outcome | Promise<Outcome> {
    const { rules } = this.#options;
    const { verb } = command;
    if (!rules.names(verb)) return go(command);
    const verdict = rules.judge({ command: nameless(verb), subject: { kind: 'nothing' }, now: new Date() });
    if (verdict.effect === 'deny') return refusal(verb, verdict);
    if (verdict.effect === 'report') this.#options.observer.policy(verdict.rule, 'report', verb);
    return go(command);
  }

  /** In a drop box nothing is replaced: the backend is asked whether the file is there. */
  async #refuseToReplace({ argument = '' }: Command): Promise<Outcome | undefined> {
    const { found, answers } = await this.#existence.of(argument);
    if (found === 'nothing') return undefined;
    const cause = found === 'file' ? 'file-exists' : 'existence-unknown';
    const [told, text] = ERRORS[cause].reply;
    return refused('uploadOnly', cause, reply(told, text), answers);
  }
}

/** Clients that list as soon as they are logged in go on behind an empty listing, and not behind a refusal. */
async function showNothing(command: Command, go: Handle): Promise<Outcome> {
  const outcome = await go({ verb: command.verb, argument: undefined });
  if (outcome.do !== 'begin') return outcome;
  outcome.allowance.finish(false);
  return { do: 'list-nothing', command, plan: outcome.plan };
}

function nameless(verb: string): FileCommand {
  return { name: verb, classes: [], target: { kind: 'nothing' }, known: true };
}

function refusal(verb: string, { rule, reply: words, problem }: Verdict): Refusal {
  const cause = problem === undefined ? 'access-denied' : 'path-unclear';
  const [code, text] = ERRORS[cause].reply;
  const answer = reply(NAMING.has(verb) ? 553 : code, words ?? text);
  return refused(rule, cause, answer, problem);
}

function refused(rule: string, cause: ErrorCode, answer: Reply, detail: string | undefined): Refusal {
  return { do: 'refuse', rule, reply: answer, cause, detail };
}
