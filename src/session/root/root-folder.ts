/**
 * In which folder a backend is whose client has a root, and which folders are surely below that. Wherever it goes it is asked where it
 * is: servers that know the real place tell when a link led out of the root.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { GatewayError } from '../../errors/errors.ts';
import type { PathStyle } from '../../wire/path.ts';
import { isPositive, isTransientFailure, type Reply, serializeReply } from '../../wire/reply.ts';
import { quotedPath, VirtualRoot } from '../../wire/virtual-root.ts';
import { directoryIn } from '../current-directory.ts';

/** Folders that are known to be inside; a path can have 4 KiB. */
const MOST_KNOWN = 200;
/** CWDs that lead nowhere, before one that does. */
const MOST_MISSES = 2;

/** Where a way led: to a folder, as the client sees it; out of the root; or nowhere, with the code of the backend's refusal. */
export type Way =
  | { readonly to: 'inside'; readonly directory: string }
  | { readonly to: 'outside' }
  | { readonly to: 'nowhere'; readonly code: number };

export class RootFolder {
  readonly root: VirtualRoot;
  readonly #link: BackendLink;
  /** Where the backend is; undefined where that is not certain. */
  #at: string | undefined = '/';
  /** CWDs in a row that led nowhere. */
  #misses = 0;
  /** Folders as they were asked for, and what they turned out to be. */
  readonly #known = new Map<string, string>([['/', '/']]);

  private constructor(link: BackendLink, root: VirtualRoot) {
    this.#link = link;
    this.root = root;
  }

  /** Goes to the root. Raises `root-unavailable` where the backend does not go there, or does not tell where it is then. */
  static async open(link: BackendLink, path: string, style: PathStyle): Promise<RootFolder> {
    const moved = await link.exchange({ verb: 'CWD', argument: path });
    if (!isPositive(moved)) throw unavailable(path, moved);
    const told = await link.exchange({ verb: 'PWD', argument: undefined });
    try {
      const root = new VirtualRoot(path, style);
      const real = directoryIn(told);
      if (real !== undefined) return new RootFolder(link, new VirtualRoot(path, style, real));
      if (placeIn(told, root) !== undefined) return new RootFolder(link, root);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    throw unavailable(path, told);
  }

  /** Takes the backend to a folder of the client's view. */
  async enter(directory: string): Promise<Way> {
    if (this.#at === directory) return { to: 'inside', directory };
    const moved = await this.#link.exchange({ verb: 'CWD', argument: this.root.backendPath(directory) });
    if (!isPositive(moved)) {
      await this.#missed();
      // Always the same, or else it would tell whether there is something behind a link that leads out.
      return { to: 'nowhere', code: isTransientFailure(moved) ? moved.code : 550 };
    }
    this.#misses = 0;
    const before = this.#at;
    this.#at = undefined;
    const place = placeIn(await this.#link.exchange({ verb: 'PWD', argument: undefined }), this.root);
    if (place === undefined) {
      // Nothing is done out there, but nobody need stay.
      const back = before ?? '/';
      const answer = await this.#link.exchange({ verb: 'CWD', argument: this.root.backendPath(back) });
      if (isPositive(answer)) this.#at = back;
      return { to: 'outside' };
    }
    this.#at = place;
    if (this.#known.size >= MOST_KNOWN) this.forget();
    this.#known.set(directory, place).set(place, place);
    return { to: 'inside', directory: place };
  }

  /** quirk: Pure-FTPd answers each CWD that fails in a row later than the one before, and hangs up in the end. */
  async #missed(): Promise<void> {
    this.#misses += 1;
    if (this.#misses < MOST_MISSES) return;
    this.#misses = 0;
    await this.#link.exchange({ verb: 'CWD', argument: this.root.backendPath(this.#at ?? '/') });
  }

  /** Whether a folder is inside; goes there to see where that is not known yet. */
  async look(directory: string): Promise<Way> {
    const known = this.#known.get(directory);
    return known === undefined ? this.enter(directory) : { to: 'inside', directory: known };
  }

  /** Names may mean other folders from now on. */
  forget(): void {
    this.#at = undefined;
    this.#known.clear();
    this.#known.set('/', '/');
  }
}

/** Where the backend says that it is, as the client sees it; undefined where that is outside, or it does not say. */
function placeIn(told: Reply, root: VirtualRoot): string | undefined {
  const directory = directoryIn(told);
  if (directory !== undefined) return root.virtualPath(directory);
  return placeInBareQuotes(told, root);
}

/** quirk: Pure-FTPd 1.0.50 does not double the quotes of a folder's name. What it says behind the last one has none. */
function placeInBareQuotes({ code, lines }: Reply, root: VirtualRoot): string | undefined {
  const [, inside] = /^[^"]*"(\/.*)"(?:$|[ .,;][^"]*$)/s.exec(code === 257 ? lines[0] : '') ?? [];
  // With doubled ones both readings would be possible.
  if (inside === undefined || inside.includes('""')) return undefined;
  return root.virtualPath(inside);
}

function unavailable(path: string, answer: Reply): GatewayError {
  const detail = `${quotedPath(path)}: ${serializeReply(answer).trimEnd()}`;
  return new GatewayError('root-unavailable', { detail });
}
