/**
 * How a path stands behind the words of SITE, where some servers might take its blanks for its end.
 */
import { childOf, nameOf, parentOf } from '../../wire/virtual-root.ts';
import { wordsOf } from './name-words.ts';
import type { RootFolder } from './root-folder.ts';

/**
 * The words for a path of the client's view. With blanks it is the name alone, in its folder, and only where each word of it is known to lead
 * nowhere else; undefined where one could. Rejects with a GatewayError where the link is lost.
 */
export async function siteWords(folder: RootFolder, path: string): Promise<string | undefined> {
  const whole = folder.root.backendPath(path);
  if (!/\s/.test(whole)) return whole;
  const [parent, name] = [parentOf(path), nameOf(path)];
  const words = wordsOf(name, folder.root.style);
  if (words === undefined) return undefined;
  for (const word of words.length > 1 ? words : []) {
    if ((await folder.enter(childOf(parent, word))).to === 'outside') return undefined;
  }
  const way = await folder.enter(parent);
  return way.to === 'inside' && way.directory === parent ? name : undefined;
}
