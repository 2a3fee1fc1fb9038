/**
 * Reads the configuration again and puts it in force, or refuses it whole: one at a time, when told or when a file has changed. What
 * putting in force means is given; here is decided when, and what came of it is told everywhere.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { within } from '../backends/within.ts';
import { filesRead } from '../config/files-read.ts';
import { ConfigError, describeProblem, type LoadedConfig, loadConfigWithWarnings } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { GatewayError } from '../errors/errors.ts';
import { describeSystemError } from '../errors/system-error.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { writeEvent } from '../observe/write-event.ts';
import { differ, type Stamps, stampsOf } from './file-changes.ts';

/** What a reload followed. */
export type ReloadTrigger = 'signal' | 'file' | 'http';

/** What came of a reload. */
export interface ReloadReport {
  readonly outcome: 'applied' | 'refused';
  /** What stands against it, one text each; empty where it was applied. */
  readonly problems: readonly string[];
  /** What is allowed but doubtful. */
  readonly warnings: readonly string[];
  /** Keys that have changed and wait for a restart; all others are in force. */
  readonly restartNeeded: readonly string[];
}

/** Where a configuration comes from, and who is told. */
export interface ReloadSource {
  /** The configuration file: it is watched, and read again when told. Without one nothing is. */
  readonly file?: string;
  /** Carries a reload out; somebody may want to say something before and after. */
  readonly onReload?: (reload: () => Promise<void>) => Promise<void>;
}

export interface ReloadsOptions extends ReloadSource {
  /** What is in force. */
  readonly config: Config;
  /** Puts a configuration in force, or rejects with nothing changed. */
  readonly apply: (config: Config) => Promise<void>;
  /** Opens log files anew, as SIGHUP demands whatever becomes of the configuration. */
  readonly reopen: () => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Reloads {
  readonly #options: ReloadsOptions;
  readonly #end = new AbortController();
  #config: Config;
  /** With which of {@link RESTART_KEYS} the process runs. */
  readonly #first: Config;
  #running: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadReport> | undefined;
  #seen: Stamps = new Map();
  #refusal: string | undefined;
  /** What a configuration names that was refused: the missing part may come yet. */
  #filesOfRefused: readonly string[] = [];

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#first = options.config;
    options.metrics.configurationRead('first');
  }

  /** What is in force. */
  get config(): Config {
    return this.#config;
  }

