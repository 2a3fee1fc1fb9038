/**
 * A child process that is spoken to in lines of JSON: one line for each question, one for its answer. Knows nothing of what is said.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** An answer: an object whose fields the caller knows. */
export type Answer = Readonly<Record<string, unknown>>;

export class JsonProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(program: string, words: readonly string[], env?: Readonly<Record<string, string>>) {
    const child = spawn(program, words, { env: env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('latin1')).slice(-4_096);
    });
    child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Sends a question and waits for its answer. Throws an Error where the answer is one, or the process has ended. */
  async ask(question: Answer): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    try {
      return await this.next();
    } catch (error) {
      throw new Error(`${JSON.stringify(question)}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** The next line that it prints. Throws as {@link ask} does. */
  async next(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the process has ended: ${this.#errors}`);
    const answer = JSON.parse(value) as Answer;
    if (typeof answer['error'] === 'string') throw new Error(answer['error']);
    return answer;
  }

  /** Ends the process; resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** A field that holds a number. Throws an Error when it does not. */
export function numberIn(answer: Answer, field: string): number {
  const value = answer[field];
  if (typeof value !== 'number') throw new Error(`no number ${field} in ${JSON.stringify(answer)}`);
  return value;
}

/** A field that holds a list of numbers. Throws an Error when it does not. */
export function numbersIn(answer: Answer, field: string): number[] {
  const value = answer[field];
  if (!Array.isArray(value)) throw new Error(`no list ${field} in ${JSON.stringify(answer)}`);
  return value.map(Number);
}
