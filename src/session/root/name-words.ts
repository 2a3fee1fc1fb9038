/**
 * What a name is to servers that take its blanks for ends of names, and hand the words to `ls` or take them one by one. Pure.
 */
import { isPlainName, type PathStyle } from '../../wire/path.ts';
import { isPattern } from './file-pattern.ts';

/**
 * The words of a name in a folder, where each of them can mean nothing but a name in that folder, or a link there; undefined where one might be
 * an option, a home, a pattern, a quotation or a step (`x ..`).
 */
export function wordsOf(name: string, style: PathStyle): readonly string[] | undefined {
  if (/^ |\t/.test(name)) return undefined;
  const words = name.split(/ +/);
  const harmless = words.every((word) => isPlainName(word, style) && !isPattern(word) && !word.includes('/'));
  return harmless ? words : undefined;
}