  /** Why the configuration that was read last is not in force; undefined where it is. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Reads the configuration again. While one is read the next waits, and whoever asks then gets what comes of that. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    this.#waiting ??= this.#running.then(() => {
      this.#waiting = undefined;
      return this.#announced(trigger);
    });
    this.#running = this.#waiting;
    return this.#waiting;
  }

  /** Looks for changes of files from now on, as the configuration in force says, until {@link stop}. */
  async watch(): Promise<void> {
    const { signal } = this.#end;
    const { file } = this.#options;
    if (file === undefined) return;
    this.#seen = await stampsOf(this.#files);
    let changed: Stamps | undefined;
    let restless = 0;
    while (!signal.aborted) {
      await sleep(this.#config.reload.interval, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted || this.#config.reload.watch === 'off') continue;
      const now = await stampsOf(this.#files);
      // A certificate and its key are two files: what has changed is taken up when it has come to rest.
      const atRest = changed !== undefined && (!differ(changed, now) || ++restless > MOST_RESTLESS);
      changed = differ(this.#seen, now) ? now : undefined;
      if (!atRest || changed === undefined) continue;
      changed = undefined;
      restless = 0;
      await this.reload('file');
    }
  }

  /** Looks for no more changes. Resolves when no reload runs, or when the one that runs cannot be waited for. */
  async stop(): Promise<void> {
    this.#end.abort();
    await within(this.#running, PATIENCE);
  }

  get #files(): readonly string[] {
    const { file } = this.#options;
    return file === undefined ? [] : [...new Set([file, ...filesRead(this.#config), ...this.#filesOfRefused])];
  }

  async #announced(trigger: ReloadTrigger): Promise<ReloadReport> {
    const { onReload = (reload) => reload() } = this.#options;
    let report = refused(['not tried']);
    await onReload(async () => {
      report = await this.#reload(trigger);
    });
    return report;
  }

  async #reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    const { file, apply } = this.#options;
    if (file === undefined) return refused(['there is no configuration file']);
    const before = await stampsOf(this.#files);
    try {
      const loaded = await within(loadConfigWithWarnings(file), LOADING);
      if (loaded === undefined)
        throw new Error(`${file}, or a file that it names, cannot be read within ${LOADING} ms`);
      this.#filesOfRefused = filesRead(loaded.config);
      if (this.#end.signal.aborted) throw new GatewayError('shutting-down');
      await apply(loaded.config);
      this.#config = loaded.config;
      this.#filesOfRefused = [];
      return this.#applied(trigger, loaded, file);
    } catch (error) {
      if (trigger === 'signal') this.#options.reopen();
      if (error instanceof ConfigError) this.#filesOfRefused = error.named;
      return this.#refused(trigger, problemsOf(error));
    } finally {
      // What changes while it is read is looked at again; so is what was not known before and may have come meanwhile.
      const now = await stampsOf(this.#files);
      this.#seen = new Map(this.#files.map((each) => [each, before.get(each) ?? this.#firstStamp(now, each)]));
    }
  }

  /** Of a file that a refused configuration names: nobody has looked at it yet. */
  #firstStamp(now: Stamps, file: string): string {
    return this.#filesOfRefused.includes(file) ? 'not looked at' : (now.get(file) ?? '');
  }

  #applied(trigger: ReloadTrigger, { config, warnings }: LoadedConfig, file: string): ReloadReport {
    const { logger, metrics } = this.#options;
    const restartNeeded = RESTART_KEYS.filter(
      (key) => !isDeepStrictEqual(valueAt(config, key), valueAt(this.#first, key)),
    );
    this.#refusal = undefined;
    metrics.configurationRead('applied');
    const fields = { trigger, ...(restartNeeded.length > 0 && { restartNeeded: restartNeeded.join(', ') }) };
    const level = restartNeeded.length > 0 ? 'warn' : 'info';
    const rest = restartNeeded.length > 0 ? `, except ${restartNeeded.join(' and ')}: restart` : '';
    writeEvent(logger, 'config-applied', `the configuration was read again and is in force${rest}`, fields, level);
    return {
      outcome: 'applied',
      problems: [],
      warnings: warnings.map((warning) => describeProblem(warning, file)),
      restartNeeded,
    };
  }

  #refused(trigger: ReloadTrigger, problems: readonly string[]): ReloadReport {
    const { logger, metrics } = this.#options;
    const detail = problems.join('; ');
    // Files that are looked at once more and are as bad as before are no news.
    const known = trigger === 'file' && detail === this.#refusal;
    this.#refusal = detail;
    if (known) return refused(problems);
    metrics.configurationRead('refused');
    writeEvent(logger, 'config-refused', 'the configuration was refused; the one before goes on', { trigger, detail });
    return refused(problems);
  }
}

/** How long the files may take (milliseconds): those of a network may hang. */
const LOADING = 20_000;
/** How long the end of the service waits for a reload (milliseconds). */
const PATIENCE = 1000;
/** So many times in a row a change is left to go on; then it is taken up as it is. */
const MOST_RESTLESS = 10;

/** What a running process cannot change. */
const RESTART_KEYS = ['workers', 'log.format', 'replication'] as const;

function valueAt(config: Config, key: (typeof RESTART_KEYS)[number]): unknown {
  if (key === 'replication') return config.replication;
  return key === 'workers' ? config.workers : config.log.format;
}

function refused(problems: readonly string[]): ReloadReport {
  return { outcome: 'refused', problems, warnings: [], restartNeeded: [] };
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems.map((problem) => describeProblem(problem, error.file));
  return [describeSystemError(error)];
}

/** Readiness with a word about a configuration that was refused: that makes nothing unready, since the one before goes on. */
export function withRefusal<R extends object>(
  readiness: R,
  refusal: string | undefined,
): R & { warnings: readonly string[] } {
  // Everybody may ask for readiness, and the mistakes quote the configuration.
  const warnings =
    refusal === undefined ? [] : ['the configuration that was read last was refused: see config-refused in the log'];
  return { ...readiness, warnings };
}
