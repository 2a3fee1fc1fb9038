/** docs/quick-start.md from its first command to the last, before a real plain FTP server. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Backend, PASSWORD, USER } from '../interop/backends/backend.ts';
import { pyftpdlib } from '../interop/backends/pyftpdlib.ts';
import { freePorts } from '../interop/free-ports.ts';
import { describeInterop } from '../interop/test-bed.ts';
import { stepsOf, Terminal } from './console.ts';
import { blocksOf } from './documents.ts';
import { Programs } from './programs.ts';

const BLOCKS = blocksOf('docs/quick-start.md');

await describeInterop('docs/quick-start.md', ({ packages, folder }) => {
  let backend: Backend;
  let terminal: Terminal;
  let place: string;

  beforeAll(async () => {
    const programs = await Programs.in(folder);
    await programs.addPackaged(packages, 'usr/bin/curl');
    place = await mkdtemp(join(folder, 'clone-'));
    backend = await pyftpdlib.start(packages);
    await mkdir(join(backend.home, 'incoming'));
    const first = await freePorts(14);
    const passive = `${first + 4}-${first + 13}`;
    const flags = `--port ${first} --implicit-port ${first + 1} --admin-port ${first + 2} --passive-ports ${passive}`;
    terminal = new Terminal(programs, place, {
      'sallyport demo': `sallyport demo ${flags}`,
      '2121': String(first),
      '2990': String(first + 1),
      '9121': String(first + 2),
      '21300-21309': passive,
      'host: 10.0.5.20': `host: 127.0.0.1, port: ${backend.port}`,
      '10.0.5.20:21': `127.0.0.1:${backend.port}`,
      alice: USER,
      secret: PASSWORD,
    });
  });
  afterAll(async () => {
    await terminal?.close();
    await backend?.stop();
  });

  for (const block of BLOCKS) {
    if (block.language === 'yaml') {
      it(`line ${block.line}: Ctrl+C, and the configuration is saved`, async () => {
        await terminal.close();
        await writeFile(join(place, 'trial/sallyport.yaml'), terminal.adapt(`${block.text}admin: { port: 9121 }\n`));
      });
    }
    if (block.language === 'console') {
      for (const step of stepsOf(block.text)) {
        it(`line ${block.line}: ${step.command}`, () => terminal.type(step));
      }
    }
  }

  it('has more than a dozen commands', () => {
    const commands = BLOCKS.flatMap(({ language, text }) => (language === 'console' ? stepsOf(text) : []));
    expect(commands.length).toBeGreaterThan(12);
  });
});
