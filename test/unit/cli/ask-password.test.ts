/** Asking for a password. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { askPassword } from '../../../src/cli/ask-password.ts';

function ask(typed: string): { readonly answer: Promise<string>; readonly output: PassThrough } {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const answer = askPassword('Password: ', { input, output });
  input.write(typed);
  return { answer, output };
}

describe('asking for a password', () => {
  it('takes what is typed, corrections included, and shows none of it', async () => {
    const { answer, output } = ask('Wörtt\x7fer\r');
    expect(await answer).toBe('Wörter');
    output.end();
    expect(await text(output)).toBe('Password: \n');
  });

  it('takes nothing for an empty password', async () => {
    expect(await ask('\n').answer).toBe('');
  });

  it.each([
    ['Ctrl+C', 'half\x03'],
    ['Ctrl+D', '\x04'],
  ])('gives up on %s', async (_name, typed) => {
    await expect(ask(typed).answer).rejects.toThrow('no password was given');
  });
});
