/**
 * A session whose client takes a folder of the backend for `/`. Turns each command into one with absolute paths below that folder, and each
 * answer into words that tell of nothing else. What it does not know how to turn goes nowhere.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { ERRORS, type ErrorCode } from '../../errors/errors.ts';
import type { TouchedPath } from '../../observe/session-records.ts';
import type { Command } from '../../wire/command.ts';
import { type CommandClass, type FileCommand, fileCommand, type Target, withPath } from '../../wire/file-commands.ts';
import type { PathProblem } from '../../wire/path.ts';
import { isPositive, isPreliminary, type Reply, reply } from '../../wire/reply.ts';
import { nameOf, parentOf, quotedPath, type VirtualRoot } from '../../wire/virtual-root.ts';
import type { Course } from './course.ts';
import { isPattern, type NameTest, nameTest } from './file-pattern.ts';
import { ListingFilter } from './listing-filter.ts';
import { type ListingForm, listingLine } from './listing-lines.ts';
import { inOwnWords, refusal } from './own-words.ts';
import { RootFolder, type Way } from './root-folder.ts';

type PathTarget = Target & { readonly kind: 'path' };

const CHANGES: ReadonlySet<CommandClass> = new Set<CommandClass>([
  'write',
  'delete',
  'rename',
  'directories',
  'attributes',
]);
const MOVES: ReadonlySet<string> = new Set(['CWD', 'XCWD', 'CDUP', 'XCUP']);
const LISTINGS: Readonly<Record<string, ListingForm>> = { LIST: 'long', NLST: 'names', MLSD: 'facts' };
/** What would go into a folder, read it or change what it allows, were it a link. */
const READS_FOLDERS: ReadonlySet<string> = new Set(['STAT', 'STOU', 'SITE CHMOD', 'SITE CPFR', 'SITE CPTO']);
/** Verbs that give a name to something new: 553 is for them (RFC 959 §5.4). */
const NAMING: ReadonlySet<string> = new Set(['STOR', 'APPE', 'STOU', 'RNTO']);
/** What goes to the backend and has no path. */
const WITHOUT_PATH: ReadonlySet<string> = new Set(['TYPE', 'REST', 'ALLO', 'NOOP', 'CLNT', 'OPTS', 'SYST']);
/** Their answers tell which names of owners and groups there are. */
const TELLING_SITE: ReadonlySet<string> = new Set(['SITE CHGRP', 'SITE CHOWN']);
/** Behind these a name may mean another folder. */
const REPLACES: ReadonlySet<string> = new Set(['RNTO', 'RMD', 'XRMD', 'SITE']);
/** Options that change which names are told, or where in a line a name stands. */
const UNWANTED: Readonly<Record<ListingForm, RegExp>> = { long: /[^aAl1trSRn]/g, names: /[^aA1trS]/g, facts: /./g };

export class RootedSession {
  readonly #link: BackendLink;
  readonly #folder: RootFolder;
  #directory = '/';
  /** The path of an RNFR that the backend has just accepted. */
  #renames: string | undefined;

  private constructor(link: BackendLink, folder: RootFolder) {
    this.#link = link;
    this.#folder = folder;
  }

  /** `link` is logged in. Raises `root-unavailable`. */
  static async open(link: BackendLink, path: string): Promise<RootedSession> {
    const { paths } = link.backend.config;
    return new RootedSession(link, await RootFolder.open(link, path, paths));
  }

  /** In which folder the client is, as it sees it. */
  get directory(): string {
    return this.#directory;
  }

