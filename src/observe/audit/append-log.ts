/**
 * A file, or standard output, to which whole lines are appended, one system call for each, so that several processes can share it.
 * What cannot be written now waits and is written later, in order; what is too much to wait is counted. Knows nothing of
 * what lines say.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { STANDARD_OUTPUT } from '../../config/audit.ts';

/** How long until a failed write is tried again (milliseconds). */
const RETRY = 250;
/** The same, at first, where only a reader is slow (EAGAIN): it doubles as long as nothing can be written, up to {@link RETRY}. */
const RETRY_SOON = 5;
/** How long at most {@link AppendLog.close} tries to get rid of what waits (milliseconds). */
const LAST_TRIES = 1000;
/** What may wait (bytes): half of it is for lines that must be kept. */
const ROOM = 16 * 1024 ** 2;
const NEWLINE = 0x0a;
const STDOUT = 1;

/** Who is told what becomes of lines. */
export interface AppendLogListener {
  /** Lines were written at once, were written after they had waited, or were lost. */
  onLines(outcome: 'written' | 'delayed' | 'lost', lines: number): void;
  /** Writing fails, and lines wait: at once, or where only a reader is slow after {@link RETRY}. */
  onFailing(error: Error): void;
  /** From now on lines are lost, since too many wait. */
  onOverflow(): void;
  /** All that waited is written, after {@link onFailing}. How many lines waited, and how many were lost meanwhile. */
  onRecovered(delayed: number, lost: number): void;
}

export interface AppendLogOptions extends AppendLogListener {
  /** A path, or {@link STANDARD_OUTPUT}. */
  readonly path: string;
  /** A line that says that lines were lost in its place; undefined: none is written. */
  readonly lostLine?: (lines: number, since: Date) => string;
}

interface Waiting {
  readonly bytes: Buffer;
  /** How much of it is in the file already. */
  written: number;
  /** Size of the file then; undefined where it has none. */
  sizeThen: number | undefined;
  /** Whether it was taken by {@link AppendLog.append}: only then it is counted. */
  readonly counted: boolean;
}

/** Why lines wait. */
interface Obstacle {
  readonly error: Error;
  /** As `performance.now()`. */
  readonly since: number;
  /** Whether the listener knows. */
  readonly told: boolean;
  /** Until the next try (milliseconds). */
  readonly wait: number;
}

export class AppendLog {
  readonly path: string;
  readonly #options: AppendLogOptions;
  readonly #queue: Waiting[] = [];
  #descriptor: number;
  #waitingBytes = 0;
  #obstacle: Obstacle | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delayed = 0;
  #lost: { lines: number; readonly since: Date } | undefined;
  #lostInAll = 0;
  #overflows = false;
  #closed = false;

  /** Opens the file, and makes it where it is not there (mode 640). Throws Node's own error. */
  constructor(options: AppendLogOptions) {
    this.path = options.path;
    this.#options = options;
    this.#descriptor = openForAppending(options.path);
    if (endsInside(options.path)) this.#put('\n', false);
  }

  /** Why lines wait; undefined while they are written, and while a reader is slow for a moment only. */
  get failure(): Error | undefined {
    return this.#obstacle?.told === true ? this.#obstacle.error : undefined;
  }

  /** How many lines wait. */
  get waiting(): number {
    return this.#queue.filter(({ counted }) => counted).length;
  }

