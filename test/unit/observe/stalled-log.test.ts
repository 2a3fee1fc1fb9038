/** The log goes to a pipe; whoever should empty it may hang. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('../../../src/observe/logger.ts', import.meta.url);

/** Logs far more than a pipe holds, says on stderr when it is through, then one line more each time it is asked. */
const TALKATIVE = `
  import { createLogger } from ${JSON.stringify(MODULE.href)};
  const logger = createLogger({ level: 'info', format: 'json' });
  for (let number = 0; number < 3000; number += 1) logger.info({ number, text: 'x'.repeat(100) }, 'line');
  process.stderr.write('through');
  process.stdin.on('data', () => logger.info('more'));
`;

/** A pipe as shells and container runtimes make them (between two Node processes there would be a socket); it is read from when told. */
const PIPELINE = '"$0" --input-type=module -e "$1" | { read -r _ <&3; exec cat; }';

describe('a log whose reader hangs', () => {
  it('stops nobody, and is whole when the reader goes on', async () => {
    const child = spawn('sh', ['-c', PIPELINE, process.execPath, TALKATIVE], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    try {
      // Nobody has read a line by now.
      expect(String((await once(child.stderr, 'data'))[0])).toBe('through');
      const lines: { number?: number; msg: string }[] = [];
      const reader = createInterface({ input: child.stdout });
      reader.on('line', (line) => {
        lines.push(JSON.parse(line));
        if (lines.length % 100 === 0) child.stdin.write('.'); // what is kept goes out with the next line
      });
      (child.stdio[3] as Writable).write('read\n');
      child.stdin.write('.');
      await expect.poll(() => lines.filter(({ number }) => number !== undefined).length).toBe(3000);
      expect(lines.flatMap(({ number }) => number ?? [])).toEqual(Array.from({ length: 3000 }, (_, index) => index));
      expect(lines.some(({ msg }) => msg === 'more')).toBe(true);
    } finally {
      child.stdin.end();
      (child.stdio[3] as Writable).end();
      await once(child, 'close');
    }
  });
});
