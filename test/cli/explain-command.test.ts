/** `sallyport explain --command`: which access rule decides about a command, and why. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';

const CONFIG = `
listeners: [{ name: public, port: 2121, policy: { requireTls: off, requireProtP: off } }]
backends: [{ name: legacy, host: 10.0.5.20 }, { name: windows, host: 10.0.5.21, paths: { style: windows } }]
routes:
  - { match: { user: drop }, backends: [legacy], uploadOnly: true }
  - { backends: [legacy, windows] }
access:
  rules:
    - { name: night, match: { time: { from: "22:00", to: "06:00" } } }
    - { name: staff, match: { group: staff }, effect: allow }
    - { name: archive, match: { commands: [write, rename], paths: [/archive/**, /old] }, reply: The archive is closed. }
`;

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'explain-command-'));
  file = join(folder, 'sallyport.yaml');
  await writeFile(file, CONFIG);
});
afterAll(() => rm(folder, { recursive: true }));

const NOON = '2026-01-02T12:00:00Z';

function explain(command: string, ...more: readonly string[]) {
  const options = ['--config', file, '--address', '10.0.0.1', '--user', 'ann', '--at', NOON, '--command', command];
  return run('explain', ...options, ...more);
}

describe('a command', () => {
  it('that is refused: says which rule decides, why those before it do not, and what the client is told', async () => {
    const { out, code } = await explain('STOR ../archive/x', '--directory', '/in');
    expect(code).toBe(1);
    expect(out).toContain(`Command STOR ../archive/x
  at backend legacy: write, path /archive/x
  night: does not match
    match.time is every day from 22:00 to 06:00 UTC
  staff: does not match
    match.group is staff
  archive: decides
  refused: by archive
  the client is told: The archive is closed.
`);
  });

  it('that is let through: says what the backend is told', async () => {
    const { out, code } = await explain('RETR ../archive/x', '--directory', '/in', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).command).toMatchObject({
      ...{ effect: 'allow', decidedBy: 'default', sent: 'RETR /archive/x', classes: ['read'] },
      rules: [{ against: [{ key: 'time' }] }, { against: [{ key: 'group' }] }, { against: [{ key: 'commands' }] }],
    });
  });

  it.each([
    ['STOR /archive/x', ['--group', 'staff'], 'let through: by staff'],
    ['STOR /archive/x', ['--at', '2026-01-02T23:00:00Z'], 'refused: by night'],
    ['STOR /ARCHIVE/x', [], 'let through: by default'],
    ['STOR /ARCHIVE/x', ['--backend', 'windows'], 'refused: by archive'],
    ['STOR x.', ['--backend', 'windows'], 'refused: by archive; the path is not clear: windows-name'],
    ['RNTO /x', ['--renames', '/old'], 'refused: by archive'],
    ['RNTO /x', ['--renames', '/in/x'], 'let through: by default'],
    ['SITE EXEC x', [], 'refused: by site'],
    ['NOOP', [], 'let through: nothing is forbidden to this client'],
    ['LIST /', ['--user', 'drop'], 'the client is told: an empty listing'],
    ['RETR x', ['--user', 'drop'], 'refused: by uploadOnly'],
    ['STOR x', ['--user', 'drop'], 'let through: by default, if the backend says that there is no such file; else 553'],
    ['FOO x', [], 'refused: the gateway does not know it'],
  ])('%s %j: %s', async (command, more, expected) => {
    expect((await explain(command, ...more)).out).toContain(expected);
  });

  it.each([
    [' STOR x', [], '--command: found'],
    ['XMD5 x', [], 'the gateway answers anything else with 500'],
    ['STOR x', ['--directory', 'in'], '--directory: found'],
    ['STOR x', ['--backend', 'nobody'], '--backend: found "nobody", expected one of legacy, windows'],
    ['STOR x', ['--at', 'noon'], '--at: found "noon"'],
  ])('%j with %j is bad usage', async (command, more, message) => {
    const { err, code } = await explain(command, ...more);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('docs/access.md', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/access.md'), 'utf8');
  const [, yaml = '', command = '', out = ''] =
    /^```yaml configuration\n([\s\S]*?)^```[\s\S]*?^```console\n\$ sallyport (.*)\n([\s\S]*?)^```/m.exec(text) ?? [];

  it('shows what the program says', async () => {
    const path = join(folder, 'document.yaml');
    await writeFile(path, yaml.replace(/^tls:\n(?: .*\n)+/m, ''));
    await writeFile(path, `${await readFile(path, 'utf8')}policy: { requireTls: off, requireProtP: off }\n`);
    const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const explained = await run(...words.map((word) => (word === 'sallyport.yaml' ? path : word)));
    const withoutTls = (shown: string) => shown.replace(/^ {2}require.*\n/gm, '');
    expect(withoutTls(explained.out)).toBe(withoutTls(out));
  });
});
