/**
 * A wall clock that a test can move forward, for real programs under libfaketime. Their monotonic clocks and timers run on as ever: what
 * moves is what they take for the time of day, from which TLS counts the age of sessions and tickets.
 */
import { chmod, link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Packages } from '../support/debian-packages.ts';

/** Where libfaketime keeps a little shared memory for each process; it stays there when that process is killed. */
const SHARED_MEMORY = '/dev/shm';

export class MovableClock {
  /** What a program needs in its environment to live by this clock. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #file: string;
  #seconds = 0;

  private constructor(file: string, library: string) {
    this.#file = file;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** A clock that tells the right time, until it is moved. */
  static async create(packages: Packages): Promise<MovableClock> {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-interop-clock-'));
    await chmod(folder, 0o755);
    const clock = new MovableClock(join(folder, 'offset'), packages.library('faketime/libfaketime.so.1'));
    await clock.#write('w');
    return clock;
  }

  /** Moves it on, for all programs at once and from now on. */
  async forward(seconds: number): Promise<void> {
    this.#seconds += seconds;
    await this.#write('r+');
  }

  /** Always as long, and over what is there: whoever reads meanwhile finds a whole number. */
  #write(flag: 'w' | 'r+'): Promise<void> {
    return writeFile(this.#file, `+${String(this.#seconds).padStart(12, '0')}\n`, { flag });
  }

  /** Programs that lock themselves into this folder go on living by it. */
  async showBelow(root: string): Promise<void> {
    const inside = join(root, this.#file);
    await mkdir(dirname(inside), { recursive: true });
    await link(this.#file, inside);
  }

  /** Removes it, once its programs have ended. */
  async remove(): Promise<void> {
    await rm(dirname(this.#file), { recursive: true, force: true });
    for (const name of await readdir(SHARED_MEMORY)) {
      const pid = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/.exec(name)?.[1];
      if (pid !== undefined && !isRunning(Number(pid))) await rm(join(SHARED_MEMORY, name), { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
