/** The examples of docs/migration.md: a gateway in report mode before a server with three users, and what log and metrics tell of them. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { type DemoBackend, startDemoBackend } from '../../src/demo/backend.ts';
import { freePorts } from '../interop/free-ports.ts';
import { describeInterop } from '../interop/test-bed.ts';
import { stepsOf, Terminal } from './console.ts';
import { blocksOf } from './documents.ts';
import { Programs } from './programs.ts';

await describeInterop('docs/migration.md', ({ packages, folder }) => {
  let backend: DemoBackend;
  let terminal: Terminal;
  let place: string;

  beforeAll(async () => {
    const programs = await Programs.in(folder);
    await programs.addPackaged(packages, 'usr/bin/curl');
    place = await mkdtemp(join(folder, 'place-'));
    await mkdir(join(folder, 'files/incoming'), { recursive: true });
    backend = await startDemoBackend({ root: join(folder, 'files'), addresses: ['127.0.0.1'] });
    const first = await freePorts(14);
    terminal = new Terminal(programs, place, {
      'port: 2121': `port: ${first + 1}`,
      'port: 21 ': `port: ${first} `,
      '"port":21,': `"port":${first},`,
      'localhost:21/': `localhost:${first}/`,
      '9121': String(first + 2),
      '50000-50009': `${first + 4}-${first + 13}`,
      'host: 10.0.5.20': `host: 127.0.0.1, port: ${backend.port}`,
      '10.0.5.20:21': `127.0.0.1:${backend.port}`,
    });
    await programs.run('sallyport certs --name localhost', place);
  });
  afterAll(async () => {
    await terminal?.close();
    await backend?.close();
  });

  for (const { language, text, line } of blocksOf('docs/migration.md')) {
    if (language === 'yaml') {
      it(`line ${line}: the configuration is saved`, () =>
        writeFile(join(place, 'sallyport.yaml'), terminal.adapt(`${text}admin: { port: 9121 }\n`)));
    }
    if (language === 'console') {
      for (const step of stepsOf(text)) it(`line ${line}: ${step.command}`, () => terminal.type(step));
    }
  }
});
