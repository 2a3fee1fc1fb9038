/** What `sallyport demo` prints for curl and lftp works as it stands when it is pasted into a shell. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { demoPorts, Running } from '../cli/run.ts';
import { describeInterop } from './test-bed.ts';

await describeInterop('the lines that sallyport demo prints', ({ packages, folder }) => {
  let demo: Running;
  let lines: readonly string[];
  beforeAll(async () => {
    demo = new Running(['demo', ...(await demoPorts()).args], { TMPDIR: folder });
    await demo.until(/The log follows/);
    lines = demo.out.split('\n').flatMap((line) => (/^ {2}(?:curl|lftp|cat) /.test(line) ? [line.trim()] : []));
  });
  afterAll(() => demo?.kill());

  async function paste(line: string | undefined): Promise<string> {
    const env = packages.environment(folder);
    const path = `${dirname(packages.path('usr/bin/curl'))}:/usr/bin:/bin`;
    const options = { env: { ...env, PATH: path }, timeout: 15_000 };
    return (await promisify(execFile)('/bin/sh', ['-c', String(line)], options)).stdout;
  }

  it('are all there: three for curl in each mode, one for lftp in each mode, two to look', () => {
    expect(lines.map((line) => line.split(' ')[0]).join(' ')).toBe('curl curl curl curl curl curl lftp lftp cat curl');
  });

  it.each([0, 3])('list, upload and download with curl, from line %i', async (first) => {
    expect(await paste(lines[first])).toContain(' welcome.txt');
    await paste(lines[first + 1]);
    expect(await paste(lines[first + 2])).toMatch(first === 0 ? /^This file was uploaded over TLS/ : /^Welcome\. /);
    expect(await paste(lines[8])).toMatch(/^This file was uploaded over TLS/);
  });

  it.each([6, 7])('list, upload and download with lftp, line %i', async (line) => {
    const out = await paste(lines[line]);
    expect(out).toContain(' welcome.txt\n');
    expect(out).toContain('\nWelcome. ');
  });

  it('show what was done, and Ctrl+C leaves nothing behind', async () => {
    expect(await paste(lines[9])).toMatch(/direction="upload",backend="demo",outcome="completed"} 4\n/);
    demo.child.kill('SIGINT');
    expect((await demo.ended).code).toBe(0);
    expect((await readdir(folder)).filter((name) => name.startsWith('sallyport-'))).toEqual([]);
  });
});