  get #root(): VirtualRoot {
    return this.#folder.root;
  }

  /** Decides, and takes the backend to the folder where that is needed. Rejects with a GatewayError where the link is lost. */
  async lead(command: Command): Promise<Course> {
    const { verb } = command;
    const renames = this.#renames;
    this.#renames = undefined;
    if (verb === 'PWD' || verb === 'XPWD') {
      return answered(reply(257, `${quotedPath(this.#directory)} is the current directory.`));
    }
    if (WITHOUT_PATH.has(verb)) return this.#send(command, command, undefined);
    const file = fileCommand(command);
    // A verb that nobody has thought of here, and words of SITE that could say anything.
    if (file === undefined || !file.known || TELLING_SITE.has(file.name)) return answered(refusal(502));
    switch (file.target.kind) {
      case 'unclear':
        return unclear(verb, 'form');
      case 'nothing':
        return this.#send(command, command, undefined);
      case 'chosen':
        return this.#afterWay(await this.#folder.enter(this.#directory), () => this.#send(command, command, undefined));
      case 'path':
        return this.#leadTo(command, file, file.target, renames);
    }
  }

  /** Asks the backend about one file of the client's view; with the code of the backend, or of the refusal. */
  async ask(command: Command): Promise<Reply> {
    const course = await this.lead(command);
    if (course.kind === 'send') return this.#link.exchange(course.command);
    return course.kind === 'answer' ? course.reply : course.outcome.reply;
  }

  /** What a command is about; `chosen` is what the backend said before the data of STOU. */
  touched(command: Command, chosen?: Reply): TouchedPath {
    const { verb, argument } = command;
    const target = fileCommand(command)?.target;
    const asked = target?.kind === 'path' ? this.#root.resolve(this.#directory, target.path).path : undefined;
    const path = verb === 'STOU' ? this.#chosenPath(command, asked, chosen) : asked;
    if (path !== undefined) {
      return { path: this.#root.backendPath(path), clientPath: path, argument, directory: 'known' };
    }
    return { path: undefined, argument, directory: target?.kind === 'path' && verb !== 'STOU' ? 'unknown' : 'known' };
  }

  #chosenPath(command: Command, asked: string | undefined, chosen: Reply | undefined): string | undefined {
    const words = chosen && inOwnWords(command, chosen, this.#about(asked)).lines.at(-1);
    const [, name] = /^FILE: (.+)$/s.exec(words ?? '') ?? [];
    return name === undefined ? undefined : this.#root.resolve(this.#directory, name).path;
  }

  #about(path: string | undefined) {
    return { root: this.#root, path, directory: this.#directory };
  }

  async #leadTo(command: Command, file: FileCommand, target: PathTarget, renames: string | undefined): Promise<Course> {
    const { verb } = command;
    const { path, problem } = this.#root.resolve(this.#directory, target.path);
    if (problem !== undefined) return unclear(verb, problem);
    // quirk: vsftpd 3.0.3 makes of `STOU /root` a file `/root.1`. The root itself is not the client's, either.
    if (path === '/' && file.classes.some((each) => CHANGES.has(each))) return outside();
    if (MOVES.has(verb)) return this.#move(path);
    const form = LISTINGS[verb];
    if (form !== undefined) return this.#list(command, target, path, form);
    // Servers that take patterns there would go to folders that nobody has looked at.
    if (verb === 'STAT' && isPattern(path)) return unclear(verb, 'wildcard');
    const itself = READS_FOLDERS.has(file.name) ? await this.#folder.look(path) : undefined;
    if (itself?.to === 'outside') return outside();
    return this.#afterWay(await this.#folder.look(parentOf(path)), async () => {
      const asked = { verb: await this.#verbFor(verb), argument: command.argument ?? '' };
      const sent = withPath(asked, file, this.#root.backendPath(path));
      if (verb === 'RNTO' && renames !== undefined) {
        const lost = await this.#repeatRename(renames);
        if (lost !== undefined) return answered(refusal(lost));
        this.#renames = renames;
      }
      return this.#send(command, sent, path);
    });
  }

  /**
   * What is asked in place of RNFR, so that the folder of its RNTO can be looked at before. quirk: ProFTPD takes nothing but RNTO behind
   * RNFR, not even another RNFR.
   */
  async #verbFor(verb: string): Promise<string> {
    if (verb !== 'RNFR') return verb;
    const features = await this.#link.features();
    return features.some(({ name }) => name === 'MLST') ? 'MLST' : verb;
  }

  /** RNTO must stand directly behind RNFR (RFC 959 §4.1.3). */
  async #repeatRename(from: string): Promise<number | undefined> {
    if (this.#link.lastVerb === 'RNFR') return undefined;
    const { code } = await this.#link.exchange({ verb: 'RNFR', argument: this.#root.backendPath(from) });
    return code === 350 ? undefined : code;
  }

  async #afterWay(way: Way, then: () => Course | Promise<Course>): Promise<Course> {
    if (way.to === 'inside') return then();
    return way.to === 'outside' ? outside() : answered(refusal(way.code));
  }

  async #move(path: string): Promise<Course> {
    const way = await this.#folder.enter(path);
    return this.#afterWay(way, () => {
      if (way.to === 'inside') this.#directory = way.directory;
      return answered(reply(250, 'Directory changed.'));
    });
  }

  /**
   * A listing is made in its folder and without any path, so that no server reads a pattern, an option or a blank in it in its own way.
   * Patterns, and names of files, are picked out of the listing of their folder.
   */
  async #list(command: Command, { path: asked, before }: PathTarget, path: string, form: ListingForm): Promise<Course> {
    const name = nameOf(path);
    const picked = { path: parentOf(path), prefix: asked.slice(0, asked.lastIndexOf('/') + 1), form, before };
    if (/[*?]/.test(name)) return this.#listing(command, { ...picked, matches: nameTest(name) });
    const way = await this.#folder.enter(path);
    if (way.to === 'nowhere' && form !== 'facts' && path !== '/') {
      return this.#listing(command, { ...picked, matches: nameTest(name) });
    }
    return this.#afterWay(way, () => {
      const prefix = asked === '' || asked.endsWith('/') ? asked : `${asked}/`;
      return this.#listing(command, { path, prefix, form, before, matches: undefined });
    });
  }

  async #listing(command: Command, { path, prefix, form, before, matches }: Listing): Promise<Course> {
    return this.#afterWay(await this.#folder.enter(path), () => {
      const root = this.#root;
      const wanted = before.replace(/[- ]/g, '').replace(UNWANTED[form], '');
      const letters = matches === undefined ? wanted : wanted.replaceAll('R', '');
      const argument = letters === '' ? undefined : `-${letters}`;
      const filter = new ListingFilter((line) => listingLine(line, { root, form, prefix, matches }));
      return this.#send(command, { verb: command.verb, argument }, path, filter);
    });
  }

  #send(command: Command, sent: Command, path: string | undefined, filter?: ListingFilter): Course {
    const shown = (received: Reply) => {
      const exists = sent.verb !== command.verb && isPositive(received);
      const answer = exists ? { ...received, code: 350 } : received;
      const words = inOwnWords(command, answer, this.#about(path));
      if (!isPreliminary(answer)) this.#notice(command, path, answer);
      return words;
    };
    return { kind: 'send', command: sent, filter, shown };
  }

  /** What changes by an answer. */
  #notice({ verb }: Command, path: string | undefined, answer: Reply): void {
    const from = this.#renames;
    this.#renames = verb === 'RNFR' && answer.code === 350 ? path : undefined;
    if (!isPositive(answer) || !REPLACES.has(verb)) return;
    this.#folder.forget();
    // The client's own folder, or one above it, has another name now.
    const own = from !== undefined && `${this.#directory}/`.startsWith(`${from}/`);
    if (verb === 'RNTO' && own && path !== undefined) this.#directory = path + this.#directory.slice(from.length);
  }
}

interface Listing {
  readonly path: string;
  readonly prefix: string;
  readonly form: ListingForm;
  readonly before: string;
  readonly matches: NameTest | undefined;
}

function answered(told: Reply): Course {
  return { kind: 'answer', reply: told };
}

/** It looks as if there were nothing. */
function outside(): Course {
  return refused('path-outside-root', refusal(550));
}

function unclear(verb: string, problem: PathProblem | 'form'): Course {
  const [code, text] = ERRORS['path-unclear'].reply;
  return refused('path-unclear', reply(NAMING.has(verb) ? 553 : code, text), problem);
}

function refused(cause: ErrorCode, told: Reply, detail?: string): Course {
  return { kind: 'refuse', outcome: { do: 'refuse', rule: 'root', cause, detail, reply: told } };
}
