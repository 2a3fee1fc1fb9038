/**
 * A session whose client takes a folder of the backend for `/`. Turns each command into one with absolute paths below that folder, and each
 * answer into words that tell of nothing else. What it does not know how to turn goes nowhere.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import type { TouchedPath } from '../../observe/session-records.ts';
import type { Command } from '../../wire/command.ts';
import { type CommandClass, type FileCommand, fileCommand, type Target, withPath } from '../../wire/file-commands.ts';
import { isPositive, isPreliminary, type Reply, reply } from '../../wire/reply.ts';
import { childOf, nameOf, parentOf, quotedPath, type VirtualRoot } from '../../wire/virtual-root.ts';
import { answered, type Course, outside, type SentCourse, unclear } from './course.ts';
import { exactName, isPattern, type NameTest, nameTest } from './file-pattern.ts';
import { isLink } from './link-question.ts';
import { ListingFilter } from './listing-filter.ts';
import { type ListingForm, listingLine } from './listing-lines.ts';
import { wordsOf } from './name-words.ts';
import { type AnsweredPath, folderOfChosen, inOwnWords, refusal } from './own-words.ts';
import { inPlaceOfRnfr, repeatRnfr } from './renaming.ts';
import { RootFolder, type Way } from './root-folder.ts';
import { siteWords } from './site-words.ts';

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
const READS_FOLDERS: ReadonlySet<string> = new Set(['STOU', 'SITE CHMOD', 'SITE CPFR', 'SITE CPTO']);
/** What would carry a link to a place from which it leads elsewhere. */
const CARRIES_LINKS: ReadonlySet<string> = new Set(['RNFR', 'SITE CPFR']);
/** What goes to the backend and has no path. */
const WITHOUT_PATH: ReadonlySet<string> = new Set(['TYPE', 'REST', 'ALLO', 'NOOP', 'CLNT', 'OPTS', 'SYST']);
/** Their answers tell which names of owners and groups there are. */
const TELLING_SITE: ReadonlySet<string> = new Set(['SITE CHGRP', 'SITE CHOWN']);
/** Options that change which names are told, or where in a line a name stands. */
const UNWANTED: Readonly<Record<ListingForm, RegExp>> = { long: /[^aAl1trSRn]/g, names: /[^aA1trS]/g, facts: /./g };

