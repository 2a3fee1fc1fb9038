/**
 * Plays the `console` blocks of a document: each `$ command` in one folder, in order, and what it prints is held against what the document shows. In
 * what is shown `…` stands for anything within a line. Commands that run on (`sallyport serve`, `sallyport demo`) stay in the background until
 * the next of them, or the end.
 */
import { expect } from 'vitest';
import { Daemon } from '../support/processes.ts';
import type { Programs } from './programs.ts';

/** Words of the document, and what stands for them on this machine. */
export type Stand = Readonly<Record<string, string>>;

interface Step {
  readonly command: string;
  readonly shown: string;
}

const PATIENCE = 10_000;

/** The commands of a console block, with what it shows of each. */
export function stepsOf(text: string): readonly Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...shown] = step.split('\n');
      return { command, shown: shown.join('\n') };
    });
}

/** A terminal in a folder, in which commands are typed one after the other. */
export class Terminal {
  readonly #programs: Programs;
  readonly #folder: string;
  readonly #stand: Stand;
  #running: Daemon | undefined;
  /** Variables that a command has set for those behind it. */
  #variables = '';

  constructor(programs: Programs, folder: string, stand: Stand) {
    this.#programs = programs;
    this.#folder = folder;
    this.#stand = stand;
  }

  /** Text of the document as it reads on this machine. */
  adapt(text: string): string {
    const words = Object.keys(this.#stand).map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return text.replaceAll(new RegExp(words.join('|'), 'g'), (word) => this.#stand[word] ?? word);
  }

  /** Types a command; fails unless it prints what is shown. */
  async type({ command, shown }: Step): Promise<void> {
    const script = this.adapt(command);
    const [, variable, source = ''] = /^([A-Z]+)=\$\((.*)\)$/.exec(script) ?? [];
    if (variable !== undefined) {
      const { output } = await this.#programs.run(source, this.#folder);
      this.#variables += `${variable}='${output.trimEnd()}'\n`;
      return;
    }
    const wanted = this.adapt(shown);
    if (/^sallyport (serve|demo)\b/.test(script)) return this.#start(script, wanted);
    const { output } = await this.#programs.run(`exec 2>&1\n${this.#variables}${script}`, this.#folder);
    const said = Buffer.from(output, 'latin1').toString();
    expect(said, `of ${command}`).toMatch(new RegExp(`^${pattern(wanted)}$`));
  }

  /** Ends what runs in the background. */
  async close(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  async #start(script: string, wanted: string): Promise<void> {
    await this.close();
    const running = new Daemon('/bin/sh', ['-c', script], { env: this.#programs.environment, folder: this.#folder });
    this.#running = running;
    // The log goes to the same terminal.
    const shown = new RegExp(`^${pattern(wanted)}`, 'm');
    await expect.poll(() => Buffer.from(running.log, 'latin1').toString(), { timeout: PATIENCE }).toMatch(shown);
  }
}

function pattern(shown: string): string {
  return shown.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^\\n]*');
}
