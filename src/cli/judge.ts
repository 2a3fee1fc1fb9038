/**
 * What can be said of a configuration file without opening a socket: the rules of the configuration, and whether OpenSSL
 * takes certificates, versions and ciphers together.
 */
import { readFile } from 'node:fs/promises';
import type { ClientCertificatesConfig } from '../config/client-certificates.ts';
import { ConfigError, type ConfigProblem, loadConfigWithWarnings } from '../config/load.ts';
import type { Config, TlsConfig } from '../config/schema.ts';
import { nearestPlace, readSource } from '../config/source.ts';
import { loadServerContexts } from '../tls/contexts.ts';

/** Everything that is wrong or doubtful in a file. */
export interface Judgement {
  readonly file: string;
  readonly valid: boolean;
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  /** Undefined unless valid. */
  readonly config: Config | undefined;
}

/** Judges a file; one that cannot be read is an error found. */
export async function judge(file: string): Promise<Judgement> {
  try {
    const loaded = await loadConfigWithWarnings(file);
    const warnings = loaded.warnings.map(facts);
    const problem = await contextProblem(loaded.config);
    if (problem === undefined) return { file, valid: true, errors: [], warnings, config: loaded.config };
    return { file, valid: false, errors: [await placed(problem, file)], warnings, config: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, valid: false, errors: error.problems.map(facts), warnings: [], config: undefined };
  }
}

/** What is printed of a problem; which other keys a rule reads is of no use to a reader. */
function facts({ related: _, ...problem }: ConfigProblem): ConfigProblem {
  return problem;
}

async function contextProblem({ tls, listeners }: Config): Promise<ConfigProblem | undefined> {
  const clients = listeners.map(({ clientCertificates }) => clientCertificates);
  const trouble = await refusal(tls, clients);
  if (trouble === undefined) return undefined;
  const reason = await refusal(tls, [{ ...tls.clientCertificates, mode: 'off' }]);
  if (reason === undefined)
    return { path: 'tls.clientCertificates', message: `OpenSSL does not take them: ${trouble}` };
  const aboutCiphers = tls.ciphers !== null && (await refusal({ ...tls, ciphers: null }, clients)) === undefined;
  if (!aboutCiphers) return { path: 'tls.certificates', message: `OpenSSL does not take them: ${reason}` };
  const found = `found ${JSON.stringify(tls.ciphers)}, expected a cipher list that OpenSSL knows`;
  return { path: 'tls.ciphers', message: `${found} (see "openssl ciphers -v"): ${reason}` };
}

/** Why OpenSSL refuses these settings; undefined where it takes them. */
async function refusal(tls: TlsConfig, clients: readonly ClientCertificatesConfig[]): Promise<string | undefined> {
  try {
    await loadServerContexts(tls, clients);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function placed(problem: ConfigProblem, file: string): Promise<ConfigProblem> {
  const { places } = readSource(await readFile(file, 'utf8'), process.env);
  return { ...nearestPlace(places, problem.path), ...problem };
}
