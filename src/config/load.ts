/**
 * Configuration file to frozen {@link Config}: reads, parses, validates, applies the rules about several keys, and tells everything
 * that is wrong at once with its line. Opens no sockets and resolves no names.
 */

import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reasonOf } from '../errors/system-error.ts';
import { withAdminPaths } from './admin.ts';
import { withAuditPaths } from './audit.ts';
import { withHealthPaths } from './backend-health.ts';
import { withBackendPaths } from './backend-tls.ts';
import { checkFiles, checkRules, type Findings } from './check.ts';
import { withClientCertificatePaths } from './client-certificates.ts';
import { SCHEMA_RULES } from './discretion.ts';
import type { Environment } from './expand.ts';
import { filesRead } from './files-read.ts';
import { ConfigError, type ConfigProblem, isInside } from './problem.ts';
import { withReplicationPaths } from './replication.ts';
import { withRoutePaths } from './routes.ts';
import type { Config } from './schema.ts';
import { nearestPlace, readSource } from './source.ts';
import { validate } from './validate.ts';

export { ConfigError, type ConfigProblem, describeProblem } from './problem.ts';

/** How a text is read. */
export interface ParseOptions {
  /** Environment variables for `${NAME}`; the default is that of the process. */
  readonly env?: Environment;
  /** Name of the file the text came from: shown in problems, and its folder is where relative paths begin (otherwise the working directory). */
  readonly file?: string;
}

/** A configuration that can be used, and what is doubtful about it. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Reads a configuration from YAML, deeply frozen. Throws a {@link ConfigError} with everything that is wrong in the text;
 * certificate files are not looked at (see {@link loadConfig}).
 */
export function parseConfig(yamlText: string, options: ParseOptions = {}): Config {
  const reading = read(yamlText, options);
  const findings = reading.config === undefined ? [] : [checkRules(reading.config)];
  return conclude(reading, findings, options.file).config;
}

/** Reads a configuration file and the certificates it names. Rejects with a {@link ConfigError} with everything that is wrong. */
export async function loadConfig(file: string, options: Omit<ParseOptions, 'file'> = {}): Promise<Config> {
  return (await loadConfigWithWarnings(file, options)).config;
}

/** As {@link loadConfig}, with what is allowed but doubtful: certificates about to expire, passwords in clear, rules that never match. */
export async function loadConfigWithWarnings(
  file: string,
  options: Omit<ParseOptions, 'file'> = {},
): Promise<LoadedConfig> {
  const reading = read(await readText(file), { ...options, file });
  const { config } = reading;
  const special = config === undefined ? [] : await specialFiles(filesRead(config));
  if (special.length > 0) throw new ConfigError(special, file, config && filesRead(config));
  const findings = config === undefined ? [] : [checkRules(config), await checkFiles(config)];
  return conclude(reading, findings, file);
}

interface Reading {
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly broken: readonly string[];
  readonly locate: (problem: ConfigProblem) => ConfigProblem;
}

function read(yamlText: string, { env = process.env, file }: ParseOptions): Reading {
  const source = readSource(yamlText, env, SCHEMA_RULES);
  const locate = (problem: ConfigProblem): ConfigProblem => ({
    ...nearestPlace(source.places, problem.path),
    ...problem,
  });
  if (source.data === undefined) return { config: undefined, problems: source.problems, broken: [], locate };
  const unusable = source.problems.map(({ path }) => path).filter((path) => path !== '');
  const { config, problems, broken } = validate(source.data ?? {}, unusable);
  const resolved = config && withAbsolutePaths(config, file === undefined ? '.' : dirname(file));
  const found = problems.map(({ keyPath, ...problem }) => ({ ...nearestPlace(source.places, keyPath), ...problem }));
  return { config: resolved, problems: [...source.problems, ...found], broken, locate };
}

/** Findings that rest on a broken part are left out: its value in the mended configuration is not the operator's. */
function conclude(reading: Reading, findings: readonly Findings[], file: string | undefined): LoadedConfig {
  const { config, broken, locate } = reading;
  const rests = (path: string) => broken.some((part) => isInside(path, part) || isInside(part, path));
  const sound = (problem: ConfigProblem) => ![problem.path, ...(problem.related ?? [])].some(rests);
  const errors = findings.flatMap((found) => found.errors).filter(sound);
  const problems = [...reading.problems, ...errors].map(locate);
  if (config === undefined || problems.length > 0) {
    throw new ConfigError(problems.sort(byPlace), file, config && filesRead(config));
  }
  const warnings = findings.flatMap((found) => found.warnings).map(locate);
  return { config: frozen(config), warnings: warnings.sort(byPlace) };
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

async function readText(file: string): Promise<string> {
  const special = await specialFiles([file]);
  if (special.length > 0) throw new ConfigError(special, file);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError([{ path: '', message: `cannot be read: ${reasonOf(error)}` }], file);
  }
}

/** Pipes and devices: reading one may never end, and nothing could be done about it. */
async function specialFiles(files: readonly string[]): Promise<ConfigProblem[]> {
  const found = await Promise.all(
    files.map(async (file) => {
      const facts = await stat(file).catch(() => undefined);
      const special = facts !== undefined && !facts.isFile() && !facts.isDirectory();
      return special ? [{ path: '', message: `${file} is a pipe or a device, expected a file` }] : [];
    }),
  );
  return found.flat();
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const certificates = config.tls.certificates.map(({ cert, key }) => ({
    cert: resolve(folder, cert),
    key: resolve(folder, key),
  }));
  const routes = withRoutePaths(config.routes, (path) => resolve(folder, path));
  const absolute = (path: string) => resolve(folder, path);
  const backends = config.backends.map((backend) => withHealthPaths(withBackendPaths(backend, absolute), absolute));
  const { tls, listeners } = withClientCertificatePaths(config, (path) => resolve(folder, path));
  const { secretFile } = config.decisionHook;
  const decisionHook = { ...config.decisionHook, secretFile: secretFile && resolve(folder, secretFile) };
  const audit = withAuditPaths(config.audit, (path) => resolve(folder, path));
  const admin = withAdminPaths(config.admin, absolute);
  const replication = withReplicationPaths(config.replication, absolute);
  return {
    ...config,
    listeners,
    tls: { ...tls, certificates },
    backends,
    routes,
    decisionHook,
    audit,
    admin,
    replication,
  };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}
