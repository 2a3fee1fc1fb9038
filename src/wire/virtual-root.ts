/**
 * A folder of a backend that its client takes for `/`: paths from one view to the other. Pure. Latin-1, one character for each byte.
 */
import { type CanonicalPath, canonicalPath, comparablePath, type PathStyle } from './path.ts';

export class VirtualRoot {
  /** At the backend: canonical, and not `/`. */
  readonly path: string;
  readonly style: PathStyle;
  readonly #places: readonly Place[];

  /**
   * `real`: what the backend calls the same folder where it tells where it is, since `path` may lead over a link. Throws a RangeError where
   * one of them is not canonical.
   */
  constructor(path: string, style: PathStyle, real = path) {
    this.path = path;
    this.style = style;
    this.#places = [...new Set([path, real])].map((place) => {
      if (canonicalPath(undefined, place, style).path !== place) throw new RangeError(`not a canonical path: ${place}`);
      return { depth: stepsOf(place).length, comparable: comparablePath(place, style) };
    });
  }

  /** What the client means by `argument` in a folder of its view. Nothing leads above `/`. */
  resolve(directory: string, argument: string): CanonicalPath {
    return canonicalPath(directory, argument, this.style);
  }

  /** Where a canonical path of the client's view is at the backend. */
  backendPath(path: string): string {
    if (this.path === '/') return path;
    return path === '/' ? this.path : this.path + path;
  }

  /** What the client calls a path of the backend; undefined where that is not below the root, or not canonical. */
  virtualPath(path: string): string | undefined {
    if (canonicalPath(undefined, path, this.style).path !== path) return undefined;
    const steps = stepsOf(path);
    for (const { depth, comparable } of this.#places) {
      const above = `/${steps.slice(0, depth).join('/')}`;
      if (steps.length >= depth && comparablePath(above, this.style) === comparable) {
        return `/${steps.slice(depth).join('/')}`;
      }
    }
    return undefined;
  }
}

interface Place {
  readonly depth: number;
  readonly comparable: string;
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '');
}

/** The folder in which a canonical path is; that of `/` is `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** The last step of a canonical path; empty for `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What has this name in a folder; the folder itself where there is no name. */
export function childOf(folder: string, name: string): string {
  return name === '' ? folder : `${folder === '/' ? '' : folder}/${name}`;
}

/** A path as 257 has it: in quotes, quotes in it doubled (RFC 959 appendix II). */
export function quotedPath(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}
