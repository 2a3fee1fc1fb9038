/**
 * Real programs as child processes: run one to its end, or keep one in its own process group and
 * take the whole group down again. Knows nothing of FTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** What a program left behind: its exit code (or the signal that ended it) and everything it printed, as Latin-1. */
export interface ProgramResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/** How to run a program: environment (replaces ours), text for its input (Latin-1), folder, and a limit in milliseconds. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly folder?: string;
  readonly limit?: number;
  /** File descriptors that a daemon may have; 1024 by default. */
  readonly descriptors?: number;
}

/** How long a daemon has to end by itself, milliseconds. */
const PATIENCE = 2_000;
/** How long killed processes are awaited: where process 1 buries nobody they stay as zombies for ever. */
const BURIAL = 1_000;

const running = new Set<number>();

process.on('exit', () => {
  for (const group of running) signalGroup(group, 'SIGKILL');
});

/** Sends a signal to a process group; false when nobody is left in it. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * The shell that keeps a daemon: it ends the process group when its input ends, which happens even when we are killed; and it limits
 * descriptors (ProFTPD closes every possible one before it greets, and children of Node.js may have a million).
 */
const KEEPER = `ulimit -n "$DESCRIPTORS"; unset DESCRIPTORS; exec 3<&0
"$0" "$@" 3<&- </dev/null & program=$!
(read -r _ <&3; kill -s KILL 0) >/dev/null 2>&1 &
wait $program`;

function launch(program: string, words: readonly string[], options: ProgramOptions, input: 'pipe' | 'ignore') {
  const child = spawn(program, words, {
    env: options.env ?? process.env,
    cwd: options.folder,
    detached: true,
    stdio: [input, 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  return child;
}

/** Runs a program to its end. Rejects when it cannot be started; kills its process group at the limit (signal SIGKILL). */
export function runProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = launch(program, words, options, options.input === undefined ? 'ignore' : 'pipe');
    const group = child.pid;
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stdin?.on('error', () => {}).end(Buffer.from(options.input ?? '', 'latin1'));
    const guard = setTimeout(() => group !== undefined && signalGroup(group, 'SIGKILL'), options.limit ?? 60_000);
    child.once('error', (error) => {
      clearTimeout(guard);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(guard);
      if (group !== undefined) running.delete(group);
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('latin1');
      resolve({ code, signal, output: text(output), errors: text(errors) });
    });
  });
}

/** A long-running program with everything it started: all of it ends with this process, however that ends. */
export class Daemon {
  readonly #child: ChildProcess;
  #log = '';
  #ended: string | undefined;

  constructor(program: string, words: readonly string[], options: ProgramOptions = {}) {
    const { env = process.env, descriptors = 1_024 } = options;
    const kept = { ...options, env: { ...env, DESCRIPTORS: String(descriptors) } };
    this.#child = launch('/bin/sh', ['-c', KEEPER, program, ...words], kept, 'pipe');
    this.#child.stdin?.on('error', () => {});
    const keep = (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString('latin1')).slice(-65_536);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#child.once('error', (error) => {
      this.#ended = error.message;
    });
    this.#child.once('exit', (code, signal) => {
      this.#ended ??= `ended with ${signal ?? code}`;
    });
  }

  /** The process above all of its processes; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The last 64 KiB of what it printed. */
  get log(): string {
    return this.#log;
  }

  /** How it ended, while it should be running: undefined as long as it runs. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Ends the whole process group (SIGTERM, after two seconds SIGKILL); resolves when none of its processes is left. */
  async stop(): Promise<void> {
    const group = this.#child.pid;
    if (group === undefined) return;
    const killAt = performance.now() + PATIENCE;
    signalGroup(group, 'SIGTERM');
    while (signalGroup(group, 0) && performance.now() < killAt + BURIAL) {
      if (performance.now() > killAt) signalGroup(group, 'SIGKILL');
      await delay(10);
    }
    running.delete(group);
  }
}
