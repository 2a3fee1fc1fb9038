/**
 * Whether something is a link, as far as the backend tells: carried to another folder, one that leads to a place inside may lead out.
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { comparablePath } from '../../wire/path.ts';
import { isPositive } from '../../wire/reply.ts';
import { nameOf, parentOf, type VirtualRoot } from '../../wire/virtual-root.ts';
import { isLinkLine } from './listing-lines.ts';
import { wordsOf } from './name-words.ts';
import type { RootFolder } from './root-folder.ts';

/**
 * `path` is that of the client's view, and its folder has just been entered; the backend may be elsewhere afterwards. What has a path that
 * cannot be asked about, or is not there, is none. Rejects with a GatewayError where the link is lost.
 */
export async function isLink(link: BackendLink, folder: RootFolder, path: string): Promise<boolean> {
  const type = await typeOf(link, folder.root.backendPath(path));
  if (type === 'nothing') return false;
  // RFC 3659 §7.5.1.5: `OS.unix=slink:/target`.
  if (/^OS\.[\w-]+=(?:slink|symlink|link)/i.test(type)) return true;
  if (type.toLowerCase() !== 'file') {
    const way = await folder.enter(path);
    if (way.to === 'outside') return true;
    if (way.to === 'inside') return !isSame(way.directory, path, folder);
  }
  const way = await folder.enter(parentOf(path));
  if (way.to !== 'inside') return way.to === 'outside';
  // quirk: ProFTPD 1.3.8 and pyftpdlib 1.5.7 tell in MLST what a link leads to, and in STAT what it is.
  return isListedAsLink(link, folder.root, path, type);
}

/** The fact `type`; empty where MLST is not to be had, or does not tell. */
async function typeOf(link: BackendLink, path: string): Promise<string> {
  const features = await link.features();
  if (!features.some(({ name }) => name === 'MLST')) return '';
  const answer = await link.exchange({ verb: 'MLST', argument: path });
  if (!isPositive(answer)) return 'nothing';
  const [, type = ''] = /(?:^|[ ;])type=([^;]*);/im.exec(answer.lines.slice(1, -1).join('\n')) ?? [];
  return type;
}

/** The backend is in its folder. */
async function isListedAsLink(link: BackendLink, root: VirtualRoot, path: string, type: string): Promise<boolean> {
  const name = nameOf(path);
  const words = wordsOf(name, root.style);
  if (words === undefined) return false;
  const { code, lines } = await link.exchange({ verb: 'STAT', argument: name });
  const entries = lines.slice(1, -1);
  if (entries.some((line) => isLinkLine(line.replace(/^(?:\d{3}-)? ?/, ''), name))) return true;
  // quirk: vsftpd 3.0.3, which has no MLST, lists no links there: what is left out and has a time is one. 213 is about a file (RFC 959 §4.2.1).
  if (type !== '' || code !== 213 || words.length > 1 || entries.some((line) => line.includes(name))) return false;
  const time = await link.exchange({ verb: 'MDTM', argument: root.backendPath(path) });
  return isPositive(time);
}

function isSame(one: string, other: string, { root }: RootFolder): boolean {
  return comparablePath(one, root.style) === comparablePath(other, root.style);
}
