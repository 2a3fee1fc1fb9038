/**
 * Python's ftplib: all steps in one session of `python_client.py` beside this file, told as JSON on its input.
 */
import { join } from 'node:path';
import { runProgram } from '../../support/processes.ts';
import { type ClientProgram, expectSuccess, PERFORM_LIMIT } from './client.ts';

/** Python ftplib. */
export const python: ClientProgram = pythonWith('Python ftplib', { resumes: false });
/** Python ftplib that resumes the TLS session of its control connection on data connections; explicit TLS only. */
export const resumingPython: ClientProgram = pythonWith('resuming Python ftplib', { resumes: true });

function pythonWith(name: string, options: { readonly resumes: boolean }): ClientProgram {
  return {
    name,
    writes: true,
    sendsNothing: true,
    keepsSession: true,
    async perform(packages, target, steps, limit = PERFORM_LIMIT) {
      const words = ['-B', join(import.meta.dirname, 'python_client.py')];
      const input = asciiJson({ target, steps, ...options });
      const env = packages.environment('/nonexistent');
      const result = await runProgram(packages.path('usr/bin/python3'), words, { env, input, limit });
      expectSuccess(name, result);
    },
  };
}

/** JSON in which every character that is not ASCII is escaped, so that no charset is involved on the way. */
function asciiJson(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escaped);
}
