/**
 * wget: lists and downloads, one run and one session per step; it cannot write.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../support/processes.ts';
import { type ClientProgram, expectSuccess, PERFORM_LIMIT, type Target, urlHost, urlPath } from './client.ts';

/** wget (Debian builds it with GnuTLS). */
export const wget: ClientProgram = {
  name: 'wget',
  writes: false,
  sendsNothing: true,
  keepsSession: false,
  listedName: (name) => name.trimStart(),
  async perform(packages, target, steps, limit = PERFORM_LIMIT) {
    const env = packages.environment('/nonexistent');
    for (const step of steps) {
      if (step.do !== 'list' && step.do !== 'download') throw new Error(`wget cannot ${step.do}`);
      const [path, local] = step.do === 'list' ? [`${step.folder}/`, step.into] : [step.remote, step.local];
      const words = [...settings(target), '-O', local, url(target, path)];
      // It keeps listings in `.listing` where it runs: two of them must not run in one folder.
      const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-wget-'));
      const ran = await runProgram(packages.path('usr/bin/wget'), words, { env, limit, folder });
      await rm(folder, { recursive: true });
      expectSuccess('wget', ran);
      if (step.do === 'list') await keepNames(step.into);
    }
  },
};

/** Leaves of the page that wget makes of a listing only the names, one per line, byte for byte. */
async function keepNames(page: string): Promise<void> {
  const html = (await readFile(page)).toString('latin1');
  const links = [...html.matchAll(/<a href="[^"]*\/([^"/]+)\/?">/g)].map(([, name = '']) => name);
  const bytes = (name: string) =>
    name.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  await writeFile(page, Buffer.from(`${links.map(bytes).join('\n')}\n`, 'latin1'));
}

function url({ host, port, security }: Target, path: string): string {
  return `${security === 'plain' ? 'ftp' : 'ftps'}://${urlHost(host)}:${port}/${urlPath(path)}`;
}

function settings({ security, tls, authority, user, password }: Target): string[] {
  const always = ['--no-config', '--no-hsts', '--no-proxy', '--no-iri', '--debug', '--tries=1', '--timeout=15'];
  const account = [`--user=${user}`, `--password=${password}`];
  if (security === 'plain') return [...always, ...account];
  const version = tls === 'TLSv1.2' ? 'TLS1.2' : 'TLS1.3';
  const protection = [`--ca-certificate=${authority}`, `--ciphers=NORMAL:-VERS-ALL:+VERS-${version}`];
  return [...always, ...account, ...protection, ...(security === 'implicit' ? ['--ftps-implicit'] : [])];
}
