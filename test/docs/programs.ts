/**
 * A folder of small scripts by whose names a shell finds the programs that documents speak of: `sallyport`, and those of unpacked packages with their
 * libraries. Everything else comes from the system.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Packages } from '../support/debian-packages.ts';
import { type ProgramResult, runProgram } from '../support/processes.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Time for one script, milliseconds. */
const LIMIT = 20_000;

/** The folder, and the environment in which a shell finds it first. */
export class Programs {
  readonly #bin: string;
  /** Environment for a shell: HOME and TMPDIR are the folder above. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.#bin = join(folder, 'bin');
    this.environment = {
      PATH: `${this.#bin}:/usr/local/bin:/usr/bin:/bin`,
      HOME: folder,
      TMPDIR: folder,
      LC_ALL: 'C',
      NO_COLOR: '1',
    };
  }

  /** Makes the folder `bin` in this one, with `sallyport` in it. */
  static async in(folder: string): Promise<Programs> {
    const programs = new Programs(folder);
    await mkdir(programs.#bin);
    await programs.add('sallyport', process.execPath, [MAIN]);
    return programs;
  }

  /** Adds a program of unpacked packages under its own name, with words that come before those of the caller. */
  addPackaged(packages: Packages, file: string, words: readonly string[] = []): Promise<void> {
    const { LD_LIBRARY_PATH: libraries = '' } = packages.environment('/nonexistent');
    return this.add(basename(file), '/usr/bin/env', [`LD_LIBRARY_PATH=${libraries}`, packages.path(file), ...words]);
  }

  /** Adds a program under a name, with words that come before those of the caller. */
  async add(name: string, program: string, words: readonly string[] = []): Promise<void> {
    const quoted = [program, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    await writeFile(join(this.#bin, name), `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  }

  /** Runs a script of the shell to its end, or to its first command that fails. */
  run(script: string, folder: string, limit = LIMIT): Promise<ProgramResult> {
    return runProgram('/bin/sh', ['-ec', script], { env: this.environment, folder, limit });
  }
}
