/**
 * Asks for a password on a terminal without showing it. Knows nothing of what it is for.
 */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandFailure } from './outcome.ts';

/** The terminal, or what stands for it. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** What was typed, without the line end. Rejects with a {@link CommandFailure} on Ctrl+C and Ctrl+D. */
export async function askPassword(question: string, { input, output }: Terminal): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // `terminal` switches the terminal's own echo off; that of the line editor goes nowhere.
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  output.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      const giveUp = () => reject(new CommandFailure('no password was given'));
      lines.once('line', resolve);
      lines.once('SIGINT', giveUp);
      lines.once('close', giveUp);
    });
  } finally {
    lines.close();
    output.write('\n');
  }
}
