/**
 * Clients of an authority that is below a root, each with a key of its own, and the lists of both.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issue, newKeyPair, revocationList, type ShownCertificate } from './client-certificates.ts';

/** PEM texts, and a folder to write what a gateway reads. */
export interface CertificateChain {
  readonly root: string;
  /** The authority below it. */
  readonly partners: string;
  /** Lists of revoked certificates. `partners` has `mallory`; `rootWithPartners` has the authority below. */
  readonly lists: Readonly<Record<ListName, string>>;
  /** What a client shows: its own certificate, and that of its authority unless it is to be left out. */
  client(name: 'alice' | 'mallory', chain?: 'whole' | 'leaf'): ShownCertificate;
  /** Writes these texts to a file; its path. */
  file(...texts: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

export type ListName = 'root' | 'rootWithPartners' | 'rootExpired' | 'partners' | 'partnersExpired' | 'partnersForged';

/** Makes them; keys take a moment. */
export async function makeCertificateChain(): Promise<CertificateChain> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-chain-'));
  const [ofRoot, ofPartners, ofClients] = [newKeyPair(), newKeyPair(), newKeyPair()];
  const [root, partners] = ['Root', 'Partners'];
  const below = issue({ name: partners, issuer: root, usage: 'authority', pair: ofPartners, signer: ofRoot });
  const leaf = (name: string) => issue({ name, issuer: partners, pair: ofClients, signer: ofPartners });
  const clients = { alice: leaf('alice'), mallory: leaf('mallory') };
  let files = 0;
  return {
    root: issue({ name: root, issuer: root, usage: 'authority', pair: ofRoot, signer: ofRoot }).pem,
    partners: below.pem,
    lists: {
      root: revocationList(root, [], 5, ofRoot),
      rootWithPartners: revocationList(root, [below.serial], 5, ofRoot),
      rootExpired: revocationList(root, [], -1, ofRoot),
      partners: revocationList(partners, [clients.mallory.serial], 5, ofPartners),
      partnersExpired: revocationList(partners, [], -1, ofPartners),
      partnersForged: revocationList(partners, [], 5, ofClients),
    },
    client: (name, chain = 'whole') => ({
      cert: chain === 'whole' ? clients[name].pem + below.pem : clients[name].pem,
      key: ofClients.privateKey,
    }),
    file: async (...texts) => {
      const path = join(folder, `${++files}.pem`);
      await writeFile(path, texts.join(''));
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
