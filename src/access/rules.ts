/**
 * Who may do what with which files: the rules of the configuration, as far as they are for one session, and their verdict about a command.
 * The first that matches counts. Pure: knows no backend, counts nothing, answers nobody.
 */
import type { AccessConfig, AccessEffect, AccessMatch, AccessRuleConfig } from '../config/access.ts';
import { commandName, needsNaming } from '../config/access-fields.ts';
import { conditionsOf, type RouteFacts } from '../routing/route-table.ts';
import type { FileCommand } from '../wire/file-commands.ts';
import type { PathProblem, PathStyle } from '../wire/path.ts';
import { contains, meet, type Place, placeOfPattern, positions, withAllBelow } from '../wire/place.ts';
import { timeWindow } from './time-window.ts';
import { type View, viewRules } from './views.ts';

/** What rules can ask of a session. */
export interface AccessFacts extends RouteFacts {
  readonly backend: string;
  /** As the operator's service has said. */
  readonly groups: readonly string[];
}

/** What a command touches, worked out. */
export type Subject =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'place'; readonly place: Place }
  /** RNTO: `from` is the path of RNFR; undefined where that is not known. */
  | { readonly kind: 'renamed'; readonly place: Place; readonly from: Place | undefined }
  | { readonly kind: 'unclear'; readonly problem: PathProblem | 'form' };

/** One command that is to be judged. */
export interface AccessRequest {
  readonly command: FileCommand;
  readonly subject: Subject;
  readonly now: Date;
}

/** What the rules say. */
export interface Verdict {
  readonly effect: AccessEffect;
  /** Name of the rule; `default` and `site` where none matches. */
  readonly rule: string;
  /** Words of the rule for the client. */
  readonly reply: string | null;
  /** Why the path has no canonical form, where that decided. */
  readonly problem?: PathProblem | 'form';
}

/** Keys of `match` that are about the command. */
export type Objection = 'commands' | 'time' | 'paths';

/** Verbs that go to another folder. */
const ENTERING: ReadonlySet<string> = new Set(['CWD', 'XCWD', 'CDUP', 'XCUP']);

/** A rule with its patterns and its window compiled. */
interface CompiledRule extends Pick<AccessRuleConfig, 'name' | 'effect' | 'reply'> {
  readonly commands: ReadonlySet<string> | null;
  readonly places: readonly Place[] | null;
  readonly holdsAt: ((now: Date) => boolean) | undefined;
}

/** The rules that can be for one session. */
export class SessionRules {
  readonly #rules: readonly CompiledRule[];
  readonly #default: AccessConfig['default'];

  /** Whether an upload must replace nothing. */
  readonly keepsFiles: boolean;

  constructor(
    rules: readonly AccessRuleConfig[],
    otherwise: AccessConfig['default'],
    style: PathStyle,
    view: View | undefined,
  ) {
    this.keepsFiles = view === 'uploadOnly';
    this.#rules = rules.map(({ name, effect, reply, match }) => ({
      ...{ name, effect, reply },
      commands: match.commands && new Set(match.commands),
      places: match.paths === null ? null : match.paths.map((pattern) => placeOfPattern(pattern, style)),
      holdsAt: timeWindow(match.time),
    }));
    this.#default = otherwise;
  }

  /** Whether any of them asks for paths. */
  get needPaths(): boolean {
    return this.#rules.some(({ places }) => places !== null);
  }

  /** Whether any of them names this verb, which touches no file. */
  names(verb: string): boolean {
    return this.#rules.some(({ commands }) => commands?.has(verb) === true);
  }

  /** The verdict about a command. */
  judge(request: AccessRequest): Verdict {
    const first = this.#first(request);
    const { subject } = request;
    if (subject.kind !== 'renamed' || first.effect === 'deny') return first;
    return (subject.from && this.#loss(subject.from, subject.place, request.now)) ?? first;
  }

  /** Each rule in its order, up to the one that decides, with the key of `match` that stands against it. */
  explain(request: AccessRequest): readonly { readonly rule: string; readonly against: Objection | undefined }[] {
    const judged = this.#rules.map((rule) => ({ rule: rule.name, against: objection(rule, request) }));
    const first = judged.findIndex(({ against }) => against === undefined);
    return first === -1 ? judged : judged.slice(0, first + 1);
  }

  #first(request: AccessRequest): Verdict {
    const { command, subject } = request;
    const rule = this.#rules.find((each) => objection(each, request) === undefined);
    if (rule !== undefined) {
      if (rule.places === null || subject.kind !== 'unclear') return verdict(rule);
      return { ...verdict(rule), effect: 'deny', problem: subject.problem };
    }
    // Nobody knows what it does; a rule must say that it may.
    if (!command.known) return { effect: 'deny', rule: 'site', reply: null };
    return { effect: needsNaming(command.name) ? 'allow' : this.#default, rule: 'default', reply: null };
  }

  /** What a rule protects must not be moved away from under it: with it, all that is below moves. */
  #loss(from: Place, to: Place, now: Date): Verdict | undefined {
    for (const [index, rule] of this.#rules.entries()) {
      if (rule.effect !== 'deny' || rule.places === null || rule.holdsAt?.(now) === false) continue;
      const lost = rule.places.some((pattern) => {
        const reached = positions(pattern, to);
        return ![...positions(pattern, from)].every((at) => reached.has(at));
      });
      if (lost && !this.#mayRename(index, from, now)) return verdict(rule);
    }
    return undefined;
  }

  /** Whether an earlier rule lets everything there be renamed. */
  #mayRename(before: number, from: Place, now: Date): boolean {
    return this.#rules
      .slice(0, before)
      .some(
        ({ effect, commands, places, holdsAt }) =>
          effect !== 'deny' &&
          (commands === null || commands.has('rename')) &&
          holdsAt?.(now) !== false &&
          (places === null || places.some((pattern) => contains(pattern, withAllBelow(from)))),
      );
  }

  /** Whether a verb can be let through at all, whatever it is about and whenever; for FEAT and HELP. */
  offers(command: FileCommand): boolean {
    for (const rule of this.#rules) {
      if (!meansCommand(rule, command)) continue;
      if (rule.effect !== 'deny') return true;
      if (rule.places === null && rule.holdsAt === undefined) return false;
    }
    return needsNaming(command.name) || this.#default === 'allow';
  }
}

