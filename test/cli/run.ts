/** Runs the program as a child process with the Node that runs the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../interop/free-ports.ts';

/** The program. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A process that runs. */
export class Running {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly ended: Promise<Ended>;
  #over = false;
  #wake: () => void = () => {};

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
      this.#wake();
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#over = true;
      this.#wake();
      return { code, signal, out: this.out, err: this.err };
    });
  }

  /** Resolves when the output matches; rejects when the process ends before. */
  async until(pattern: RegExp, stream: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[stream]);
      if (match !== null) return match;
      if (this.#over) throw new Error(`ended before ${pattern}\n${this.out}\n${this.err}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends it, whatever it does. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Runs to the end. */
export function run(...args: readonly string[]): Promise<Ended> {
  return new Running(args).ended;
}

/** Flags for `sallyport demo` that use 14 free ports in a row, the first of them for explicit FTPS. */
export async function demoPorts(): Promise<{ readonly first: number; readonly args: readonly string[] }> {
  const first = await freePorts(14);
  const args = ['--port', first, '--implicit-port', first + 1, '--admin-port', first + 2];
  return { first, args: [...args, '--passive-ports', `${first + 4}-${first + 13}`].map(String) };
}
