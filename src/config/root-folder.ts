/**
 * The part of the configuration about the one folder that a client sees: the kind of value, and whether all its backends can read it. Pure.
 */
import { z } from 'zod';
import { bytesOf } from '../wire/bytes-of.ts';
import { canonicalPath, type PathStyle } from '../wire/path.ts';
import { type ValueOptions, value } from './field-facts.ts';
import type { ConfigProblem } from './problem.ts';

const EXPECTED = 'an absolute path below / without ., .., // and a slash at its end, such as /partners/acme, or null';

/** Whether a client can have this folder as its root: text of people. Backslashes depend on the backend. */
export function isRootFolder(given: string): boolean {
  const bytes = bytesOf(given);
  const style: PathStyle = { style: 'posix', caseInsensitive: false, backslash: 'character' };
  return bytes !== '/' && canonicalPath(undefined, bytes, style).path === bytes;
}

/** A folder of a backend, or null. */
export function rootFolderOrNull(options: ValueOptions): z.ZodType<string | null> {
  const schema = z.string({ error: EXPECTED }).refine(isRootFolder, { error: EXPECTED }).nullable();
  return value(schema, 'path or null', options);
}

/** Roots that a backend of their route would read in another way. */
export function rootErrors({ routes, backends }: RootedConfig): ConfigProblem[] {
  return routes.flatMap(({ root, backends: named }, index) => {
    const bytes = root === null ? '' : bytesOf(root);
    const unable = backends.filter(
      ({ name, paths }) =>
        root !== null && named.includes(name) && canonicalPath(undefined, bytes, paths).path !== bytes,
    );
    return unable.map(({ name }) => {
      const path = `routes[${index}].root`;
      const message = `found ${JSON.stringify(root)}, which backend ${name} would not read as it is written; see its paths`;
      return { path, message, related: ['backends'] };
    });
  });
}

interface RootedConfig {
  readonly routes: readonly { readonly root: string | null; readonly backends: readonly string[] }[];
  readonly backends: readonly { readonly name: string; readonly paths: PathStyle }[];
}
