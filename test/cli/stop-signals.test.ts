/** The first signal is an invitation, the second an order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('../../src/cli/stop-signals.ts', import.meta.url);

/** A program that never manages to stop. */
const STUBBORN = `
  import { catchStopSignals } from ${JSON.stringify(MODULE.href)};
  const signals = catchStopSignals(['SIGTERM', 'SIGINT'], { abandon: () => console.log('abandoned') });
  setInterval(() => {}, 1000);
  console.log('ready');
  await signals.first;
  console.log('stopping');
`;

describe('catchStopSignals', () => {
  it('ends the process at once on a second signal, of either kind', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', STUBBORN], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (text.includes('ready')) child.kill('SIGTERM');
      if (text.includes('stopping')) child.kill('SIGINT');
    });
    expect(await ended).toEqual([1, null]);
    expect(out).toBe('ready\nstopping\nabandoned\n');
  });
});