export class RootedSession {
  readonly #link: BackendLink;
  readonly #folder: RootFolder;
  #directory = '/';
  /** The path of an RNFR that the backend has just accepted, over no link. */
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
    if (WITHOUT_PATH.has(verb)) return this.#send(command, command);
    const file = fileCommand(command);
    // A verb that nobody has thought of here, and words of SITE that could say anything.
    if (file === undefined || !file.known || TELLING_SITE.has(file.name)) return answered(refusal(502));
    switch (file.target.kind) {
      case 'unclear':
        return unclear(verb, 'form');
      case 'nothing':
        return this.#send(command, command);
      case 'chosen':
        return this.#within(this.#directory, () => this.#send(command, { verb, argument: undefined }));
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

  #about(path: string | undefined, isNoFolder = false): AnsweredPath {
    return { root: this.#root, path, directory: this.#directory, isNoFolder };
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
    if (verb === 'STAT') return this.#status(command, target, path);
    if (READS_FOLDERS.has(file.name) && (await this.#folder.enter(path)).to === 'outside') return outside();
    if (verb === 'STOU') {
      const folder = folderOfChosen(target.path, path);
      // quirk: ProFTPD 1.3.8 and Pure-FTPd 1.0.50 take no argument, and write into the folder where they are.
      return this.#within(folder, () => this.#send(command, { verb, argument: undefined }, { path }));
    }
    return this.#within(parentOf(path), (folder) => {
      // By its real place, so that no link on the way is asked a second time.
      const real = childOf(folder, nameOf(path));
      return this.#sendPath(command, file, { path, real, renames });
    });
  }

  async #sendPath(command: Command, file: FileCommand, { path, real, renames }: Asked): Promise<Course> {
    const { verb } = command;
    if (CARRIES_LINKS.has(file.name) && (await isLink(this.#link, this.#folder, real))) return outside();
    const words = verb === 'SITE' ? await siteWords(this.#folder, real) : this.#root.backendPath(real);
    if (words === undefined) return unclear(verb, 'form');
    const asked = { verb: verb === 'RNFR' ? await inPlaceOfRnfr(this.#link) : verb, argument: command.argument ?? '' };
    if (verb === 'RNTO' && renames !== undefined) {
      const lost = await repeatRnfr(this.#link, this.#folder, renames);
      if (lost !== undefined) return answered(refusal(lost));
      this.#renames = renames;
    }
    return this.#send(command, withPath(asked, file, words), { path, real });
  }

  /**
   * STAT of a folder is asked there, and that of a file in its folder. quirk: Pure-FTPd 1.0.50 takes words apart, as in `STAT x ../rival`, and
   * so do servers that hand them to `ls`.
   */
  async #status(command: Command, { before }: PathTarget, path: string): Promise<Course> {
    const { verb } = command;
    // Servers that take patterns there would go to folders that nobody has looked at.
    if (isPattern(path)) return unclear(verb, 'wildcard');
    const options = lettersOf(before, 'long').replaceAll('R', '');
    const way = await this.#folder.enter(path);
    if (way.to !== 'nowhere' || way.code !== 550 || path === '/') {
      const argument = options === '' ? '.' : `-${options} .`;
      return this.#afterWay(way, () => this.#send(command, { verb, argument }, { path }));
    }
    const name = nameOf(path);
    if (wordsOf(name, this.#root.style)?.length !== 1) return unclear(verb, 'form');
    return this.#within(parentOf(path), () =>
      this.#send(command, { verb, argument: name }, { path, isNoFolder: true }),
    );
  }

  /** Goes to a folder, and on where that is inside; `then` is given its real place. */
  async #within(directory: string, then: (folder: string) => Course | Promise<Course>): Promise<Course> {
    return this.#afterWay(await this.#folder.enter(directory), then);
  }

  async #afterWay(way: Way, then: (folder: string) => Course | Promise<Course>): Promise<Course> {
    if (way.to === 'inside') return then(way.directory);
    return way.to === 'outside' ? outside() : answered(refusal(way.code));
  }

  async #move(path: string): Promise<Course> {
    return this.#within(path, (folder) => {
      this.#directory = folder;
      return answered(reply(250, 'Directory changed.'));
    });
  }

  /**
   * A listing is made in its folder and without any path, so that no server reads a pattern, an option or a blank in it in its own way.
   * Patterns, and names of files, are picked out of the listing of their folder.
   */
  async #list(command: Command, { path: asked, before }: PathTarget, path: string, form: ListingForm): Promise<Course> {
    const name = nameOf(path);
    const prefix = asked.slice(0, asked.lastIndexOf('/') + 1);
    const pick = (matches: NameTest, skipsFolders: boolean) =>
      this.#within(parentOf(path), () => this.#listing(command, { path, prefix, form, before, matches, skipsFolders }));
    if (/[*?]/.test(name)) {
      const matches = nameTest(name);
      return matches === undefined ? unclear(command.verb, 'wildcard') : pick(matches, false);
    }
    const way = await this.#folder.enter(path);
    if (way.to === 'nowhere' && way.code === 550 && form !== 'facts' && path !== '/') {
      const matches = nameTest(name);
      return pick(matches ?? exactName(name), !isPattern(name));
    }
    return this.#afterWay(way, () => {
      const whole = asked === '' || asked.endsWith('/') ? asked : `${asked}/`;
      const listing = { path, prefix: whole, form, before, matches: undefined, skipsFolders: false };
      return this.#listing(command, listing);
    });
  }

  /** The backend is in the folder. */
  #listing(command: Command, { path, prefix, form, before, matches, skipsFolders }: Listing): Course {
    const root = this.#root;
    const wanted = lettersOf(before, form);
    const letters = matches === undefined ? wanted : wanted.replaceAll('R', '');
    const argument = letters === '' ? undefined : `-${letters}`;
    let found = matches === undefined;
    const filter = new ListingFilter((line) => {
      const shown = listingLine(line, { root, form, prefix, matches, skipsFolders });
      found ||= shown !== undefined && shown !== '';
      return shown;
    });
    const course = this.#send(command, { verb: command.verb, argument }, { path });
    const shown = (answer: Reply) => (isPositive(answer) && !found ? refusal(550) : course.shown(answer));
    return { ...course, filter, shown };
  }

  #send(command: Command, sent: Command, { path, real, isNoFolder }: Sent = {}): SentCourse {
    const shown = (received: Reply) => {
      const exists = sent.verb !== command.verb && isPositive(received);
      const answer = exists ? { ...received, code: 350 } : received;
      const words = inOwnWords(command, answer, this.#about(path, isNoFolder));
      if (!isPreliminary(answer)) this.#notice(command, real, answer);
      return words;
    };
    return { kind: 'send', command: sent, filter: undefined, shown };
  }

  /** What changes by an answer. */
  #notice({ verb }: Command, path: string | undefined, answer: Reply): void {
    const from = this.#renames;
    this.#renames = verb === 'RNFR' && answer.code === 350 ? path : undefined;
    // The client's own folder, or one above it, has another name now.
    const own = from !== undefined && `${this.#directory}/`.startsWith(`${from}/`);
    const renamed = verb === 'RNTO' && isPositive(answer);
    if (renamed && own && path !== undefined) this.#directory = path + this.#directory.slice(from.length);
  }
}

/** A path of the client's view: as it said it, and where that really is. */
interface Asked {
  readonly path: string;
  readonly real: string;
  /** The path of the RNFR before. */
  readonly renames: string | undefined;
}

/** What an answer is about. */
interface Sent {
  readonly path?: string | undefined;
  readonly real?: string;
  readonly isNoFolder?: boolean;
}

interface Listing {
  readonly path: string;
  readonly prefix: string;
  readonly form: ListingForm;
  readonly before: string;
  readonly matches: NameTest | undefined;
  readonly skipsFolders: boolean;
}

/** Options of `ls` that change no names. */
function lettersOf(before: string, form: ListingForm): string {
  return before.replace(/[- ]/g, '').replace(UNWANTED[form], '');
}