  /** Writes a line, which has its end; or keeps it for later. `keep`: it has room where others have none any more. */
  append(line: string, keep: 'always' | 'if-room' = 'if-room'): void {
    const length = Buffer.byteLength(line);
    if (this.#closed || this.#waitingBytes + length > (keep === 'always' ? ROOM : ROOM / 2)) return this.#lose();
    this.#overflows = false;
    this.#markLoss();
    this.#put(line, true);
    if (this.#obstacle === undefined) this.#flush();
  }

  /** Writes a line now, behind what waits, or not at all: whether it was written. */
  appendNow(line: string): boolean {
    if (this.#obstacle !== undefined) this.#flush();
    if (this.#closed || this.#obstacle !== undefined) return false;
    this.#put(line, true);
    this.#flush();
    const last = this.#queue.at(-1);
    // What was begun must be ended, or the next line would not be whole.
    if (last !== undefined && last.written === 0) this.#drop();
    return last === undefined;
  }

  /**
   * Opens the path anew, after somebody has renamed the file, and begins it with `first`. Throws Node's own error; then the old file
   * stays in use.
   */
  reopen(first: string | undefined): void {
    if (this.path === STANDARD_OUTPUT) return;
    const descriptor = openForAppending(this.path);
    this.#flush();
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    for (const waiting of this.#queue) waiting.written = 0;
    if (first !== undefined) this.#put(first, false, 'first');
    if (endsInside(this.path)) this.#put('\n', false, 'first');
    this.#flush();
  }

  /** Writes what waits, for a second at most, and closes. How many lines were lost in all that nobody was told of yet. */
  async close(last?: string): Promise<number> {
    if (this.#closed) return 0;
    if (last !== undefined) this.#put(last, false);
    const until = performance.now() + LAST_TRIES;
    this.#flush();
    while (this.#obstacle !== undefined && performance.now() < until) {
      await sleep(RETRY / 5);
      this.#flush();
    }
    this.#closed = true;
    clearTimeout(this.#timer);
    const { waiting } = this;
    if (waiting > 0) this.#options.onLines('lost', waiting);
    if (this.#descriptor !== STDOUT) closeSync(this.#descriptor);
    return this.#obstacle === undefined ? 0 : this.#lostInAll + waiting;
  }

  #put(line: string, counted: boolean, where: 'first' | 'last' = 'last'): void {
    const waiting = { bytes: Buffer.from(line), written: 0, sizeThen: undefined, counted };
    if (where === 'first') this.#queue.unshift(waiting);
    else this.#queue.push(waiting);
    this.#waitingBytes += waiting.bytes.length;
  }

  #drop(): void {
    this.#waitingBytes -= this.#queue.pop()?.bytes.length ?? 0;
  }

  #lose(): void {
    this.#lost ??= { lines: 0, since: new Date() };
    this.#lost.lines += 1;
    this.#lostInAll += 1;
    this.#options.onLines('lost', 1);
    if (!this.#overflows && !this.#closed) {
      if (this.#obstacle !== undefined) this.#tell(this.#obstacle);
      this.#options.onOverflow();
    }
    this.#overflows = true;
  }

  /** Behind what waits, and before what comes: lines were lost here. */
  #markLoss(): void {
    if (this.#lost === undefined) return;
    const { lines, since } = this.#lost;
    this.#lost = undefined;
    const line = this.#options.lostLine?.(lines, since);
    if (line !== undefined) this.#put(line, false);
  }

  get #unwritten(): number {
    return this.#waitingBytes - (this.#queue[0]?.written ?? 0);
  }

  /** Writes what waits, until it is all written or a write fails. */
  #flush(): void {
    if (this.#closed) return;
    const before = this.#unwritten;
    try {
      for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
        this.#write(head);
        this.#queue.shift();
        this.#waitingBytes -= head.bytes.length;
        if (head.counted) this.#count();
        if (this.#queue.length === 0) this.#markLoss();
      }
    } catch (error) {
      return this.#failed(error instanceof Error ? error : new Error(String(error)), this.#unwritten < before);
    }
    if (this.#obstacle !== undefined) this.#recovered(this.#obstacle);
  }

  #write(head: Waiting): void {
    // Somebody else wrote behind our half of a line: that is ended, and the line comes once more, whole.
    if (head.written > 0 && sizeOf(this.#descriptor) !== head.sizeThen) {
      writeSync(this.#descriptor, '\n');
      head.written = 0;
    }
    try {
      while (head.written < head.bytes.length) {
        head.written += writeSync(this.#descriptor, head.bytes, head.written);
      }
    } finally {
      head.sizeThen = head.written < head.bytes.length ? sizeOf(this.#descriptor) : undefined;
    }
  }

  #count(): void {
    if (this.#obstacle === undefined) return this.#options.onLines('written', 1);
    this.#delayed += 1;
    this.#options.onLines('delayed', 1);
  }

  #failed(error: NodeJS.ErrnoException, moved: boolean): void {
    const now = performance.now();
    const { since = now, told = false, wait = RETRY_SOON } = this.#obstacle ?? {};
    const slow = error.code === 'EAGAIN';
    this.#obstacle = { error, since, told, wait: slow ? (moved ? RETRY_SOON : wait) : RETRY };
    if (!slow || now - since >= RETRY) this.#tell(this.#obstacle);
    this.#timer ??= setTimeout(() => this.#tryAgain(), this.#obstacle.wait).unref();
  }

  #tryAgain(): void {
    this.#timer = undefined;
    if (this.#obstacle === undefined) return;
    this.#obstacle = { ...this.#obstacle, wait: Math.min(2 * this.#obstacle.wait, RETRY) };
    this.#flush();
  }

  #tell(obstacle: Obstacle): void {
    if (obstacle.told) return;
    this.#obstacle = { ...obstacle, told: true };
    this.#options.onFailing(obstacle.error);
  }

  #recovered({ told }: Obstacle): void {
    const [delayed, lost] = [this.#delayed, this.#lostInAll];
    this.#obstacle = undefined;
    this.#delayed = 0;
    this.#lostInAll = 0;
    this.#overflows = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (told) this.#options.onRecovered(delayed, lost);
  }
}

/** Not blocking: a named pipe without a reader is an error, and one whose reader is slow makes lines wait, not the gateway. */
function openForAppending(path: string): number {
  if (path === STANDARD_OUTPUT) return STDOUT;
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
}

/** Whether a file ends in the middle of a line, as the death of its writer on a full disk leaves it. */
function endsInside(path: string): boolean {
  if (path === STANDARD_OUTPUT) return false;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size === 0) return false;
    const last = Buffer.alloc(1);
    return readSync(descriptor, last, 0, 1, stats.size - 1) === 1 && last[0] !== NEWLINE;
  } catch {
    // It may be written and not read.
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function sizeOf(descriptor: number): number | undefined {
  const stats = fstatSync(descriptor);
  return stats.isFile() ? stats.size : undefined;
}