/** What of a rule does not fit a command; undefined where it decides. */
function objection(rule: CompiledRule, { command, subject, now }: AccessRequest): Objection | undefined {
  if (!meansCommand(rule, command)) return 'commands';
  if (rule.holdsAt?.(now) === false) return 'time';
  if (rule.places === null) return undefined;
  switch (subject.kind) {
    case 'nothing':
      return 'paths';
    case 'unclear':
      // What is let through anyway need not be understood; everything else does.
      return rule.effect === 'report' ? 'paths' : undefined;
    default:
      return meansPlace(rule, rule.places, subject.place, ENTERING.has(command.name)) ? undefined : 'paths';
  }
}

function verdict({ effect, name, reply }: CompiledRule): Verdict {
  return { effect, rule: name, reply };
}

function meansCommand({ commands, effect }: CompiledRule, { name, classes }: FileCommand): boolean {
  // Nobody can allow without a word what nobody knows.
  if (needsNaming(name)) {
    if (commands?.has(name) === true) return true;
    return name.startsWith('SITE') && effect === 'deny' && (commands === null || commands.has('site'));
  }
  if (commands === null || commands.has(commandName(name))) return true;
  // To go to a folder changes nothing: whoever may do anything there may go there.
  if (ENTERING.has(name)) return effect !== 'deny' && ![...commands].every(needsNaming);
  return classes.some((each) => commands.has(each));
}

function meansPlace({ effect }: CompiledRule, patterns: readonly Place[], place: Place, entering: boolean): boolean {
  // What denies a part of it denies it; what lets a part of it through says nothing about the rest.
  if (effect === 'deny') return patterns.some((pattern) => meet(pattern, place));
  // The way to a place leads through the folders above it.
  if (entering && effect === 'allow') return patterns.some((pattern) => positions(pattern, place).size > 0);
  return patterns.some((pattern) => contains(pattern, place));
}

/** The access rules of a configuration. */
export class AccessTable {
  readonly #config: AccessConfig;

  constructor(config: AccessConfig) {
    this.#config = config;
  }

  /** The rules for one session, that of its view first; undefined where nothing is forbidden to it. `style`: how its backend reads paths. */
  forSession(facts: AccessFacts, view: View | undefined, style: PathStyle): SessionRules | undefined {
    const { default: otherwise, rules } = this.#config;
    const own = rules.filter(({ match }) => mismatchesOf(match, facts).length === 0);
    const all = [...viewRules(view), ...own];
    return all.length === 0 && otherwise === 'allow' ? undefined : new SessionRules(all, otherwise, style, view);
  }
}

/** What a rule asks of the session that is not so: keys of its `match`. */
export function mismatchesOf(match: AccessMatch, facts: AccessFacts): readonly string[] {
  const whom = conditionsOf(match).flatMap(({ key, found, holds }) => (found(facts).some(holds) ? [] : [key]));
  const backend = match.backend !== null && !match.backend.includes(facts.backend);
  const group = match.group !== null && !match.group.some((each) => facts.groups.includes(each));
  return [...whom, ...(backend ? ['backend'] : []), ...(group ? ['group'] : [])];
}
