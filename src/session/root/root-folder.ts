/**
 * Takes a backend to folders below the root of its client. Wherever it goes it is asked where it is: servers that know the real place tell
 * when a link led out of the root. Nothing of it is kept, since another session may put something else there.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { GatewayError } from '../../errors/errors.ts';
import type { PathStyle } from '../../wire/path.ts';
import { isPositive, isTransientFailure, type Reply, serializeReply } from '../../wire/reply.ts';
import { quotedPath, VirtualRoot } from '../../wire/virtual-root.ts';
import { directoryIn } from '../current-directory.ts';

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
  /** CWDs in a row that led nowhere. */
  #misses = 0;

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

  /** Takes the backend to a folder of the client's view. Asks each time: a name may mean another folder by now. */
  async enter(directory: string): Promise<Way> {
    const moved = await this.#goTo(directory);
    if (!isPositive(moved)) {
      await this.#missed();
      // Always the same, or else it would tell whether there is something behind a link that leads out.
      return { to: 'nowhere', code: isTransientFailure(moved) ? moved.code : 550 };
    }
    this.#misses = 0;
    const place = placeIn(await this.#link.exchange({ verb: 'PWD', argument: undefined }), this.root);
    if (place !== undefined) return { to: 'inside', directory: place };
    // Nothing is done out there, but nobody need stay.
    await this.#goTo('/');
    return { to: 'outside' };
  }

  /** quirk: Pure-FTPd answers each CWD that fails in a row later than the one before, and hangs up in the end. */
  async #missed(): Promise<void> {
    this.#misses += 1;
    if (this.#misses < MOST_MISSES) return;
    this.#misses = 0;
    await this.#goTo('/');
  }

  #goTo(directory: string): Promise<Reply> {
    return this.#link.exchange({ verb: 'CWD', argument: this.root.backendPath(directory) });
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
