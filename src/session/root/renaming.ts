/**
 * RNFR and RNTO, with a look at the folder of each before: nothing may stand between the two (RFC 959 §4.1.3).
 */
import type { BackendLink } from '../../backends/backend-link.ts';
import { parentOf } from '../../wire/virtual-root.ts';
import type { RootFolder } from './root-folder.ts';

/**
 * The verb that is asked in place of RNFR, so that the folder of its RNTO can be looked at before. quirk: ProFTPD takes nothing but RNTO
 * behind RNFR, not even another RNFR.
 */
export async function inPlaceOfRnfr(link: BackendLink): Promise<string> {
  const features = await link.features();
  return features.some(({ name }) => name === 'MLST') ? 'MLST' : 'RNFR';
}

/** Says RNFR directly before RNTO, if its folder is still what it was. The code of a refusal, undefined for none. */
export async function repeatRnfr(link: BackendLink, folder: RootFolder, from: string): Promise<number | undefined> {
  const parent = parentOf(from);
  const way = await folder.enter(parent);
  if (way.to !== 'inside' || way.directory !== parent) return 550;
  const { code } = await link.exchange({ verb: 'RNFR', argument: folder.root.backendPath(from) });
  return code === 350 ? undefined : code;
}
